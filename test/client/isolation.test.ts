/** What readers of committed messages get of transactions, in this process and across a wire. */

import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { Queue } from '../../src/client/queue.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { KafkaServer } from '../../src/kafka/server.js'
import { allValues, committedValues, lateTime, transactionalDirectory } from '../support/transactional-topic.js'
import { all, take, texts, world } from './world.js'

async function queues(t: TestContext): Promise<Record<string, Queue>> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-client-'))
  await transactionalDirectory(directory)
  const { broker, mq } = await world(t, { directory })
  const server = await KafkaServer.listen(broker, { host: '127.0.0.1', port: 0 })
  const remote = new Queue(await RemoteBroker.connect(`127.0.0.1:${server.port}`))
  t.after(async () => {
    await remote.close()
    await server.close()
  })
  return { 'in this process': mq, 'across a wire': remote }
}

it('reads and consumes committed messages unless asked for all, and never a marker', async (t) => {
  for (const [where, mq] of Object.entries(await queues(t))) {
    for (const isolation of ['committed', undefined] as const) {
      assert.deepEqual(texts(await mq.read('orders', { isolation })), committedValues, where)
      assert.deepEqual(texts(await all(mq.consume('orders', { isolation, follow: false }))), committedValues, where)
      assert.deepEqual(texts(await mq.read('orders', { isolation, offset: 7 })), committedValues.slice(4))
    }
    const isolation = 'uncommitted'
    assert.deepEqual(texts(await mq.read('orders', { isolation })), allValues, where)
    assert.deepEqual(texts(await all(mq.consume('orders', { isolation, follow: false }))), allValues, where)
    // Behind all there is, and behind all that is decided.
    assert.deepEqual(texts(await all(mq.consume('orders', { from: 'latest', follow: false }))), [])
    const some = await take(mq.consume('orders', { group: where, isolation: 'committed' }), committedValues.length)
    assert.deepEqual(texts(some), committedValues, where)
    assert.deepEqual(
      texts(await take(mq.consume('orders', { group: `${where}, all`, isolation }), allValues.length)),
      allValues,
    )
  }
})

it('a time that lies behind what is decided is looked for in vain', async (t) => {
  for (const mq of Object.values(await queues(t))) {
    assert.deepEqual(texts(await mq.read('orders', { time: lateTime })), [])
    assert.deepEqual(texts(await mq.read('orders', { time: lateTime, isolation: 'uncommitted' })), ['plain 3'])
  }
})

it('an isolation that there is not is refused', async (t) => {
  const { mq } = await world(t)
  const isolation = 'serializable' as 'committed'
  await assert.rejects(mq.read('orders', { isolation }), { code: 'INVALID_ARGUMENT' })
  assert.throws(() => mq.consume('orders', { isolation }), { code: 'INVALID_ARGUMENT' })
  assert.throws(() => mq.consume('orders', { group: 'g', isolation }), { code: 'INVALID_ARGUMENT' })
})
