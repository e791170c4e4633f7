/**
 * Commits what a member of a group has acknowledged. One commit at a time: acks that come while one is on its way
 * gather for the next, so a thousand acks cost a few commits and no timer is needed.
 *
 * The committed offset of a partition never moves back. A commit that a rebalance refused is held until it is known
 * whether the partition was kept; then it is sent again, or those who wait are told that it was lost.
 */

import type { CommitRequest } from '../broker/groups/contract.js'
import { type ErrorCode, HoldfastError } from '../core/errors.js'
import { Cursor } from './prefetcher.js'

/** Where a member of a group stands in one partition. */
export class OwnedCursor extends Cursor {
  /** Everything below is committed. */
  committedOffset = -1
  /** Behind the last message that was delivered; -1 where none was. */
  deliveredTo = -1
  /** What is below has been acknowledged, whether that is committed yet or not. */
  acknowledgedTo = -1
}

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

interface PendingCommit {
  offset: number
  readonly waiters: Waiter[]
}

type Round = Map<OwnedCursor, PendingCommit>

export interface CommitterOptions {
  readonly commit: (offsets: CommitRequest['offsets']) => Promise<readonly (HoldfastError | undefined)[]>
  /** The generation is over, or may be: the member has to join again. */
  readonly onFenced: (error: HoldfastError) => void
}

/** The group has moved on without this member, or is about to. */
const fencingCodes: ReadonlySet<ErrorCode> = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
])

export class Committer {
  readonly #options: CommitterOptions
  #gathering: Round = new Map()
  #inFlight: Round | undefined
  /** The member is between two generations: nothing is sent until it knows what it kept. */
  #isHeld = false
  #scheduled = false
  #idle: (() => void)[] = []

  constructor(options: CommitterOptions) {
    this.#options = options
  }

  /** Resolves when `offset` or a later one is committed. */
  ack(cursor: OwnedCursor, offset: number): Promise<void> {
    if (cursor.stopped) return Promise.reject(lost(cursor))
    cursor.acknowledgedTo = Math.max(cursor.acknowledgedTo, offset)
    if (offset <= cursor.committedOffset) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject }
      const onItsWay = this.#inFlight?.get(cursor)
      if (onItsWay !== undefined && offset <= onItsWay.offset) {
        onItsWay.waiters.push(waiter)
        return
      }
      this.#add(cursor, offset, [waiter])
      this.#schedule()
    })
  }

  /**
   * Commits that messages were passed over: those behind the last one that was delivered, where that one has been
   * acknowledged. Otherwise a group that asks for few of the messages would seem to fall behind. Where it fails, a later
   * commit says it.
   */
  pass(cursors: Iterable<OwnedCursor>): void {
    for (const cursor of cursors) {
      const { position, committedOffset, deliveredTo, acknowledgedTo } = cursor
      if (position > committedOffset && deliveredTo <= acknowledgedTo) this.ack(cursor, position).catch(() => {})
    }
  }

  /**
   * A rebalance began. What was acknowledged before is still committed, as the old generation may; what is refused, or
   * comes now, is held.
   */
  async hold(): Promise<void> {
    await this.#untilQuiet()
    this.#isHeld = true
  }

  /** The next generation is there, and the cursors that were lost are stopped. */
  release(): void {
    this.#isHeld = false
    for (const [cursor, { waiters }] of this.#gathering) {
      if (!cursor.stopped) continue
      this.#gathering.delete(cursor)
      for (const waiter of waiters) waiter.reject(lost(cursor))
    }
    if (this.#gathering.size > 0) this.#schedule()
    this.#settleIdle()
  }

  /** Resolves when all acks have been answered; those that are held are refused. */
  async drain(): Promise<void> {
    await this.#untilQuiet()
    const round = this.#gathering
    this.#gathering = new Map()
    for (const [cursor, { waiters }] of round) for (const waiter of waiters) waiter.reject(lost(cursor))
  }

  #add(cursor: OwnedCursor, offset: number, waiters: readonly Waiter[]): void {
    const pending = this.#gathering.get(cursor)
    if (pending === undefined) {
      this.#gathering.set(cursor, { offset, waiters: [...waiters] })
      return
    }
    pending.offset = Math.max(pending.offset, offset)
    pending.waiters.push(...waiters)
  }

  #schedule(): void {
    if (this.#scheduled || this.#isHeld || this.#inFlight !== undefined) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      void this.#send()
    })
  }

  async #send(): Promise<void> {
    if (this.#gathering.size === 0 || this.#inFlight !== undefined || this.#isHeld) return
    const round = this.#gathering
    this.#gathering = new Map()
    this.#inFlight = round
    const cursors = [...round.keys()]
    const offsets = cursors.map((cursor) => ({
      topic: cursor.topic,
      partition: cursor.partition,
      offset: round.get(cursor)?.offset ?? 0,
      leaderEpoch: -1,
      metadata: '',
    }))
    let outcomes: readonly unknown[]
    try {
      outcomes = await this.#options.commit(offsets)
    } catch (error) {
      outcomes = cursors.map(() => error)
    }
    this.#inFlight = undefined
    for (const [index, cursor] of cursors.entries()) this.#settle(cursor, round.get(cursor)!, outcomes[index])
    if (this.#gathering.size > 0) this.#schedule()
    this.#settleIdle()
  }

  #settle(cursor: OwnedCursor, { offset, waiters }: PendingCommit, error: unknown): void {
    if (error === undefined) {
      cursor.committedOffset = Math.max(cursor.committedOffset, offset)
      for (const waiter of waiters) waiter.resolve()
      return
    }
    const fenced = error instanceof HoldfastError && fencingCodes.has(error.code)
    if (fenced && !cursor.stopped) {
      // Whether the partition is still this member's is known after the next join.
      this.#isHeld = true
      this.#add(cursor, offset, waiters)
      this.#options.onFenced(error)
      return
    }
    for (const waiter of waiters) waiter.reject(fenced ? lost(cursor) : error)
  }

  /** Nothing is on its way, and what is gathered is held. */
  get #isQuiet(): boolean {
    return this.#inFlight === undefined && (this.#gathering.size === 0 || this.#isHeld)
  }

  async #untilQuiet(): Promise<void> {
    while (!this.#isQuiet) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #settleIdle(): void {
    if (this.#isQuiet) for (const resolve of this.#idle.splice(0)) resolve()
  }
}

function lost({ topic, partition }: Cursor): HoldfastError {
  return new HoldfastError(
    'ILLEGAL_GENERATION',
    `The message is not acknowledged: ${topic}-${partition} is not this consumer's any more, and is read again from the last commit.`,
  )
}
