/**
 * The reading side of a queue: from entries of the consume queue to messages of the commit log to record batches, and the
 * search by time. Batches come out as they were appended; with a filter on tags the messages that do not fit are left out.
 */

import { readInt64 } from '../../core/codec/int64.js'
import { HoldfastError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import { InFlight } from '../../files/in-flight.js'
import { at as field, logOverheadBytes } from '../../records/format.js'
import { damageOf } from '../log/refusals.js'
import type { PartitionLog, TagFilter, TimestampedOffset } from '../partition-log.js'
import { type BuildOptions, buildBatches } from './batch-builder.js'
import type { ConsumeQueue } from './consume-queue.js'
import { ownPropertyOf, timestampOf } from './dispatching.js'
import { property } from './format.js'
import type { MessageView } from './message.js'
import { prepareBodies } from './message-body.js'
import type { MessagePlace, MessageReader } from './message-reader.js'
import { propertyOf } from './properties.js'
import type { QueueEntries } from './queue-entries.js'

export interface QueueSlice {
  readonly records: readonly Buffer[]
  readonly sizeInBytes: number
  /** Where a reader goes on. */
  readonly nextOffset: number
}

interface Window {
  readonly messages: MessageView[]
  readonly nextOffset: number
}

/** Entries that are looked at together. */
const entriesAtOnce = 512
/** Of a queue with few messages that fit, so many are passed over before a reader is told how far it is. */
const longestWay = 64 * 1024
/** Read together, whatever a reader asks for. */
const leastBytes = 64 * 1024
/**
 * Read together at most, or one batch that is larger: messages lie in memory beside the batches that are made of them, and
 * many readers may be at it.
 */
const mostBytes = 4 * 1024 * 1024

export interface QueueReaderOptions {
  readonly entries: ConsumeQueue
  readonly messages: MessageReader
  readonly building: BuildOptions
  readonly logger: Logger
}

export class QueueReader {
  readonly #log: PartitionLog
  readonly #entries: ConsumeQueue
  readonly #messages: MessageReader
  readonly #building: BuildOptions
  readonly #logger: Logger
  readonly #reads = new InFlight()
  #damage: HoldfastError | undefined

  constructor(log: PartitionLog, { entries, messages, building, logger }: QueueReaderOptions) {
    this.#log = log
    this.#building = building
    this.#logger = logger
    this.#entries = entries
    this.#messages = messages
  }

  /** The first that a reader met. */
  get damage(): HoldfastError | undefined {
    return this.#damage
  }

  /** Resolves when nobody reads any more. */
  ended(): Promise<void> {
    return this.#reads.ended()
  }

  /**
   * Whole batches from the one that holds `offset` on, below `end`, `maxBytes` at most but the first in any case.
   * @throws LOG_DAMAGED where an entry leads to no message of this queue; OFFSET_OUT_OF_RANGE where it is deleted meanwhile
   */
  read(offset: number, end: number, maxBytes: number, tags?: TagFilter): Promise<QueueSlice> {
    return this.#reading(async () => {
      const records: Buffer[] = []
      let sizeInBytes = 0
      let next = offset
      while (next < end && next - offset < longestWay && (records.length === 0 || sizeInBytes < maxBytes)) {
        const { messages, nextOffset } = await this.#window(next, end, maxBytes - sizeInBytes, tags)
        if (messages.length > 0) {
          await prepareBodies(messages)
          const built = buildBatches(messages, this.#building)
          const fitting = fittingPart(built, maxBytes - sizeInBytes, records.length === 0)
          if (fitting.length > 0) records.push(withoutSlack(fitting))
          sizeInBytes += fitting.length
          if (fitting.length < built.length) {
            return { records, sizeInBytes, nextOffset: readInt64(built, fitting.length) }
          }
        }
        next = nextOffset
      }
      return { records, sizeInBytes, nextOffset: next }
    })
  }

  /**
   * Each message of ours tells the greatest timestamp of its queue so far, so a search by halves finds the first record that
   * is as late. RocketMQ's own messages do not: where their times are out of order, the answer is near.
   */
  offsetForTimestamp(timestamp: number): Promise<TimestampedOffset | undefined> {
    return this.#reading(async () => {
      const end = this.#log.highWatermark
      const first = await this.#firstReaching(timestamp, this.#log.logStartOffset, end)
      return this.#recordFrom(first, end, (time) => time >= timestamp)
    })
  }

  offsetOfMaxTimestamp(): Promise<TimestampedOffset | undefined> {
    return this.#reading(async () => {
      const { highWatermark: end, logStartOffset: start } = this.#log
      if (start >= end) return undefined
      const greatest = await this.#greatestUpTo(end - 1)
      const first = await this.#firstReaching(greatest, start, end)
      const found = await this.#recordFrom(first, first + 1, (time) => time === greatest)
      // The one that was the latest is deleted: of those that are left each has to be asked.
      return found ?? this.#latestOf(start, end)
    })
  }

  /** Damage is told to who meets it, and noted for whoever looks after the store. */
  #reading<T>(work: () => Promise<T>): Promise<T> {
    return this.#reads.run(work).catch((error: unknown) => {
      const damage = damageOf(error)
      if (damage !== undefined && this.#damage === undefined) {
        this.#damage = damage
        const { topic, partition } = this.#log
        this.#logger.error({ topic, partition, err: damage }, 'A reader met a damaged message.')
      }
      throw error
    })
  }

  async #firstReaching(timestamp: number, start: number, end: number): Promise<number> {
    let low = start
    let high = end
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if ((await this.#greatestUpTo(middle)) < timestamp) low = middle + 1
      else high = middle
    }
    return low
  }

  async #greatestUpTo(offset: number): Promise<number> {
    const [message] = await this.#messagesAt(offset, offset + 1)
    const own = ownPropertyOf(message)
    return own.maxTimestamp ?? timestampOf(message, own)
  }

  async #recordFrom(
    from: number,
    end: number,
    isMeant: (timestamp: number) => boolean,
  ): Promise<TimestampedOffset | undefined> {
    for (let offset = from; offset < end; offset += entriesAtOnce) {
      for (const message of await this.#messagesAt(offset, Math.min(end, offset + entriesAtOnce))) {
        const own = ownPropertyOf(message)
        const timestamp = timestampOf(message, own)
        if (own.marker === undefined && isMeant(timestamp)) return { offset: message.queueOffset, timestamp }
      }
    }
    return undefined
  }

  async #latestOf(start: number, end: number): Promise<TimestampedOffset | undefined> {
    let latest: TimestampedOffset | undefined
    for (let offset = start; offset < end; offset += entriesAtOnce) {
      for (const message of await this.#messagesAt(offset, Math.min(end, offset + entriesAtOnce))) {
        const own = ownPropertyOf(message)
        const timestamp = timestampOf(message, own)
        if (own.marker !== undefined || timestamp <= (latest?.timestamp ?? Number.NEGATIVE_INFINITY)) continue
        latest = { offset: message.queueOffset, timestamp }
      }
    }
    return latest
  }

  async #messagesAt(from: number, to: number): Promise<MessageView[]> {
    const entries = await this.#entries.read(from, to - from)
    return this.#views(
      entries,
      Array.from({ length: entries.count }, (_, i) => i),
    )
  }

  /** The messages of the next batches from `from` on that are wanted, read together, and where to go on behind them. */
  async #window(from: number, end: number, bytes: number, tags: TagFilter | undefined): Promise<Window> {
    const entries = await this.#entries.read(from, Math.min(entriesAtOnce, end - from))
    const chosen: number[] = []
    let chosenBytes = 0
    let seen = 0
    const enough = Math.min(mostBytes, Math.max(bytes, leastBytes))
    for (; seen < entries.count && chosenBytes < enough; seen++) {
      if (tags !== undefined && !mayPass(tags, entries.tagsCode(seen))) continue
      chosen.push(seen)
      chosenBytes += entries.size(seen)
    }
    const messages = await this.#views(entries, chosen)
    const readTo = from + seen
    if (tags !== undefined) return { messages: messages.filter((view) => passes(tags, view)), nextOffset: readTo }
    return this.#whole(messages, readTo, end)
  }

  /** The same with whole batches only: one that begins earlier is read from there, one that goes on behind is read later. */
  async #whole(messages: MessageView[], readTo: number, end: number): Promise<Window> {
    const first = placeInBatch(messages[0])
    // A crash in a deletion may leave the queue without the entries of a batch's first messages.
    const from = Math.max(first.baseOffset, this.#entries.minOffset)
    if (from < messages[0].queueOffset) {
      const before = await this.#messagesAt(from, messages[0].queueOffset)
      messages.unshift(...before.filter((view) => placeInBatch(view).baseOffset === first.baseOffset))
    }
    const last = placeInBatch(messages[messages.length - 1])
    if (last.endOffset <= readTo || readTo === end) return { messages, nextOffset: readTo }
    const lastStart = messages.findIndex((view) => placeInBatch(view).baseOffset === last.baseOffset)
    if (lastStart > 0) return { messages: messages.slice(0, lastStart), nextOffset: messages[lastStart].queueOffset }
    const rest = await this.#messagesAt(readTo, Math.min(last.endOffset, end))
    const ours = rest.filter((view) => placeInBatch(view).baseOffset === last.baseOffset)
    return { messages: [...messages, ...ours], nextOffset: readTo + ours.length }
  }

  async #views(entries: QueueEntries, indexes: readonly number[]): Promise<MessageView[]> {
    const places: MessagePlace[] = indexes.map((i) => ({ position: entries.position(i), sizeInBytes: entries.size(i) }))
    const views = await this.#messages.read(places)
    for (const [at, view] of views.entries()) {
      const offset = entries.firstOffset + indexes[at]
      if (view.queueOffset === offset && view.queueId === this.#log.partition) continue
      const what = `the message at position ${view.position} is number ${view.queueOffset} of queue ${view.queueId} of ${view.topic}`
      throw new HoldfastError(
        'LOG_DAMAGED',
        `Offset ${offset} of ${this.#log.topic}-${this.#log.partition} leads elsewhere: ${what}. Remove its consume queue while nobody has the store open, and it is made anew.`,
      )
    }
    return views
  }
}

