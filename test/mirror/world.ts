/** Brokers to mirror from and to, a source with everything that a log can hold, and what can be learnt of a broker. */

import type { TestContext } from 'node:test'
import { Broker } from '../../src/broker/broker.js'
import type { BrokerService, TopicPartition } from '../../src/broker/contract.js'
import { resolveSettings, type SettingsInput } from '../../src/core/settings.js'
import { mirror } from '../../src/mirror/mirror.js'
import type { MirrorOptions, MirrorReport } from '../../src/mirror/options.js'
import { batchesBetween, endsOf } from '../../src/mirror/reading.js'
import type { RecordBatch } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { prepareCodec } from '../../src/records/compression/index.js'
import { codecNames } from '../../src/records/format.js'
import type { RecordInput } from '../../src/records/record.js'
import { temporaryDirectory, whenEnded } from '../storage/support.js'

const mib = 1024 * 1024
const beginTime = 1_700_000_000_000

/** A folder for a broker, which goes with the test. */
export function folder(t: TestContext): Promise<string> {
  return temporaryDirectory(t)
}

export async function brokerAt(t: TestContext, path: string, settings: SettingsInput = {}): Promise<Broker> {
  const broker = await Broker.open(path, {
    settings: resolveSettings({
      'log.segment.bytes': mib,
      'mapped.file.size.commitlog': 2 * mib,
      'log.retention.ms': -1,
      'log.cleaner.enable': false,
      ...settings,
    }),
  })
  whenEnded(t, () => broker.close())
  return broker
}

export async function newBroker(t: TestContext, settings?: SettingsInput): Promise<Broker> {
  return brokerAt(t, await folder(t), settings)
}

export function mirrored(
  options: Partial<MirrorOptions> & Pick<MirrorOptions, 'source' | 'target'>,
): Promise<MirrorReport> {
  return mirror({ end: 'caught-up', verifies: true, ...options })
}

export function record(label: string, i: number): RecordInput {
  return {
    key: i % 4 === 0 ? null : Buffer.from(`key ${label} ${i % 50}`),
    value: i % 9 === 0 ? null : Buffer.from(`${label} ${i} `.repeat(1 + (i % 20))),
    headers:
      i % 3 === 0
        ? [
            { key: 'trace', value: Buffer.from(label) },
            { key: 'none', value: null },
          ]
        : [],
    timestamp: beginTime + i,
  }
}

export async function produce(service: BrokerService, place: TopicPartition, batch: RecordBatch): Promise<number> {
  const { topic, partition } = place
  return (await service.produce({ topic, partition, batch: batch.bytes })).baseOffset
}

/** Messages of every codec, more than a segment of them. */
export async function fillPlain(service: BrokerService, topic = 'plain', rounds = 4): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const [i, codec] of codecNames.entries()) {
      await prepareCodec(codec)
      const records = Array.from({ length: 200 }, (_, n) => record(`${codec} ${round}`, n))
      await produce(service, { topic, partition: i % 2 }, buildBatch(records, { codec }))
    }
    const large = { value: Buffer.alloc(300_000, `${round}`), timestamp: beginTime }
    await produce(service, { topic, partition: 0 }, buildBatch([large]))
  }
}

export interface Transaction {
  send(...values: string[]): Promise<void>
  end(commit: boolean): Promise<void>
}

export async function transaction(
  service: BrokerService,
  transactionalId: string,
  topic: string,
): Promise<Transaction> {
  const producer = await service.initProducer({ transactionalId, producerId: -1, producerEpoch: -1 })
  const identity = { transactionalId, ...producer }
  await service.addPartitionsToTransaction(identity, [{ topic, partition: 0 }])
  let baseSequence = 0
  return {
    async send(...values) {
      const records = values.map((value) => ({ value: Buffer.from(value), timestamp: beginTime }))
      const batch = buildBatch(records, { ...producer, baseSequence, isTransactional: true })
      baseSequence += values.length
      await service.produce({ topic, partition: 0, batch: batch.bytes, transactionalId })
    },
    end: (commit) => service.endTransaction(identity, commit),
  }
}

/** Committed, aborted, and plain messages between them. */
export async function fillTransactions(service: BrokerService, topic = 'transactional'): Promise<void> {
  const plain = (value: string) =>
    produce(service, { topic, partition: 0 }, buildBatch([{ value: Buffer.from(value), timestamp: beginTime }]))
  const [one, two] = [await transaction(service, 'one', topic), await transaction(service, 'two', topic)]
  await one.send('one 0')
  await two.send('gone 0', 'gone 1')
  await plain('plain 0')
  await one.send('one 1')
  await one.end(true)
  await two.end(false)
  await plain('plain 1')
}

