/**
 * Reads ahead: one fetch at a time over all partitions of a consumer, into a buffer bounded in bytes. A batch is opened
 * when its first record is asked for, so that memory holds records of one batch at a time.
 */

import type { BrokerService, FetchedPartition, Isolation } from '../broker/contract.js'
import type { Clock, Timer } from '../core/clock.js'
import { type ErrorCode, HoldfastError } from '../core/errors.js'
import { batchesIn, type RecordBatch } from '../records/batch.js'
import { prepareCodec } from '../records/compression/index.js'
import { readRecords } from '../records/reader.js'
import type { StoredRecord } from '../records/record.js'
import { tagsOf } from '../records/tags-and-keys.js'
import type { TagFilter } from '../storage/partition-log.js'
import { AbortedFilter } from './aborted-filter.js'

/** Where a consumer stands in one partition. */
export class Cursor {
  readonly topic: string
  readonly partition: number
  /** Records below are not delivered; a fetch answers with whole batches, which may begin before it. */
  startOffset: number
  /** Where the next fetch begins. */
  fetchOffset: number
  /** Everything below has been delivered, or passed over. */
  position: number
  /** Records from here on are not delivered. */
  endOffset = Number.POSITIVE_INFINITY
  /** The partition is not this consumer's any more: nothing of it is delivered. */
  stopped = false

  constructor(topic: string, partition: number, offset: number) {
    this.topic = topic
    this.partition = partition
    this.startOffset = offset
    this.fetchOffset = offset
    this.position = offset
  }

  get isAtEnd(): boolean {
    return this.fetchOffset >= this.endOffset
  }

  /** Goes on elsewhere. */
  moveTo(offset: number): void {
    this.startOffset = offset
    this.fetchOffset = offset
    this.position = offset
  }
}

export interface PrefetcherOptions<C extends Cursor> {
  readonly service: BrokerService
  readonly clock: Clock
  readonly isolation: Isolation
  /** Only messages with these tags; all where absent. */
  readonly tags?: TagFilter
  /** Reading ahead stops here; one batch may pass it. */
  readonly maxBytes: number
  readonly maxWaitMs: number
  /** There may be something to take, or everything has been read. */
  readonly onReady: () => void
  readonly onFailed: (error: unknown) => void
  /** The offset to go on from where the log has no such offset any more, or throws. */
  readonly onOutOfRange: (cursor: C, error: HoldfastError) => Promise<number>
}

/** A piece of a partition, up to `nextOffset`. */
interface Fetched<C> {
  readonly cursor: C
  /** Absent where the broker left out what lies before `nextOffset`. */
  readonly batch?: RecordBatch
  /** Of a transaction that was aborted, for a reader of committed messages. */
  readonly isAborted: boolean
  readonly nextOffset: number
}

const maxPartitionBytes = 1024 * 1024
/** Before a broker that cannot be reached is asked again, or whoever leads a partition after it. */
const retryMs = 100
/** What is said of a partition while another broker takes it over. */
const passing: Partial<Record<ErrorCode, true>> = {
  CONNECTION_FAILED: true,
  LEADER_NOT_AVAILABLE: true,
  NOT_LEADER_OR_FOLLOWER: true,
  FENCED_LEADER_EPOCH: true,
  UNKNOWN_LEADER_EPOCH: true,
  OFFSET_NOT_AVAILABLE: true,
}

export class Prefetcher<C extends Cursor> {
  readonly #options: PrefetcherOptions<C>
  #cursors: C[] = []
  #batches: Fetched<C>[] = []
  #bufferedBytes = 0
  /** The batch that is being delivered. */
  #opened: { cursor: C; records: readonly StoredRecord[]; next: number; nextOffset: number } | undefined
  #paused = false
  #stopped = false
  #waiting: AbortController | undefined
  #wake: (() => void) | undefined
  #running: Promise<void> | undefined

  constructor(options: PrefetcherOptions<C>) {
    this.#options = options
  }

  /** Bytes that were fetched and not yet delivered. */
  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  /** Every partition has been read and delivered up to its end offset. */
  get isDrained(): boolean {
    return this.#batches.length === 0 && this.#opened === undefined && this.#cursors.every(({ isAtEnd }) => isAtEnd)
  }

  add(cursors: readonly C[]): void {
    if (cursors.length === 0) return
    this.#cursors.push(...cursors)
    this.#running ??= this.#run()
    this.#changed()
  }

