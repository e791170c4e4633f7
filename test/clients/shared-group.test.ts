/** One group, two kinds of members: kcat (librdkafka) and the library share the partitions of a topic. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { Queue } from '../../src/client/queue.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { startBroker } from '../../src/testing/index.js'
import { withoutKcat } from '../support/tools.js'
import { until } from '../support/until.js'

test('kcat and the library are members of one group', { skip: withoutKcat(), timeout: 60_000 }, async () => {
  await using broker = await startBroker()
  await broker.service.createTopic({ name: 'work', partitions: 4 })
  const args = [
    '-b',
    broker.address,
    '-G',
    'g',
    '-X',
    'auto.offset.reset=earliest',
    '-X',
    'heartbeat.interval.ms=200',
    '-u',
    '-f',
    '%p\n',
    'work',
  ]
  const kcat = spawn('kcat', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let fromKcat = ''
  kcat.stdout.on('data', (chunk) => {
    fromKcat += chunk
  })
  const mq = new Queue(await RemoteBroker.connect(broker.address))
  const fromLibrary: number[] = []
  const consuming = (async () => {
    for await (const message of mq.consume('work', { group: 'g' })) {
      fromLibrary.push(message.partition)
      await message.ack()
    }
  })()
  try {
    await until('a stable group of two', async () => {
      const { state, members } = await broker.service.describeGroup('g')
      return state === 'Stable' && members.length === 2
    })
    for (const partition of [0, 1, 2, 3]) await mq.send('work', { value: 'x', partition })
    const partitionsOfKcat = () => fromKcat.trim().split('\n').filter(Boolean).map(Number)
    await until('all four messages', () => partitionsOfKcat().length + fromLibrary.length === 4)
    assert.deepEqual([...partitionsOfKcat(), ...fromLibrary].sort(), [0, 1, 2, 3])
    assert.equal(fromLibrary.length, 2)
    kcat.kill('SIGTERM')
    await once(kcat, 'exit')
    for (const partition of [0, 1, 2, 3]) await mq.send('work', { value: 'y', partition })
    await until('all four again, at the member that is left', () => fromLibrary.length === 6)
  } finally {
    kcat.kill('SIGKILL')
    await mq.close()
    await consuming
  }
})
