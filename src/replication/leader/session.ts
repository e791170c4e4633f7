/**
 * What one replica follows: a fetch session, kept at the leader. What a request costs depends on the partitions that moved,
 * not on how many there are.
 */

import type { FetchedPartition, TopicPartition } from '../../broker/contract.js'
import type { Clock } from '../../core/clock.js'
import { asHoldfastError, HoldfastError } from '../../core/errors.js'
import { placeKey } from '../../core/place-key.js'
import { Wakeup } from '../../core/wakeup.js'
import { batchAt } from '../../records/batch.js'
import type { HeldBackLog } from '../../storage/log/held-back-log.js'
import type { PartitionLog } from '../../storage/partition-log.js'
import type { ReplicaAcknowledgement, ReplicaFetch, ReplicaPosition } from '../contract.js'
import { Followed } from './followed.js'

/** However much there is to be told of other logs. */
const lookEveryMs = 1000

export interface SessionOptions {
  readonly id: number
  readonly clock: Clock
  /** The one before, of the same replica: what it knows of when a copy was caught up holds. */
  readonly before: Session | undefined
  /** While its topic is there. */
  readonly logOf: (place: TopicPartition) => HeldBackLog | undefined
  /** A copy has come to its offset. */
  readonly onMoved: (followed: Followed) => void
  /** Whether a replica wants to hear of a high watermark before there is more to copy. */
  readonly tellsAtOnce: () => boolean
}

export class Session {
  readonly id: number
  readonly #options: SessionOptions
  readonly #followed = new Map<string, Followed>()
  readonly #byLog = new Map<PartitionLog, Followed>()
  /** That lack something. */
  readonly #behind = new Set<Followed>()
  /** That were not given all there is, those that were served last at the end. */
  readonly #unread = new Set<Followed>()
  /** With a high watermark that the replica was not told. */
  readonly #shown = new Set<Followed>()
  /** Asked for, and not there. */
  readonly #missing: TopicPartition[] = []
  readonly #wakeup = new Wakeup()
  /** When all were looked at. */
  #lookedMs = Number.NEGATIVE_INFINITY
  #nextEpoch = 1
  #isWoken = false

  constructor(options: SessionOptions) {
    this.id = options.id
    this.#options = options
  }

  /** Of partitions. */
  get size(): number {
    return this.#followed.size
  }

  /** That lack something, or never will have it. */
  get behind(): ReadonlySet<Followed> {
    return this.#behind
  }

  followed(own: PartitionLog): Followed | undefined {
    return this.#byLog.get(own)
  }

  /** @throws INVALID_FETCH_SESSION_EPOCH where a request was lost */
  expect(sessionEpoch: number): void {
    if (sessionEpoch !== 0 && sessionEpoch !== this.#nextEpoch) {
      const why = `Request ${sessionEpoch} of fetch session ${this.id} is not the next, which is ${this.#nextEpoch}.`
      throw new HoldfastError('INVALID_FETCH_SESSION_EPOCH', why)
    }
    this.#nextEpoch = sessionEpoch + 1
  }

