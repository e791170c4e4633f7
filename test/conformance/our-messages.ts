/**
 * What a Kafka client sends to topics in our commit log, so that every way is gone on which a record becomes a message of
 * RocketMQ's: with tags, keys and ids, with what no property can hold, alone and in batches, compressed, in transactions.
 */

import { CompressionTypes, Kafka, logLevel, type Message, type Producer } from 'kafkajs'

export const ourTopics = ['orders', 'with.dots_and-more', 'a-topic-of-many-characters-'.repeat(5)] as const
export const partitions = 3
export const tagNames = ['created', 'paid', 'äöü'] as const

/** One that was acknowledged. */
export interface SentMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [name: string, value: Buffer])[]
}

const bornAt = 1_700_000_000_000
const batchSizes = [1, 7, 40]
/** What cannot be a property, or means something as one. */
const awkwardHeaders: readonly (readonly [string, Buffer])[] = [
  ['binary', Buffer.from([0, 1, 2, 0xff])],
  ['UNIQ_KEY', Buffer.from('not an id')],
  ['INNER_NUM', Buffer.from('x')],
  ['__CRC32#', Buffer.from('0123456789')],
  ['DELAY', Buffer.from('3')],
]

function recordOf(round: string, i: number): Omit<SentMessage, 'topic' | 'partition' | 'offset'> {
  const headers: (readonly [string, Buffer])[] = [['note', Buffer.from(`${round} €${i}`)]]
  if (i % 2 === 0) headers.push(['TAGS', Buffer.from(tagNames[(i / 2) % tagNames.length] as string)])
  if (i % 3 === 0) headers.push(['message-id', Buffer.from(`${round}-id-${i}`)])
  if (i % 5 === 0) headers.push(['KEYS', Buffer.from(`${round}-a${i} ${round}-b${i} shared${i % 7}`)])
  if (i % 6 === 1) headers.push(['twice', Buffer.from('first')], ['twice', Buffer.from(`last ${i}`)])
  if (i % 10 === 3) headers.push(...awkwardHeaders)
  return {
    timestamp: bornAt + i * 1000 - (i % 4) * 5000,
    key: i % 8 === 7 ? null : i % 8 === 6 ? Buffer.from([i & 0xff, 0, 1, 0xfe]) : Buffer.from(`${round}-key${i % 100}`),
    value: i % 9 === 8 ? null : Buffer.from(i % 9 === 7 ? '' : `value ${round} ${i} `.repeat(1 + ((i * 37) % 60))),
    headers,
  }
}

function forKafkaJs(record: ReturnType<typeof recordOf>, partition: number): Message {
  const headers: Record<string, Buffer | Buffer[]> = {}
  for (const [name, value] of record.headers) {
    const before = headers[name]
    headers[name] = before === undefined ? value : [before, value].flat()
  }
  return { partition, key: record.key, value: record.value, timestamp: String(record.timestamp), headers }
}

export class OurClient {
  readonly #kafka: Kafka
  /** In order, by topic and partition; those of transactions too, whatever became of them. */
  readonly sent: SentMessage[] = []

  constructor(address: string) {
    this.#kafka = new Kafka({ clientId: 'conformance', brokers: [address], logLevel: logLevel.NOTHING })
  }

  async createTopics(): Promise<void> {
    const admin = this.#kafka.admin()
    await admin.connect()
    const configEntries = [{ name: 'storage.layout', value: 'commitlog' }]
    await admin.createTopics({
      topics: ourTopics.map((topic) => ({ topic, numPartitions: partitions, replicationFactor: 1, configEntries })),
    })
    await admin.disconnect()
  }

  /** Some 900 messages. */
  async send(round: string): Promise<void> {
    const plain = this.#kafka.producer({ allowAutoTopicCreation: false })
    const idempotent = this.#kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await plain.connect()
    await idempotent.connect()
    let next = 0
    for (const producer of [plain, idempotent]) {
      for (const topic of ourTopics) {
        for (let partition = 0; partition < partitions; partition++) {
          for (const size of batchSizes) {
            const compression = size === 40 ? CompressionTypes.GZIP : CompressionTypes.None
            await this.#sendBatch(producer, topic, partition, round, [next, next + size], compression)
            next += size
          }
        }
      }
    }
    await plain.disconnect()
    await idempotent.disconnect()
    await this.#transactions(round, next)
  }

  /** One is committed and one aborted, in one partition. */
  async #transactions(round: string, next: number): Promise<void> {
    const producer = this.#kafka.producer({ transactionalId: 'conformance', idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    for (const ending of ['commit', 'abort'] as const) {
      const transaction = await producer.transaction()
      const range = [next, next + 5] as const
      await this.#sendBatch(transaction, ourTopics[0], 0, `${round}-${ending}`, range, CompressionTypes.None)
      await transaction[ending]()
    }
    await producer.disconnect()
  }

  async #sendBatch(
    producer: Pick<Producer, 'send'>,
    topic: string,
    partition: number,
    round: string,
    [from, to]: readonly [number, number],
    compression: CompressionTypes,
  ): Promise<void> {
    const records = Array.from({ length: to - from }, (_, i) => recordOf(round, from + i))
    const messages = records.map((record) => forKafkaJs(record, partition))
    const [{ baseOffset = '' } = {}] = await producer.send({ topic, acks: -1, compression, messages })
    const base = Number(baseOffset)
    this.sent.push(...records.map((record, i) => ({ ...record, topic, partition, offset: base + i })))
  }
}
