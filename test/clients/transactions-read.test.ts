/** Kafka's clients read a log with committed, aborted and open transactions: what each shows at either isolation level. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Consumer, FetchIsolationLevels, MessagesStreamModes, stringDeserializers } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { startBroker } from '../../src/testing/index.js'
import { runProgram, withoutKcat } from '../support/tools.js'
import { allValues, committedValues, transactionalDirectory } from '../support/transactional-topic.js'
import { until } from '../support/until.js'

async function brokerWithTransactions(t: TestContext) {
  const directory = await makeTemporaryDirectory('holdfast-clients-')
  t.after(() => directory.remove())
  await transactionalDirectory(directory.path)
  return startBroker({ dataDir: directory.path })
}

test('kcat', { skip: withoutKcat() }, async (t) => {
  await using broker = await brokerWithTransactions(t)
  const consumed = async (isolation: string) => {
    const args = ['-b', broker.address, '-C', '-t', 'orders', '-o', 'beginning', '-e', '-q']
    const { code, stdout, stderr } = await runProgram('kcat', [...args, '-X', `isolation.level=${isolation}`])
    assert.equal(code, 0, stderr)
    return stdout.toString().trimEnd().split('\n')
  }
  assert.deepEqual(await consumed('read_committed'), committedValues)
  assert.deepEqual(await consumed('read_uncommitted'), allValues)
})

test('kafkajs', async (t) => {
  await using broker = await brokerWithTransactions(t)
  const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
  for (const [readUncommitted, values] of [
    [false, committedValues],
    [true, allValues],
  ] as const) {
    const consumer = kafka.consumer({ groupId: `g-${readUncommitted}`, readUncommitted, maxWaitTimeInMs: 50 })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    const seen: string[] = []
    await consumer.run({ eachMessage: async ({ message }) => void seen.push(message.value?.toString() ?? '') })
    await until('all messages arrived', () => seen.length >= values.length)
    await consumer.disconnect()
    assert.deepEqual(seen, values)
  }
})

test('@platformatic/kafka', async (t) => {
  await using broker = await brokerWithTransactions(t)
  for (const [isolationLevel, values] of [
    [FetchIsolationLevels.READ_COMMITTED, committedValues],
    [FetchIsolationLevels.READ_UNCOMMITTED, allValues],
  ] as const) {
    const consumer = new Consumer({
      clientId: 'test',
      bootstrapBrokers: [broker.address],
      groupId: `g-${isolationLevel}`,
      deserializers: stringDeserializers,
      maxWaitTime: 50,
      isolationLevel,
    })
    const stream = await consumer.consume({ topics: ['orders'], mode: MessagesStreamModes.EARLIEST })
    const seen: string[] = []
    stream.on('data', ({ value }) => seen.push(value))
    await until('all messages arrived', () => seen.length >= values.length)
    await consumer.close(true)
    assert.deepEqual(seen, values)
  }
})
