/** AlterConfigs and IncrementalAlterConfigs, and the same through RemoteBroker and the library. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Queue } from '../../../src/client/queue.js'
import * as kafka from '../../../src/kafka/schemas/index.js'
import { batchOf, produceBody, serve } from './served.js'

const topic = 2
const invalidConfig = 40
const invalidRequest = 42
const policyViolation = 44
const [set, remove, append, subtract] = [0, 1, 2, 3]

test('IncrementalAlterConfigs: every operation, each resource for itself, nothing by halves', async (t) => {
  const served = await serve(t)
  const { broker } = served
  for (const name of ['a', 'b', 'c']) await broker.createTopic({ name, config: { 'flush.batch.size': '5' } })
  const client = await served.raw()
  const entry = (name: string, configOperation: number, value: string | null = null) => ({
    name,
    configOperation,
    value,
  })
  const alter = async (resources: [type: number, name: string, configs: object[]][], validateOnly = false) => {
    const body = {
      resources: resources.map(([resourceType, resourceName, configs]) => ({
        resourceType,
        resourceName,
        configs: configs as ReturnType<typeof entry>[],
      })),
      validateOnly,
    }
    const { responses } = await client.ask(kafka.incrementalAlterConfigs, 1, body)
    return responses.map(({ errorCode }) => errorCode)
  }
  const own = async (name: string) =>
    Object.fromEntries(
      (await broker.describeConfig(name)).filter(({ origin }) => origin === 'topic').map((e) => [e.name, e.value]),
    )
  const some = [entry('max.message.bytes', set, '5000'), entry('flush.batch.size', remove)]
  assert.deepEqual(await alter([[topic, 'a', some]], true), [0])
  assert.deepEqual(await own('a'), { 'flush.batch.size': '5' })
  const half = [entry('max.message.bytes', set, '5000'), entry('segment.bytes', set, 'large')]
  const codes = await alter([
    [topic, 'a', some],
    [topic, 'b', half],
    [topic, 'nobody', some],
    [4, String(broker.nodeId), [entry('file.engine', set, 'mmap')]],
    [4, '', [entry('num.partitions', set, '2')]],
    [8, String(broker.nodeId), []],
    [topic, 'c', some],
    [topic, 'c', some],
  ])
  assert.deepEqual(codes, [
    0,
    invalidConfig,
    3,
    invalidConfig,
    invalidRequest,
    invalidRequest,
    invalidRequest,
    invalidRequest,
  ])
  assert.deepEqual(
    [await own('a'), await own('b'), await own('c')],
    [{ 'max.message.bytes': '5000' }, { 'flush.batch.size': '5' }, { 'flush.batch.size': '5' }],
  )
  assert.deepEqual(
    await alter([
      [topic, 'a', [entry('cleanup.policy', append, 'compact')]],
      [topic, 'b', [entry('cleanup.policy', subtract, 'delete')]],
      [topic, 'c', [entry('flush.disk.type', set, 'ASYNC_FLUSH')]],
    ]),
    [0, invalidConfig, invalidConfig],
  )
  assert.equal((await own('a'))['cleanup.policy'], 'delete,compact')
  for (const wrong of [entry('segment.bytes', 9, '1'), entry('segment.bytes', set), entry('segment.bytes', append)]) {
    assert.deepEqual(await alter([[topic, 'a', [wrong]]]), [invalidRequest])
  }
  assert.deepEqual(served.complaints, [])
})

test('settings of the broker that are read anew are altered, and told as dynamic; the next request goes by them', async (t) => {
  const served = await serve(t)
  const { broker } = served
  const client = await served.raw()
  const resource = { resourceType: 4, resourceName: String(broker.nodeId) }
  const alter = async (name: string, configOperation: number, value: string | null) => {
    const body = { resources: [{ ...resource, configs: [{ name, configOperation, value }] }], validateOnly: false }
    return (await client.ask(kafka.incrementalAlterConfigs, 1, body)).responses[0].errorCode
  }
  const told = async (name: string) => {
    const body = { resources: [{ ...resource, configurationKeys: [name] }] }
    const [{ value, configSource, readOnly }] = (await client.ask(kafka.describeConfigs, 4, body)).results[0].configs
    return [value, configSource, readOnly]
  }
  assert.deepEqual(await told('num.partitions'), ['1', 5, false])
  assert.deepEqual(await told('file.engine'), ['disk', 5, true])
  assert.equal(await alter('num.partitions', set, '3'), 0)
  assert.deepEqual(await told('num.partitions'), ['3', 2, false])
  assert.equal((await broker.createTopic({ name: 'three' })).partitions.length, 3)
  assert.equal(await alter('num.partitions', set, 'three'), invalidConfig)
  assert.equal(await alter('num.partitions', append, '4'), invalidConfig)
  assert.equal(await alter('num.partitions', remove, null), 0)
  assert.deepEqual(await told('num.partitions'), ['1', 5, false])
  const remote = await served.remote()
  await remote.alterBroker({ alterations: [{ name: 'fetch.max.bytes', operation: 'set', value: '2000' }] })
  assert.equal(broker.settings['fetch.max.bytes'], 2000)
  const origins = new Map((await remote.describeConfig(null)).map(({ name, origin }) => [name, origin]))
  assert.equal(origins.get('fetch.max.bytes'), 'altered')
  await remote.alterBroker({ alterations: [], replaceAll: true })
  assert.equal(broker.settings['fetch.max.bytes'], 55 * 1024 * 1024)
})

test('AlterConfigs says all anew, and the change holds for the next request', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'a', config: { 'max.message.bytes': '100', 'flush.batch.size': '5' } })
  const client = await served.raw()
  const send = async () =>
    (await client.ask(kafka.produce, 9, produceBody('a', batchOf('x'.repeat(200))))).topics[0].partitions[0].errorCode
  const alter = async (configs: { name: string; value: string | null }[]) =>
    (
      await client.ask(kafka.alterConfigs, 2, {
        resources: [{ resourceType: topic, resourceName: 'a', configs }],
        validateOnly: false,
      })
    ).responses[0].errorCode
  assert.equal(await send(), 10)
  assert.equal(await alter([{ name: 'max.message.bytes', value: null }]), invalidRequest)
  assert.equal(await alter([{ name: 'max.message.bytes', value: '1000' }]), 0)
  assert.equal(await send(), 0)
  const own = (await served.broker.describeConfig('a')).filter(({ origin }) => origin === 'topic')
  assert.deepEqual(
    own.map(({ name, value }) => [name, value]),
    [['max.message.bytes', '1000']],
  )
})

test('what belongs to the broker, or is fixed, is read-only and refused', async (t) => {
  const served = await serve(t)
  const { broker } = served
  await broker.createTopic({ name: 'a' })
  await broker.describeTopics(['__consumer_offsets'], { create: true })
  const client = await served.raw()
  const { results } = await client.ask(kafka.describeConfigs, 4, {
    resources: ['a', '__consumer_offsets'].map((resourceName) => ({
      resourceType: topic,
      resourceName,
      configurationKeys: null,
    })),
  })
  const readOnly = results.map(({ configs }) => configs.filter((config) => config.readOnly).map(({ name }) => name))
  assert.deepEqual(readOnly[0], ['index.interval.bytes', 'storage.layout', 'flush.disk.type', 'file.engine'])
  assert.equal(readOnly[1].length, results[1].configs.length)
  const { responses } = await client.ask(kafka.alterConfigs, 2, {
    resources: [{ resourceType: topic, resourceName: '__consumer_offsets', configs: [] }],
    validateOnly: false,
  })
  assert.equal(responses[0].errorCode, policyViolation)
})

test('the library alters across the wire, and sends what it refused before', async (t) => {
  const served = await serve(t)
  await using mq = new Queue(await served.remote())
  await mq.topics.create('a', { config: { 'max.message.bytes': '200' } })
  const large = () => mq.send('a', { key: 'k', value: 'x'.repeat(300) })
  await mq.send('a', { value: 'small' })
  await assert.rejects(large(), { code: 'MESSAGE_TOO_LARGE' })
  const { config } = await mq.topics.alter('a', {
    config: { 'max.message.bytes': 2000, 'cleanup.policy': ['compact', 'delete'] },
  })
  const shown = new Map(config.map(({ name, value }) => [name, value]))
  assert.deepEqual([shown.get('max.message.bytes'), shown.get('cleanup.policy')], ['2000', 'compact,delete'])
  await large()
  await mq.topics.alter('a', { config: { 'max.message.bytes': null }, validateOnly: true })
  await assert.rejects(mq.topics.alter('a', { config: { 'max.message.bytes': 'x' } }), { code: 'INVALID_CONFIG' })
  await assert.rejects(mq.topics.alter('b', { config: {} }), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  for (const wrong of [{}, { config: 1 }, { config: { 'segment.bytes': {} } }, { config: {}, more: 1 }]) {
    await assert.rejects(mq.topics.alter('a', wrong as never), { code: 'INVALID_ARGUMENT' })
  }
  const remote = await served.remote()
  await remote.alterTopic('a', { replaceAll: true, alterations: [] })
  const origins = (await served.broker.describeConfig('a')).map(({ origin }) => origin)
  assert.ok(!origins.includes('topic'))
})