  /** Nothing of these is delivered any more. */
  remove(cursors: readonly C[]): void {
    for (const cursor of cursors) cursor.stopped = true
    this.#cursors = this.#cursors.filter(({ stopped }) => !stopped)
    const kept = this.#batches.filter(({ cursor }) => !cursor.stopped)
    this.#batches = kept
    this.#bufferedBytes = kept.reduce((sum, { batch }) => sum + sizeOf(batch), 0)
    if (this.#opened?.cursor.stopped) this.#opened = undefined
    this.#changed()
  }

  /** While paused nothing is delivered; what is fetched stays. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#options.onReady()
  }

  /** The next record with its cursor made into a message, or undefined where there is none now. */
  take<M>(make: (cursor: C, record: StoredRecord) => M): M | undefined {
    if (this.#paused) return undefined
    for (;;) {
      const opened = this.#opened
      if (opened === undefined) {
        if (!this.#open()) return undefined
        continue
      }
      const { cursor, records } = opened
      const record = records[opened.next++]
      // Here and not at the next call, so that the end is known as soon as the last record was taken.
      if (opened.next >= records.length) this.#opened = undefined
      cursor.position = this.#opened === undefined ? opened.nextOffset : record.offset + 1
      if (record !== undefined && this.#isMeant(cursor, record)) return make(cursor, record)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.remove(this.#cursors)
    await this.#running
  }

  /** Opens the next batch into records. False where there is none. */
  #open(): boolean {
    const fetched = this.#batches.shift()
    if (fetched === undefined) return false
    const { cursor, batch, isAborted, nextOffset } = fetched
    const wasFull = this.#bufferedBytes > this.#options.maxBytes / 2
    this.#bufferedBytes -= sizeOf(batch)
    if (wasFull && this.#bufferedBytes <= this.#options.maxBytes / 2) this.#wake?.()
    if (batch !== undefined && !batch.crcMatches()) {
      throw new HoldfastError(
        'CORRUPT_MESSAGE',
        `The batch at offset ${batch.baseOffset} of ${cursor.topic}-${cursor.partition} fails its CRC.`,
      )
    }
    // Control batches are marks of transactions, not messages.
    if (batch === undefined || batch.isControl || isAborted) cursor.position = nextOffset
    else this.#opened = { cursor, records: readRecords(batch), next: 0, nextOffset }
    return true
  }

  #isMeant(cursor: C, { offset, headers }: StoredRecord): boolean {
    if (offset < cursor.startOffset || offset >= cursor.endOffset) return false
    const { tags } = this.#options
    return tags === undefined || tags.matches(tagsOf(headers))
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        const cursors = this.#cursors.filter(({ isAtEnd }) => !isAtEnd)
        const roomBytes = this.#options.maxBytes - this.#bufferedBytes
        if (cursors.length === 0 || roomBytes < this.#options.maxBytes / 2) await this.#untilChanged()
        else await this.#fetch(cursors, roomBytes)
      } catch (error) {
        if (this.#stopped) return
        if (!(error instanceof HoldfastError) || !passing[error.code]) {
          this.#options.onFailed(error)
          return
        }
        await this.#untilChanged(retryMs)
      }
    }
  }

  async #fetch(cursors: readonly C[], maxBytes: number): Promise<void> {
    const { service, maxWaitMs, isolation, tags, onReady } = this.#options
    const positions = cursors.map(({ topic, partition, fetchOffset }) => ({
      topic,
      partition,
      offset: fetchOffset,
      maxBytes: maxPartitionBytes,
      currentLeaderEpoch: -1,
    }))
    const waiting = new AbortController()
    this.#waiting = waiting
    const { signal } = waiting
    const answers = await service.fetch({ positions, maxBytes, minBytes: 1, maxWaitMs, isolation, tags, signal })
    this.#waiting = undefined
    let refusal: HoldfastError | undefined
    const asked = new Map(cursors.map((cursor, index) => [placeOf(cursor), { cursor, from: positions[index].offset }]))
    for (const answer of answers) {
      const question = asked.get(placeOf(answer))
      // What was taken away or moved meanwhile has no use for the answer.
      if (question === undefined || question.cursor.stopped || question.cursor.fetchOffset !== question.from) continue
      // The others have what they have.
      if (answer.error !== undefined && passing[answer.error.code]) refusal = answer.error
      else await this.#accept(question.cursor, answer)
    }
    this.#rotate()
    if (!this.#stopped) onReady()
    if (refusal !== undefined) throw refusal
  }

  async #accept(cursor: C, { error, records, aborted = [], nextOffset = 0 }: FetchedPartition): Promise<void> {
    if (error?.code === 'OFFSET_OUT_OF_RANGE') {
      cursor.moveTo(await this.#options.onOutOfRange(cursor, error))
      return
    }
    if (error !== undefined) throw error
    const filter = new AbortedFilter(aborted)
    for (const bytes of records) {
      for (const batch of batchesIn(bytes)) {
        const loading = prepareCodec(batch.codec)
        if (loading !== undefined) await loading
        if (cursor.stopped) return
        this.#push({ cursor, batch, isAborted: filter.isAborted(batch), nextOffset: batch.nextOffset })
      }
    }
    if (nextOffset > cursor.fetchOffset) this.#push({ cursor, isAborted: false, nextOffset })
  }

  #push(fetched: Fetched<C>): void {
    fetched.cursor.fetchOffset = fetched.nextOffset
    this.#batches.push(fetched)
    this.#bufferedBytes += sizeOf(fetched.batch)
  }

  /** The partition that came first goes last, so that none starves behind a busy one. */
  #rotate(): void {
    const first = this.#cursors.shift()
    if (first !== undefined) this.#cursors.push(first)
  }

  /** The partitions to read are others now: a fetch that waits for the old ones is ended. */
  #changed(): void {
    this.#waiting?.abort()
    this.#wake?.()
  }

  #untilChanged(atMostMs?: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined
      this.#wake = () => {
        timer?.cancel()
        this.#wake = undefined
        resolve()
      }
      if (atMostMs !== undefined) timer = this.#options.clock.schedule(atMostMs, this.#wake)
    })
  }
}

function sizeOf(batch: RecordBatch | undefined): number {
  return batch === undefined ? 0 : batch.sizeInBytes
}

function placeOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${partition} ${topic}`
}