  /** Takes on where the replica goes on, and what it has. */
  move({ positions, forgotten, isAhead }: Pick<ReplicaFetch, 'positions' | 'forgotten' | 'isAhead'>): void {
    for (const place of forgotten) this.#forget(placeKey(place))
    for (const position of positions) this.#moveTo(position, isAhead)
    if (isAhead) return
    // What it was given before, and is named no more, is stored with the rest.
    for (const followed of [...this.#behind]) this.#store(followed, followed.next)
  }

  /** Takes on what the replica has. */
  acknowledge({ positions, sessionEpoch }: Pick<ReplicaAcknowledgement, 'positions' | 'sessionEpoch'>): void {
    for (const position of positions) {
      const followed = this.#followed.get(placeKey(position))
      // One that was overtaken by a later one says nothing.
      const isNews = followed !== undefined && followed.since <= sessionEpoch && position.offset > followed.offset
      if (isNews) this.#store(followed, position.offset)
    }
  }

  /** Resolves when there is something to tell, after `waitMs` at most. */
  async wait(waitMs: number, signal?: AbortSignal): Promise<void> {
    const deadline = this.#options.clock.monotonic() + waitMs
    this.#isWoken = false
    while (!this.#hasNews() && !this.#isWoken && !signal?.aborted) {
      const leftMs = deadline - this.#options.clock.monotonic()
      if (leftMs <= 0) break
      await this.#wakeup.wait(this.#options.clock, leftMs, signal)
    }
  }

  /** Who waits goes on, whether there is something or not. */
  wake(): void {
    this.#isWoken = true
    this.#wakeup.wake()
  }

  /** What the replica lacks, about `maxBytes` of it, and what else is news to it. */
  async read(maxBytes: number): Promise<FetchedPartition[]> {
    const answer: FetchedPartition[] = this.#missing
      .splice(0)
      .map((place) => failed(place, new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION'), -1))
    const named = new Set(answer.map(placeKey))
    let leftBytes = maxBytes
    for (const followed of [...this.#unread]) {
      if (leftBytes <= 0) break
      this.#unread.delete(followed)
      this.#unread.add(followed)
      named.add(placeKey(followed))
      const partition = await this.#readOne(followed, leftBytes)
      for (const { length } of partition.records) leftBytes -= length
      answer.push(partition)
    }
    // What is deleted in front of a log tells nobody, so all are looked at: where nothing else is to be told, and now and then.
    const now = this.#options.clock.monotonic()
    const looksAtAll = answer.length === 0 || now - this.#lookedMs >= lookEveryMs
    if (looksAtAll) this.#lookedMs = now
    for (const followed of looksAtAll ? this.#followed.values() : [...this.#shown]) {
      if (isNews(followed) && !named.has(placeKey(followed))) answer.push(told(followed))
    }
    this.#shown.clear()
    return answer
  }

  close(): void {
    for (const followed of this.#followed.values()) followed.stop()
    this.wake()
  }

  #hasNews(): boolean {
    return this.#unread.size > 0 || this.#missing.length > 0 || (this.#shown.size > 0 && this.#options.tellsAtOnce())
  }

  #moveTo(position: ReplicaPosition, isAhead: boolean): void {
    const key = placeKey(position)
    const log = this.#options.logOf(position)
    const before = this.#followed.get(key)
    // Of a topic that had the name before, unless the replica has let go of that one: its offsets mean nothing here.
    const isOfAnother = before !== undefined && before.log !== log
    if (log === undefined || isOfAnother) {
      this.#missing.push(position)
      return
    }
    const followed = before ?? this.#follow(key, log, position.offset)
    followed.next = position.offset
    if (followed.hasMore) this.#unread.add(followed)
    else this.#unread.delete(followed)
    if (before === undefined) this.#noteMoved(followed)
    else if (!isAhead) this.#store(followed, position.offset)
  }

  #store(followed: Followed, offset: number): void {
    if (followed.offset === offset) return
    followed.moveTo(offset)
    this.#noteMoved(followed)
  }

  #noteMoved(followed: Followed): void {
    if (followed.isBehind) this.#behind.add(followed)
    else this.#behind.delete(followed)
    this.#options.onMoved(followed)
  }

  #follow(key: string, log: HeldBackLog, offset: number): Followed {
    const { before, clock } = this.#options
    const caughtUpMs = before?.followed(log.own)?.caughtUpMs ?? Number.NEGATIVE_INFINITY
    const followed = new Followed(log, { offset, caughtUpMs, since: this.#nextEpoch - 1 }, clock, {
      more: (one) => {
        if (!this.#behind.has(one)) one.noteBehind()
        this.#behind.add(one)
        this.#unread.add(one)
        this.#wakeup.wake()
      },
      shown: (one) => {
        this.#shown.add(one)
        if (this.#options.tellsAtOnce()) this.#wakeup.wake()
      },
    })
    this.#followed.set(key, followed)
    this.#byLog.set(log.own, followed)
    // It does not know up to where the log is shown, and may never hear of it otherwise.
    this.#shown.add(followed)
    return followed
  }

  #forget(key: string): void {
    const followed = this.#followed.get(key)
    if (followed === undefined) return
    followed.stop()
    this.#followed.delete(key)
    this.#byLog.delete(followed.log.own)
    this.#behind.delete(followed)
    this.#unread.delete(followed)
    this.#shown.delete(followed)
  }

  async #readOne(followed: Followed, maxBytes: number): Promise<FetchedPartition> {
    const { log, next: offset } = followed
    try {
      const { logStartOffset } = log
      const { records, release } = await log.own.read(Math.max(offset, logStartOffset), maxBytes, { lend: true })
      // A log may begin within a batch, of which its copy takes the whole.
      const firstOffset = (records.length > 0 ? batchAt(records[0], 0)?.baseOffset : undefined) ?? logStartOffset
      if (offset < logStartOffset && offset !== firstOffset) {
        release?.()
        return failed(followed, new HoldfastError('OFFSET_OUT_OF_RANGE'), firstOffset)
      }
      return { ...told(followed), records, release }
    } catch (thrown) {
      if (!log.isClosed) return failed(followed, asHoldfastError(thrown), log.logStartOffset)
      // Its topic is deleted, which is told once.
      this.#forget(placeKey(followed))
      return failed(followed, new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION'), -1)
    }
  }
}

function isNews({ told: before, log }: Followed): boolean {
  return log.highWatermark !== before?.highWatermark || log.logStartOffset !== before.logStartOffset
}

function told(followed: Followed): FetchedPartition {
  const { topic, partition, log } = followed
  const { highWatermark, lastStableOffset, logStartOffset } = log
  followed.told = { highWatermark, logStartOffset }
  return { topic, partition, highWatermark, lastStableOffset, logStartOffset, records: [] }
}

function failed({ topic, partition }: TopicPartition, error: HoldfastError, logStartOffset: number): FetchedPartition {
  return { topic, partition, error, highWatermark: -1, lastStableOffset: -1, logStartOffset, records: [] }
}
