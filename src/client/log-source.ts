/** Messages by offset, without a group: every partition of the topics, or one, from where the caller says. */

import type { BrokerService, Isolation, TopicPartition } from '../broker/contract.js'
import type { Clock, Timer } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { placeKey } from '../core/place-key.js'
import type { StoredRecord } from '../records/record.js'
import type { TagFilter } from '../storage/partition-log.js'
import { idHeaderOf, Message } from './message.js'
import type { MessageSource } from './message-stream.js'
import { Cursor, Prefetcher } from './prefetcher.js'
import { askOffsets, type StartPosition, startOffsets } from './start-offset.js'
import { describeTopic } from './topics.js'

export interface LogSourceOptions {
  readonly service: BrokerService
  readonly clock: Clock
  readonly topics: readonly string[]
  readonly partition?: number
  readonly from: StartPosition
  readonly isolation: Isolation
  /** Only messages with these tags; all where absent. */
  readonly tags?: TagFilter
  /** Go on at the end, and wait there for what comes. */
  readonly follow: boolean
  readonly maxPrefetchBytes: number
  readonly maxWaitMs: number
  readonly metadataRefreshMs: number
}

export class LogSource implements MessageSource<Message> {
  readonly #options: LogSourceOptions
  readonly #make: (cursor: Cursor, record: StoredRecord) => Message
  #prefetcher: Prefetcher<Cursor> | undefined
  #fail: (error: unknown) => void = () => {}
  #refreshTimer: Timer | undefined
  #stopped = false

  constructor(options: LogSourceOptions) {
    this.#options = options
    const idHeader = idHeaderOf(options.service)
    this.#make = ({ topic, partition }, record) => new Message(topic, partition, record, idHeader)
  }

  start({ wake, fail }: { wake: () => void; fail: (error: unknown) => void }): void {
    this.#fail = fail
    this.#begin(wake).catch(fail)
  }

  take(): Message | undefined {
    return this.#prefetcher?.take(this.#make)
  }

  get isEnded(): boolean {
    return !this.#options.follow && this.#prefetcher !== undefined && this.#prefetcher.isDrained
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#refreshTimer?.cancel()
    await this.#prefetcher?.stop()
  }

  async #begin(wake: () => void): Promise<void> {
    const { service, clock, from, isolation, tags, follow, maxPrefetchBytes, maxWaitMs } = this.#options
    const places = await this.#places()
    const offsets = await startOffsets(service, places, from, isolation)
    const ends = follow ? undefined : await askOffsets(service, places, 'latest', isolation)
    if (this.#stopped) return
    if (ends !== undefined) checkStarts(places, offsets, ends)
    const cursors = places.map(({ topic, partition }, index) => {
      const cursor = new Cursor(topic, partition, offsets[index])
      if (ends !== undefined) cursor.endOffset = ends[index]
      return cursor
    })
    this.#prefetcher = new Prefetcher({
      service,
      clock,
      isolation,
      tags,
      maxBytes: maxPrefetchBytes,
      maxWaitMs,
      onReady: wake,
      onFailed: this.#fail,
      onOutOfRange: (cursor, error) => this.#resume(cursor, error),
    })
    this.#prefetcher.add(cursors)
    if (follow && this.#options.partition === undefined) this.#watch(new Set(cursors.map(placeKey)))
    wake()
  }

  async #places(create = true): Promise<TopicPartition[]> {
    const { service, topics, partition } = this.#options
    const places: TopicPartition[] = []
    for (const name of topics) {
      const topic = await describeTopic(service, name, create)
      const numbers = topic.partitions.map((each) => each.partition)
      if (partition === undefined) places.push(...numbers.map((number) => ({ topic: name, partition: number })))
      else if (numbers.includes(partition)) places.push({ topic: name, partition })
      else {
        throw new HoldfastError(
          'UNKNOWN_TOPIC_OR_PARTITION',
          `Topic ${name} has no partition ${partition}; it has ${numbers.length}.`,
        )
      }
    }
    return places
  }

  /** Only the ends of a log move by themselves; an offset that the caller named and that is not there is an error. */
  async #resume(cursor: Cursor, error: HoldfastError): Promise<number> {
    const { service, from, isolation } = this.#options
    if (typeof from === 'object') throw error
    const [offset] = await startOffsets(service, [cursor], from, isolation)
    return offset
  }

  /** Partitions that a topic gains are read from their start: all their messages are newer than this consumer. */
  #watch(known: Set<string>): void {
    const look = async (): Promise<void> => {
      const added = (await this.#places(false)).filter((place) => !known.has(placeKey(place)))
      if (this.#stopped) return
      for (const place of added) known.add(placeKey(place))
      this.#prefetcher?.add(added.map(({ topic, partition }) => new Cursor(topic, partition, 0)))
      this.#watch(known)
    }
    const { clock, metadataRefreshMs } = this.#options
    this.#refreshTimer = clock.schedule(metadataRefreshMs, () => void look().catch(this.#fail), { background: true })
  }
}

/** Beyond its end a partition would look read to the end, and the slip would go unnoticed. */
function checkStarts(places: readonly TopicPartition[], offsets: readonly number[], ends: readonly number[]): void {
  for (const [index, { topic, partition }] of places.entries()) {
    if (offsets[index] <= ends[index]) continue
    throw new HoldfastError(
      'OFFSET_OUT_OF_RANGE',
      `Offset ${offsets[index]} of ${topic}-${partition} is behind its end, ${ends[index]}.`,
    )
  }
}