/** Keys written over, over several segments, then compacted. */
export async function fillCompacted(broker: Broker, topic = 'compacted'): Promise<void> {
  for (let round = 0; round < 40; round++) {
    const records = [`key ${round % 7}`, `other ${round % 3}`].map((key) => ({
      key: Buffer.from(key),
      value: Buffer.alloc(50_000, `${round}`),
      timestamp: beginTime + round,
    }))
    await produce(broker, { topic, partition: 0 }, buildBatch(records))
  }
  await broker.compactTopic(topic)
}

export async function commit(
  service: BrokerService,
  groupId: string,
  place: TopicPartition,
  offset: number,
): Promise<void> {
  const { topic, partition } = place
  const [refusal] = await service.commitOffsets({
    groupId,
    memberId: '',
    groupInstanceId: null,
    generationId: -1,
    offsets: [{ topic, partition, offset, leaderEpoch: -1, metadata: `by ${groupId}` }],
  })
  if (refusal !== undefined) throw refusal
}

/** A topic of each kind, and two groups. */
export async function fillSource(broker: Broker): Promise<void> {
  await broker.createTopic({ name: 'plain', partitions: 2, config: { 'segment.bytes': `${mib}` } })
  await broker.createTopic({ name: 'front', partitions: 1 })
  await broker.createTopic({ name: 'transactional', partitions: 1 })
  await broker.createTopic({ name: 'compacted', partitions: 1, config: { 'cleanup.policy': 'compact' } })
  await broker.createTopic({ name: 'queues', partitions: 2, config: { 'storage.layout': 'commitlog' } })
  await fillPlain(broker)
  await fillPlain(broker, 'queues', 1)
  await produce(
    broker,
    { topic: 'front', partition: 0 },
    buildBatch(Array.from({ length: 90 }, (_, i) => record('f', i))),
  )
  await produce(
    broker,
    { topic: 'front', partition: 0 },
    buildBatch(Array.from({ length: 30 }, (_, i) => record('g', i))),
  )
  await broker.deleteRecords({ topic: 'front', partition: 0 }, 90)
  await fillTransactions(broker)
  await fillCompacted(broker)
  await commit(broker, 'readers', { topic: 'plain', partition: 0 }, 500)
  await commit(broker, 'readers', { topic: 'plain', partition: 1 }, 7)
  await commit(broker, 'others', { topic: 'front', partition: 0 }, 100)
}

/** What can be learnt of the partitions of these topics: ends, every batch, what was aborted, and what topics say. */
export async function factsOf(service: BrokerService, topics?: readonly string[]) {
  const described = (await service.describeTopics(topics ?? null)).filter(({ isInternal }) => !isInternal)
  const facts: Record<string, unknown> = {}
  for (const { name, partitions } of described) {
    const config = (await service.describeConfig(name)).filter(({ origin }) => origin === 'topic')
    facts[name] = Object.fromEntries(config.map((entry) => [entry.name, entry.value]))
    for (const { partition } of partitions) {
      const place = { topic: name, partition }
      const [start] = await endsOf(service, [place], 'earliest')
      const [end] = await endsOf(service, [place], 'latest')
      const batches: string[] = []
      for await (const batch of batchesBetween(service, place, start, end)) batches.push(batch.bytes.toString('hex'))
      facts[`${name}-${partition}`] = { start, end, batches, ...(await decidedFrom(service, place, start)) }
    }
  }
  return facts
}

async function decidedFrom(service: BrokerService, place: TopicPartition, offset: number) {
  const [{ aborted, lastStableOffset }] = await service.fetch({
    positions: [{ ...place, offset, maxBytes: 8 * mib, currentLeaderEpoch: -1 }],
    maxBytes: 8 * mib,
    minBytes: 1,
    maxWaitMs: 0,
    isolation: 'committed',
  })
  return { aborted: aborted?.map(({ firstOffset }) => firstOffset), lastStableOffset }
}

export async function offsetsOf(service: BrokerService, groupId: string): Promise<Record<string, number>> {
  const found = await service.fetchOffsets(groupId, null)
  const rows = found.map(({ topic, partition, offset }) => [`${topic}-${partition}`, offset] as const)
  return Object.fromEntries(rows.sort())
}
