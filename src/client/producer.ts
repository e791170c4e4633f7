/**
 * From a message to its partition: checks it, knows the partitions of each topic, chooses one, and hands the bytes to
 * the accumulator. A topic is looked up once; sends that come meanwhile wait for that in their order.
 */

import type { BrokerService } from '../broker/contract.js'
import type { Clock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import type { Randomness } from '../core/randomness.js'
import { prepareCodec } from '../records/compression/index.js'
import { Accumulator, type PreparedRecord } from './accumulator.js'
import { refuse } from './arguments.js'
import { type Compression, keptIn, TopicCompression } from './compressing.js'
import { bytesOf, headersOf, idHeaderOf, type MessageInput, shown } from './message.js'
import { withNamedHeaders } from './named-headers.js'
import { PartitionQueue } from './partition-queue.js'
import { nextSticky, partitionOfKey } from './partitioner.js'
import { describeTopic } from './topics.js'
import type { SendWaiter } from './waiters.js'

/** What a producer needs of a broker. */
export type ProducingService = Pick<BrokerService, 'produce' | 'describeTopics' | 'describeConfig' | 'idHeader'>

export interface ProducerOptions {
  readonly service: ProducingService
  readonly clock: Clock
  readonly randomness: Randomness
  readonly compression: Compression
  readonly maxBufferedBytes: number
  readonly batchBytes: number
  readonly lingerMs: number
  readonly metadataRefreshMs: number
}

interface WaitingSend {
  readonly record: PreparedRecord
  readonly partition: number | undefined
  readonly waiter: SendWaiter
  readonly index: number
}

/** What is known of a topic. It is kept, queues and all, when it has to be looked up again. */
class Route {
  readonly topic: string
  queues: PartitionQueue[] = []
  /** How many of the queues the topic has at present. */
  partitions = 0
  isKnown = false
  isLoading = false
  loadedAtMs = 0
  sticky = 0
  waiting: WaitingSend[] = []
  readonly compression: TopicCompression

  constructor(topic: string, compression: Compression) {
    this.topic = topic
    this.compression = new TopicCompression(compression)
  }
}

const messageFields = new Set(['key', 'value', 'headers', 'id', 'tags', 'keys', 'partition', 'timestamp'])

export class Producer {
  readonly accumulator: Accumulator
  readonly #options: ProducerOptions
  readonly #routes = new Map<string, Route>()
  readonly #loads = new Set<Promise<void>>()
  readonly #record: PreparedRecord = { key: null, value: null, headers: [], timestamp: 0 }
  readonly #drain = (queue: PartitionQueue): void => this.accumulator.drain(queue)
  #closed = false

  constructor(options: ProducerOptions) {
    this.#options = options
    this.accumulator = new Accumulator(options)
  }

  /** Takes one message in. Never throws: the waiter is told. */
  submit(topic: string, message: MessageInput, waiter: SendWaiter): void {
    try {
      this.#take(this.#routeTo(topic), message, waiter, 0, this.#options.clock.now())
    } catch (error) {
      waiter.refused(0, 1, error)
    }
  }

  /** Takes many messages in, of one time where they have none of their own. Never throws: the waiter is told of each. */
  submitMany(topic: string, messages: readonly MessageInput[], waiter: SendWaiter): void {
    const count = messages.length
    let index = 0
    try {
      const route = this.#routeTo(topic)
      const nowMs = this.#options.clock.now()
      while (index < count) {
        try {
          for (; index < count; index++) this.#take(route, messages[index], waiter, index, nowMs)
        } catch (error) {
          waiter.refused(index++, 1, error)
        }
      }
    } catch (error) {
      if (count > index) waiter.refused(index, count - index, error)
    }
  }

  /** Forgets what is known of a topic, so that the next send looks it up. */
  forget(topic: string): void {
    const route = this.#routes.get(topic)
    if (route !== undefined) route.isKnown = false
  }

  /** Refuses new sends and waits for the others. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#loads)
    await this.accumulator.finish()
  }

  #routeTo(topic: string): Route {
    if (this.#closed) throw new HoldfastError('CLOSED', 'The queue is closed; it takes no more messages.')
    return this.#routes.get(topic) ?? this.#newRoute(topic)
  }

  #take(route: Route, message: MessageInput, waiter: SendWaiter, index: number, nowMs: number): void {
    if (typeof message !== 'object' || message === null)
      refuse(`send: the message is ${shown(message)}; it must be an object.`)
    if (message.value === undefined) checkFields(message)
    const record = this.#record
    record.key = bytesOf(message.key, 'key')
    record.value = bytesOf(message.value, 'value')
    record.headers = headersOf(message.headers)
    if (message.id !== undefined || message.tags !== undefined || message.keys !== undefined) {
      record.headers = withNamedHeaders(record.headers, message, idHeaderOf(this.#options.service))
    }
    record.timestamp = message.timestamp === undefined ? nowMs : checkTimestamp(message.timestamp)
    const { partition } = message
    if (partition !== undefined) checkPartition(partition)
    if (route.isKnown && (partition === undefined || partition < route.partitions)) {
      this.#route(route, record, partition, waiter, index)
      return
    }
    route.waiting.push({ record: { ...record }, partition, waiter, index })
    this.#load(route)
  }

  #newRoute(topic: string): Route {
    if (typeof topic !== 'string' || topic === '') refuse(`send: the topic is ${shown(topic)}; it must be a name.`)
    const route = new Route(topic, this.#options.compression)
    this.#routes.set(topic, route)
    return route
  }

  #route(route: Route, record: PreparedRecord, asked: number | undefined, waiter: SendWaiter, index: number): void {
    let partition = asked
    if (partition === undefined) {
      partition = record.key === null ? route.sticky : partitionOfKey(record.key, route.partitions)
    } else if (partition >= route.partitions) {
      throw new HoldfastError(
        'UNKNOWN_TOPIC_OR_PARTITION',
        `Topic ${route.topic} has no partition ${partition}; it has ${route.partitions}.`,
      )
    }
    this.accumulator.append(route.queues[partition], record, waiter, index)
  }

  #load(route: Route): void {
    if (route.isLoading) return
    route.isLoading = true
    // Sends that come from here on must not overtake those that wait.
    route.isKnown = false
    const load = this.#loadNow(route).finally(() => this.#loads.delete(load))
    this.#loads.add(load)
  }

  async #loadNow(route: Route): Promise<void> {
    let failure: unknown
    try {
      const { compression } = this.#options
      if (compression !== 'auto') await prepareCodec(compression)
      await this.#lookUp(route, true)
    } catch (error) {
      failure = error
    }
    route.isLoading = false
    const waiting = route.waiting
    route.waiting = []
    if (failure !== undefined) {
      // Nothing is kept of topics that do not exist, however many are asked for.
      if (route.queues.length === 0) this.#routes.delete(route.topic)
      for (const { waiter, index } of waiting) waiter.refused(index, 1, failure)
      return
    }
    route.isKnown = true
    for (const { record, partition, waiter, index } of waiting) {
      if (waiter.cancelled) continue
      try {
        this.#route(route, record, partition, waiter, index)
      } catch (error) {
        waiter.refused(index, 1, error)
      }
    }
  }

  async #lookUp(route: Route, create: boolean): Promise<void> {
    const { service, clock } = this.#options
    route.loadedAtMs = clock.monotonic()
    const { partitions } = await describeTopic(service, route.topic, create)
    const config = await service.describeConfig(route.topic)
    const maxBatchBytes = Number(config.find(({ name }) => name === 'max.message.bytes')?.value ?? defaultMaxBatchBytes)
    for (const queue of route.queues) queue.maxBatchBytes = maxBatchBytes
    const kept = keptIn(config)
    if (kept !== undefined) await prepareCodec(kept.codec)
    route.compression.ofTopic = kept
    while (route.queues.length < partitions.length) {
      const { topic, compression } = route
      const place = { topic, partition: route.queues.length, maxBatchBytes, compression }
      const onClosed = (partition: number): void => this.#batchClosed(route, partition)
      const onRefused = (error: unknown): void => batchRefused(route, error)
      route.queues.push(new PartitionQueue(place, { onClosed, onRefused, drain: this.#drain }))
    }
    if (route.partitions === 0) route.sticky = this.#options.randomness.below(partitions.length)
    route.partitions = partitions.length
    if (route.sticky >= route.partitions) route.sticky = 0
  }

  #batchClosed(route: Route, partition: number): void {
    const { clock, randomness, metadataRefreshMs } = this.#options
    if (partition === route.sticky) route.sticky = nextSticky(partition, route.partitions, randomness)
    if (clock.monotonic() - route.loadedAtMs < metadataRefreshMs || this.#closed) return
    // Beside the sends, which need not wait for it; where it fails, so will they.
    const refresh = this.#lookUp(route, false)
      .catch(() => {})
      .finally(() => this.#loads.delete(refresh))
    this.#loads.add(refresh)
  }
}

/** Kafka's default, for a broker that does not tell. */
const defaultMaxBatchBytes = 1024 * 1024 + 12

/** A batch was refused for what may have changed about its topic. */
function batchRefused(route: Route, error: unknown): void {
  if (!(error instanceof HoldfastError)) return
  const { code } = error
  if (code === 'UNKNOWN_TOPIC_OR_PARTITION' || code === 'UNKNOWN_TOPIC_ID' || code === 'MESSAGE_TOO_LARGE') {
    route.isKnown = false
  }
}

/** A misspelt `value` would otherwise be sent as a tombstone. */
function checkFields(message: MessageInput): void {
  for (const name of Object.keys(message)) {
    if (!messageFields.has(name)) refuse(`send: a message has no ${name}; it has ${[...messageFields].join(', ')}.`)
  }
}

function checkTimestamp(timestamp: number): number {
  if (Number.isSafeInteger(timestamp) && timestamp >= 0) return timestamp
  throw new HoldfastError(
    'INVALID_TIMESTAMP',
    `The timestamp is ${shown(timestamp)}; it must be whole milliseconds since 1970.`,
  )
}

function checkPartition(partition: number): void {
  if (Number.isInteger(partition) && partition >= 0) return
  refuse(`send: the partition is ${shown(partition)}; it must be a whole number from 0.`)
}
