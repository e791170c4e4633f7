/**
 * Group commit: many waiting appends share one write and one sync.
 *
 * One writer per log takes everything that waits, writes it as one round, and resolves all of the round's waiters in
 * order. While a round is on its way to the disk the next one gathers, so the size of a round follows the load by
 * itself; no timer is set. A failed write or sync refuses every waiter, is reported once, and ends this writer for good: the kernel
 * reports an I/O error once and then forgets it, so no later success can be believed. A log goes on with a new
 * GroupCommit, after recovery.
 */

import type { Clock, Timer } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import type { FlushPolicy } from './policy.js'

export interface RoundTarget<T> {
  /** Bytes that one item adds to a round. */
  sizeOf(item: T): number
  /** Writes `items` in order; where `durable`, resolves only once they are on stable storage. */
  writeRound(items: readonly T[], durable: boolean): Promise<void>
  /** Makes all rounds that were written before this call durable. */
  sync(): Promise<void>
  /** Called once, before the waiters are refused with the error that it returns. */
  failed(cause: unknown): HoldfastError
}

/** A round ends here at the latest, so that no append waits behind an endless one and a `writev` stays within IOV_MAX. */
const roundMaxItems = 1024
/** A single item may be larger; it is then a round by itself. */
export const roundMaxBytes = 16 * 1024 * 1024

/** The gathering polls the event loop, so it is kept short where a disk is slow. */
const longestPatienceMs = 0.5
const longestGatherMs = 5
/** And it ends where the clock stands still, as a test's or a simulator's may; no real wait has so many turns. */
const mostGatherTurns = 5000

interface Waiter {
  resolve(): void
  reject(error: HoldfastError): void
}

const unheard = (): void => {}

export class GroupCommit<T> {
  readonly #target: RoundTarget<T>
  readonly #policy: FlushPolicy
  readonly #clock: Clock
  #items: T[] = []
  #waiters: Waiter[] = []
  /** Settles with the item that was submitted last, and so after all others. */
  #last: Promise<void> = Promise.resolve()
  #writing = false
  #failure: HoldfastError | undefined
  #idle: (() => void)[] = []
  /** Appends that are written, and that no sync has covered or is covering. */
  #unsynced = 0
  /** How many appends the next round may hope for: those that the last one acknowledged, and those it left waiting. */
  #expected = 0
  #lastRoundMs = 0
  #syncTimer: Timer | undefined
  #syncing: Promise<void> | undefined
  #stopped = false

  constructor(target: RoundTarget<T>, policy: FlushPolicy, clock: Clock) {
    this.#target = target
    this.#policy = policy
    this.#clock = clock
  }