/** The markers of transactions have no tags; their readers need them all. */
const codeWithoutTags = 0

function mayPass(tags: TagFilter, code: number): boolean {
  return code === codeWithoutTags || tags.codes.has(code)
}

function passes(tags: TagFilter, view: MessageView): boolean {
  return ownPropertyOf(view).marker !== undefined || tags.matches(propertyOf(view, property.tags))
}

/** Where the batch of a message begins and ends, as the message says. */
function placeInBatch(view: MessageView): { baseOffset: number; endOffset: number } {
  const { index, recordsCount } = ownPropertyOf(view)
  const baseOffset = view.queueOffset - index
  return { baseOffset, endOffset: baseOffset + recordsCount }
}

/** The batches at the beginning of `bytes` that are `maxBytes` at most; the first in any case where `evenOne` says so. */
function fittingPart(bytes: Buffer, maxBytes: number, evenOne: boolean): Buffer {
  let end = 0
  while (end < bytes.length) {
    const next = end + logOverheadBytes + bytes.readInt32BE(end + field.batchLength)
    if (next > maxBytes && !(evenOne && end === 0)) break
    end = next
  }
  return bytes.subarray(0, end)
}

/** What an answer holds until it has left is what it is counted for: much unused room around it is not kept. */
function withoutSlack(bytes: Buffer): Buffer {
  return bytes.buffer.byteLength - bytes.length > leastBytes ? Buffer.from(bytes) : bytes
}
