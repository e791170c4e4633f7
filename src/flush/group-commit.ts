/**
 * Group commit: many waiting appends share one write and one sync.
 *
 * One writer per log takes everything that waits, writes it as one round, and resolves all of the round's waiters in
 * order. While a round is on its way to the disk the next one gathers, so the size of a round follows the load by
 * itself. A failed write or sync refuses every waiter, is reported once, and ends this writer for good: the kernel
 * reports an I/O error once and then forgets it, so no later success can be believed. A log goes on with a new
 * GroupCommit, after recovery.
 */

import type { Clock, Timer } from '../core/clock.js'
import type { HoldfastError } from '../core/errors.js'
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
const roundMaxBytes = 16 * 1024 * 1024

interface Waiter {
  resolve(): void
  reject(error: HoldfastError): void
}

export class GroupCommit<T> {
  readonly #target: RoundTarget<T>
  readonly #policy: FlushPolicy
  readonly #clock: Clock
  #items: T[] = []
  #waiters: Waiter[] = []
  #writing = false
  #failure: HoldfastError | undefined
  #idle: (() => void)[] = []
  #unsynced = 0
  #syncTimer: Timer | undefined
  #syncing: Promise<void> | undefined

  constructor(target: RoundTarget<T>, policy: FlushPolicy, clock: Clock) {
    this.#target = target
    this.#policy = policy
    this.#clock = clock
  }

  /** Resolves when the policy acknowledges the item; rejects with the failure of its round or of an earlier one. */
  submit(item: T): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#items.push(item)
      this.#waiters.push({ resolve, reject })
      if (this.#writing) return
      this.#writing = true
      // From a microtask, so that all appends of this turn of the event loop share the first round.
      queueMicrotask(() => void this.#writeRounds())
    })
  }

  /** Resolves when everything submitted so far is written and synced, whatever the policy. */
  async flush(): Promise<void> {
    await this.#untilIdle()
    if (this.#failure) throw this.#failure
    if (this.#unsynced > 0) await this.#sync()
  }

  /** Ends the background work; to be called after a last {@link flush}, or after a failure. */
  async stop(): Promise<void> {
    this.#syncTimer?.cancel()
    await this.#untilIdle()
    await this.#syncing?.catch(() => {})
  }

  #untilIdle(): Promise<void> {
    return this.#writing ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve()
  }

  async #writeRounds(): Promise<void> {
    const durable = this.#policy.acknowledgeAfter === 'sync'
    while (this.#items.length > 0 && !this.#failure) {
      const count = this.#roundLength()
      const items = this.#items.splice(0, count)
      const waiters = this.#waiters.splice(0, count)
      try {
        await this.#target.writeRound(items, durable)
      } catch (cause) {
        const failure = this.#fail(cause)
        for (const waiter of waiters) waiter.reject(failure)
        break
      }
      if (!durable) this.#syncBehind(count)
      for (const waiter of waiters) waiter.resolve()
    }
    this.#writing = false
    for (const resolve of this.#idle.splice(0)) resolve()
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

  #syncBehind(appends: number): void {
    if (this.#policy.acknowledgeAfter !== 'write') return
    this.#unsynced += appends
    if (this.#unsynced === 0 || this.#syncing || this.#failure) return
    // A failure is not lost here: it has been reported through `failed`, and refuses every later submit.
    const syncNow = () => void this.#sync().catch(() => {})
    if (this.#unsynced >= this.#policy.appends) syncNow()
    else this.#syncTimer ??= this.#clock.schedule(this.#policy.intervalMs, syncNow, { background: true })
  }

  /** One sync at a time; a caller that comes while one runs waits for the next, which covers its bytes. */
  async #sync(): Promise<void> {
    await this.#syncing?.catch(() => {})
    if (this.#failure) throw this.#failure
    this.#syncTimer?.cancel()
    this.#syncTimer = undefined
    this.#unsynced = 0
    this.#syncing ??= this.#target
      .sync()
      .catch((cause: unknown) => {
        throw this.#fail(cause)
      })
      .finally(() => {
        this.#syncing = undefined
        this.#syncBehind(0)
      })
    await this.#syncing
  }

  #fail(cause: unknown): HoldfastError {
    if (this.#failure) return this.#failure
    const failure = this.#target.failed(cause)
    this.#failure = failure
    this.#items = []
    for (const waiter of this.#waiters.splice(0)) waiter.reject(failure)
    return failure
  }
}
