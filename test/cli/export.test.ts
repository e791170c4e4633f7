/** `holdfast export`: what it prints, and its exit codes. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodeDisk } from '../../src/files/node-disk.js'
import { open } from '../../src/index.js'
import { writeKafka } from '../storage/export/world.js'
import { temporaryDirectory } from '../storage/support.js'
import { holdfast } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'

test('an export prints the commands for Kafka, what it would do, and what it did', async (t) => {
  const directory = await temporaryDirectory(t)
  const [data, kafka] = ['data', 'kafka'].map((name) => join(directory, name))
  const mq = await open(data)
  await mq.topics.create('orders', {
    partitions: 1,
    config: { 'retention.ms': '-1', 'cleanup.policy': 'compact,delete' },
  })
  await mq.send('orders', { key: 'k', value: 'v' })
  for await (const message of mq.consume('orders', { group: 'billing' })) {
    await message.ack()
    break
  }
  await mq.close()
  const run = (...args: string[]) => runProgram(process.execPath, [holdfast, 'export', '--data', data, ...args])
  const into = ['--kafka-log-dir', kafka]

  const commands = await run('--print-commands', '--bootstrap-server', 'kafka:9092')
  const create = 'kafka-topics.sh --bootstrap-server kafka:9092 --create --if-not-exists --topic'
  const internal = '--config cleanup.policy=compact --config compression.type=producer --config segment.bytes=104857600'
  assert.equal(
    commands.stdout.toString(),
    `${create} orders --partitions 1 --replication-factor 1 --config cleanup.policy='compact,delete' --config retention.ms=-1\n` +
      `${create} __consumer_offsets --partitions 50 --replication-factor 1 ${internal}\n`,
  )

  for (const [args, code, words] of [
    [[], 2, /--kafka-log-dir DIR\. \(INVALID_ARGUMENT\)/],
    [[...into, '--copy', '--move'], 2, /not both/],
    [into, 2, /There is no .*kafka\. \(INVALID_ARGUMENT\)/],
    [['--print-commands', '--topic', 'nobodys'], 1, /UNKNOWN_TOPIC_OR_PARTITION/],
  ] as const) {
    const refused = await run(...args)
    assert.equal(refused.code, code)
    assert.match(refused.stderr.toString(), words)
  }
  await writeKafka(nodeDisk, [{ name: 'orders', partitions: 1 }], kafka)
  const lacking = await run(...into)
  assert.equal(lacking.code, 1)
  assert.match(lacking.stderr.toString(), /no topic __consumer_offsets, and there are 1 groups.*EXPORT_REFUSED/s)

  await writeKafka(nodeDisk, [{ name: '__consumer_offsets', partitions: 4 }], kafka)
  const dry = await run(...into, '--dry-run')
  assert.match(dry.stdout.toString(), /^orders-0 would be exported: offsets 0 to 1, 7\d B\n1 groups would go along\./)
  assert.equal(existsSync(join(kafka, 'orders-0/00000000000000000001.log')), false)
  const done = await run(...into, '--json')
  assert.equal(done.code, 0, done.stderr.toString())
  const { partitions, groups } = JSON.parse(done.stdout.toString())
  assert.deepEqual([partitions[0].state, partitions[0].endOffset, groups], ['exported', 1, 1])
  assert.ok(existsSync(join(kafka, 'orders-0/00000000000000000001.log')))
  const moved = await run(...into, '--move')
  assert.match(moved.stdout.toString(), /was there already.*taken out of the data directory/s)
})
