/**
 * What Java clients do to a Kafka broker so that its directory holds what a directory may hold, and what they see of it
 * afterwards, from Kafka or from us.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { codecNames } from '../../src/records/format.js'
import type { RunningKafka } from '../support/kafka/server.js'
import { until } from '../support/until.js'
import type { DescribedRecord } from './described.js'
import type { JavaClients, SentRecord } from './java-clients.js'

/** One node's, with small segments and a cleaner that is in a hurry. */
export const kafkaProperties = {
  'log.segment.bytes': 1 << 20,
  'offsets.topic.num.partitions': 2,
  'transaction.state.log.num.partitions': 2,
  'group.initial.rebalance.delay.ms': 0,
  'log.cleaner.backoff.ms': 200,
  'log.cleaner.dedupe.buffer.size': 4 << 20,
}

export const topics = ['plain', 'compacted', 'transactional']
const openTransaction = 'left-open'
const groups = ['readers', 'in-transaction']

const base64 = (text: string): string => Buffer.from(text).toString('base64')

export async function makeTopics({ admin }: JavaClients): Promise<void> {
  await admin('createTopic', { topic: 'plain', partitions: 2 })
  await admin('createTopic', { topic: 'transactional', partitions: 1 })
  const config = { 'cleanup.policy': 'compact', 'segment.ms': '100', 'min.cleanable.dirty.ratio': '0.01' }
  await admin('createTopic', { topic: 'compacted', partitions: 1, config })
}

/** Records of every codec, more than a segment of them; a group that read some. */
export async function writePlain(clients: JavaClients, round: string): Promise<void> {
  for (const codec of codecNames) {
    const producer = await clients.producer(`${codec}-${round}`, { 'compression.type': codec, 'linger.ms': 5 })
    const records = Array.from({ length: 300 }, (_, i) => plainRecord(`${round}-${codec}-${i}`, i))
    await producer.send(records)
    await producer.close()
  }
  await clients.consumeInGroup('plain', 'readers', 40, { 'max.poll.records': 10 })
}

function plainRecord(label: string, i: number): SentRecord {
  const value = Array.from({ length: 100 }, (_, word) => `${label}.${(word * 7919 * (i + 1)) % 1000}`).join(' ')
  const headers = i % 3 === 0 ? [['trace', base64(label)] as const, ['nothing', null] as const] : []
  const key = i % 4 === 0 ? null : base64(label)
  return { topic: 'plain', partition: i % 2, key, value: i % 9 === 0 ? null : base64(value), headers }
}

/** Keys written over and deleted, in and out of transactions, each round in a segment of its own. */
export async function writeCompacted(clients: JavaClients, round: number): Promise<void> {
  const producer = await clients.producer('compacted', { 'transactional.id': 'compactor' })
  await producer.initTransactions()
  for (const step of [0, 1, 2, 3]) {
    // Far enough apart in the time of the records for a roll.
    const timestamp = Date.now() - 1_000_000 + round * 10_000 + step * 1000
    await producer.begin()
    await producer.send(
      Array.from({ length: 20 }, (_, i) => ({
        topic: 'compacted',
        partition: 0,
        timestamp,
        key: base64(`key ${(i * (step + 1)) % 25}`),
        value: i % 10 === 9 ? null : base64(`round ${round} step ${step} record ${i}`),
      })),
    )
    await (step === 1 ? producer.abort() : producer.commit())
  }
  await producer.close()
}

export async function untilCompacted(kafka: Pick<RunningKafka, 'logPath'>): Promise<void> {
  let cleanedTo = 0
  let sinceMs = performance.now()
  // It comes by every 200 ms; when it has found nothing for long, it leaves the log as it is seen next.
  await until('the log cleaner', () => {
    const text = readFileSync(join(kafka.logPath, 'cleaner-offset-checkpoint'), 'utf8')
    const offset = Number(/^compacted 0 (\d+)$/m.exec(text)?.[1] ?? 0)
    if (offset !== cleanedTo) sinceMs = performance.now()
    cleanedTo = offset
    return offset > 0 && performance.now() - sinceMs > quietMs
  })
}

/** Ten times the back-off of the cleaner. */
const quietMs = 2000

/** Committed and aborted ones beside each other, and offsets committed within one. */
export async function writeTransactions(clients: JavaClients, round: string): Promise<void> {
  const one = await clients.producer('one', { 'transactional.id': 'one' })
  const two = await clients.producer('two', { 'transactional.id': 'two' })
  const send = (producer: typeof one, label: string) =>
    producer.send(
      [0, 1, 2].map((i) => ({ topic: 'transactional', key: null, value: base64(`${round} ${label} ${i}`) })),
    )
  await one.initTransactions()
  await two.initTransactions()
  await one.begin()
  await two.begin()
  await send(one, 'committed')
  await send(two, 'aborted')
  await two.abort()
  await send(one, 'committed too')
  await one.sendOffsets({ group: 'in-transaction', topic: 'plain', partition: 0, offset: 17 })
  await one.commit()
  await one.begin()
  await send(one, 'aborted later')
  await one.sendOffsets({ group: 'in-transaction', topic: 'plain', partition: 0, offset: 99 })
  await one.abort()
  await one.close()
  await two.close()
}

const isolations = ['read_uncommitted', 'read_committed']

/** A transaction that nobody ends: its producer is gone without a word, as if its process had been killed. */
export async function leaveTransactionOpen(clients: JavaClients): Promise<void> {
  const config = { 'transactional.id': openTransaction, 'transaction.timeout.ms': 600_000 }
  const producer = await clients.producer('open', config)
  await producer.initTransactions()
  await producer.begin()
  await producer.send([{ topic: 'transactional', key: null, value: base64('left open') }])
  await producer.abandon()
}

/** Its successor comes, and so it is aborted. */
export async function endOpenTransaction(clients: JavaClients): Promise<void> {
  const producer = await clients.producer('successor', { 'transactional.id': openTransaction })
  await producer.initTransactions()
  await producer.close()
}

export interface Seen {
  /** By topic with isolation level, and partition. */
  readonly records: Readonly<Record<string, Readonly<Record<string, readonly DescribedRecord[]>>>>
  readonly groups: Readonly<Record<string, unknown>>
}

/** Everything that clients can read there. */
export async function look({ consume, admin }: JavaClients): Promise<Seen> {
  const seen: { [K in keyof Seen]: Record<string, Seen[K][string]> } = { records: {}, groups: {} }
  for (const isolation of isolations) {
    for (const topic of topics) {
      seen.records[`${topic}, ${isolation}`] = await consume(topic, { 'isolation.level': isolation })
    }
  }
  for (const group of groups) seen.groups[group] = await admin('groupOffsets', { group })
  return seen
}