  /**
   * Resolves when the policy acknowledges the item; rejects with the failure of its round or of an earlier one. A
   * caller that does not wait for the answer may drop it.
   */
  submit(item: T): Promise<void> {
    const acknowledged = this.#failure
      ? Promise.reject(this.#failure)
      : new Promise<void>((resolve, reject) => {
          this.#items.push(item)
          this.#waiters.push({ resolve, reject })
          this.#begin()
        })
    // A refusal that nobody listens to must not end the process.
    acknowledged.catch(unheard)
    this.#last = acknowledged
    return acknowledged
  }

  /** Resolves when everything submitted so far is written and synced, whatever the policy. */
  async flush(): Promise<void> {
    await this.#last
    if (this.#failure) throw this.#failure
    // The sync that runs may have begun before the last round was written; whichever follows it covers that round.
    await this.#syncing
    if (this.#unsynced > 0) this.#sync()
    await this.#syncing
  }

  /** Ends the background work; to be called after a last {@link flush}, or after a failure. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#syncTimer?.cancel()
    if (this.#writing) await new Promise<void>((resolve) => this.#idle.push(resolve))
    await this.#syncing?.catch(unheard)
  }

  #begin(): void {
    if (this.#writing) return
    this.#writing = true
    // From a microtask, so that all appends of this turn of the event loop share the first round.
    queueMicrotask(() => void this.#writeRounds())
  }

  async #writeRounds(): Promise<void> {
    const durable = this.#policy.acknowledgeAfter === 'sync'
    while (this.#items.length > 0 && !this.#failure) {
      if (durable) await this.#gather()
      const begunAtMs = this.#clock.monotonic()
      const count = this.#roundLength()
      const items = this.#items.splice(0, count)
      const waiters = this.#waiters.splice(0, count)
      try {
        await this.#target.writeRound(items, durable)
      } catch (cause) {
        this.#fail(cause, waiters)
        break
      }
      // A sync behind the writer failed meanwhile: from then on nothing is acknowledged.
      if (this.#failure) {
        for (const waiter of waiters) waiter.reject(this.#failure)
        break
      }
      this.#syncBehind(count)
      for (const waiter of waiters) waiter.resolve()
      this.#lastRoundMs = this.#clock.monotonic() - begunAtMs
      this.#expected = Math.min(count + this.#items.length, roundMaxItems)
    }
    this.#writing = false
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /**
   * Lets those who were acknowledged by the last round come back with their next appends before the next one is written.
   * Callers that wait for each acknowledgement would otherwise fall into parts that take turns, each flushing for
   * itself. It gives up when nobody came for half as long as the last round took: what is waited for must not cost more
   * than what it saves. A lone caller is never waited for.
   */
  async #gather(): Promise<void> {
    const patienceMs = Math.min(this.#lastRoundMs / 2, longestPatienceMs)
    const begunAtMs = this.#clock.monotonic()
    let until = begunAtMs + patienceMs
    let waiting = this.#items.length
    for (let turn = 0; this.#items.length < this.#expected && !this.#failure && turn < mostGatherTurns; turn++) {
      const nowMs = this.#clock.monotonic()
      if (this.#items.length > waiting) until = Math.min(nowMs + patienceMs, begunAtMs + longestGatherMs)
      if (nowMs >= until) return
      waiting = this.#items.length
      await new Promise<void>((resolve) => this.#clock.soon(resolve))
    }
  }

  /** How many of the waiting items go into the next round: at least one. */
  #roundLength(): number {
    const most = Math.min(this.#items.length, roundMaxItems)
    let bytes = 0
    for (let count = 0; count < most; count++) {
      bytes += this.#target.sizeOf(this.#items[count])
      if (bytes > roundMaxBytes && count > 0) return count
    }
    return most
  }

  /** Sees to it that `appends` more, which are written but not durable, are synced when the policy says so. */
  #syncBehind(appends: number): void {
    if (this.#policy.acknowledgeAfter !== 'write') return
    this.#unsynced += appends
    if (this.#unsynced === 0 || this.#syncing || this.#failure || this.#stopped) return
    if (this.#unsynced >= this.#policy.appends) this.#sync()
    else this.#syncTimer ??= this.#clock.schedule(this.#policy.intervalMs, () => this.#sync(), { background: true })
  }

  /** Begins a sync of all that is written now, unless one is under way. */
  #sync(): void {
    this.#syncTimer?.cancel()
    this.#syncTimer = undefined
    if (this.#syncing || this.#failure) return
    this.#unsynced = 0
    this.#syncing = this.#target
      .sync()
      .catch((cause: unknown) => {
        throw this.#fail(cause, [])
      })
      .finally(() => {
        this.#syncing = undefined
        this.#syncBehind(0)
      })
    // A failure is not lost where nobody waits: it went out through `failed`, and refuses every later submit.
    this.#syncing.catch(unheard)
  }

  /** Refuses those of the round that failed, then all who wait behind it. */
  #fail(cause: unknown, round: readonly Waiter[]): HoldfastError {
    const failure = this.#failure ?? this.#told(cause)
    this.#failure = failure
    this.#items = []
    for (const waiter of [...round, ...this.#waiters.splice(0)]) waiter.reject(failure)
    return failure
  }

  /** Whatever the target does with the news, the waiters are answered and the writer comes to its end. */
  #told(cause: unknown): HoldfastError {
    try {
      return this.#target.failed(cause)
    } catch (error) {
      return new HoldfastError('LOG_FAILED', `A write failed, and so did telling of it: ${String(error)}`, { cause })
    }
  }
}
