/**
 * Group commit: many waiting appends share one write and one sync.
 *
 * One writer per log takes everything that waits, writes it as one round, and resolves all of the round's waiters in
 * order. While a round is on its way to the disk the next one gathers, so the size of a round follows the load by
 * itself; no timer is set. Only under BATCH_FLUSH a round stays open until it holds so many messages or is so old.
 *
 * A failed write or sync refuses every waiter, is reported once, and ends this writer for good: the kernel reports an I/O
 * error once and then forgets it, so no later success can be believed. A log goes on with a new GroupCommit, after
 * recovery. A round that takes longer than the policy's timeout is not failed: its waiters are told FLUSH_DISK_TIMEOUT,
 * which says that the outcome is unknown, and it goes on.
 */

import type { Clock, Timer } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { type Flushed, type FlushMeter, noFlushMeter } from './flush-meter.js'
import type { FlushPolicy, RoundSize } from './policy.js'
import type { RoundTarget } from './round-target.js'

/** A round ends here at the latest, so that no append waits behind an endless one and a `writev` stays within IOV_MAX. */
const roundMaxItems = 1024
/** A single item may be larger; it is then a round by itself. */
export const roundMaxBytes = 16 * 1024 * 1024

/**
 * From here on a flush's fixed cost is small beside that of its bytes, so nothing is waited for: the disk is to work while
 * the program makes what comes next.
 */
const muchBytes = 128 * 1024
/**
 * Of more than this a round takes half, so that the disk and the program take turns in equal parts instead of one waiting
 * for all that the other has. Measured with 1000 callers of 1 KiB: 1.4x against rounds of everything.
 */
const roundUsualBytes = 512 * 1024

/** The gathering polls the event loop, so it is kept short where a disk is slow. */
const longestPatienceMs = 0.5
const longestGatherMs = 5
/** And it ends where the clock stands still, as a test's or a simulator's may; no real wait has so many turns. */
const mostGatherTurns = 5000

/** Who waits for one item. */
interface Waiter {
  readonly sinceMs: number
  readonly messages: number
  resolve(): void
  reject(error: HoldfastError): void
}

/** Who waits until the first `items` items are written. */
interface Flusher {
  readonly items: number
  resolve(): void
  reject(error: HoldfastError): void
}

/** What is done between two rounds. */
interface Errand {
  run(): Promise<void>
  reject(error: HoldfastError): void
}

const unheard = (): void => {}
const nothing: Flushed = { messages: 0, bytes: 0 }

export class GroupCommit<T> {
  readonly #target: RoundTarget<T>
  readonly #policy: FlushPolicy
  readonly #clock: Clock
  readonly #meter: FlushMeter
  #items: T[] = []
  /** One for each item that waits, and those of the round that is on its way. */
  #waiters: Waiter[] = []
  #round: Waiter[] = []
  #waitingMessages = 0
  #waitingBytes = 0
  /** Items since the beginning: taken in, and written. */
  #submitted = 0
  #written = 0
  #flushers: Flusher[] = []
  #errands: Errand[] = []
  #writing = false
  /** The writing begins at the end of this turn of the event loop. */
  #beginning = false
  /** Closes the round that BATCH_FLUSH holds open. */
  #closeRound: (() => void) | undefined
  #failure: HoldfastError | undefined
  #idle: (() => void)[] = []
  /** What is written, and no sync has covered or is covering. */
  #unsynced: Flushed = nothing
  /** How many items the next round may hope for: those that the last one acknowledged, and those it left waiting. */
  #expected = 0
  #lastRoundMs = 0
  #deadline: Timer | undefined
  #syncTimer: Timer | undefined
  #syncing: Promise<void> | undefined
  #stopped = false

  constructor(target: RoundTarget<T>, policy: FlushPolicy, clock: Clock, meter = noFlushMeter) {
    this.#target = target
    this.#policy = policy
    this.#clock = clock
    this.#meter = meter
  }

  /**
   * Resolves when the policy acknowledges the item; rejects with the failure of its round or of an earlier one, or with
   * FLUSH_DISK_TIMEOUT where that takes too long. A caller that does not wait for the answer may drop it.
   */
  submit(item: T): Promise<void> {
    const acknowledged = this.#failure
      ? Promise.reject(this.#failure)
      : new Promise<void>((resolve, reject) => this.#take(item, resolve, reject))
    // A refusal that nobody listens to must not end the process.
    acknowledged.catch(unheard)
    return acknowledged
  }

  /** Somebody waits for longer than a sender should: until the disk answers, more would only fill the memory. */
  get isStalled(): boolean {
    const oldest = this.#round[0] ?? this.#waiters[0]
    return oldest !== undefined && this.#clock.monotonic() - oldest.sinceMs > this.#policy.timeoutMs
  }

  /** Resolves when everything submitted so far is written and synced, whatever the policy and however long it takes. */
  async flush(): Promise<void> {
    if (this.#written < this.#submitted && !this.#failure) {
      await new Promise<void>((resolve, reject) => {
        this.#flushers.push({ items: this.#submitted, resolve, reject })
        this.#closeRound?.()
      })
    }
    if (this.#failure) throw this.#failure
    // The sync that runs may have begun before the last round was written; whichever follows it covers that round.
    await this.#syncing
    // A write has failed meanwhile, so that none follows.
    if (this.#unsynced.messages > 0 && this.#failure) throw this.#failure
    if (this.#unsynced.messages > 0) this.#sync()
    await this.#syncing
  }

  /**
   * Runs `work` while no round is on its way. Where it fails, so has the target, as if a round had.
   * @throws the failure of the target
   */
  between<R>(work: () => Promise<R>): Promise<R> {
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#errands.push({ run: async () => resolve(await work()), reject })
      this.#begin()
    })
  }

  /** Ends the background work; to be called after a last {@link flush}, or after a failure. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#syncTimer?.cancel()
    // Nobody comes any more whom an open round could wait for.
    this.#closeRound?.()
    if (this.#writing || this.#beginning) await new Promise<void>((resolve) => this.#idle.push(resolve))
    this.#deadline?.cancel()
    await this.#syncing?.catch(unheard)
  }

  #take(item: T, resolve: () => void, reject: (error: HoldfastError) => void): void {
    const messages = this.#target.messagesIn(item)
    this.#items.push(item)
    this.#waiters.push({ sinceMs: this.#clock.monotonic(), messages, resolve, reject })
    this.#submitted++
    this.#meter.waits(1)
    this.#waitingMessages += messages
    this.#waitingBytes += this.#target.sizeOf(item)
    this.#deadline ??= this.#watch(this.#policy.timeoutMs)
    if (this.#policy.acknowledgeAfter === 'sync' && this.#isFull(this.#policy.round)) this.#closeRound?.()
    this.#begin()
  }

  /**
   * From a microtask, so that all appends of this turn of the event loop share the first round; but much is written at
   * once, so that the disk works while the rest of the turn is spent on what comes next.
   */
  #begin(): void {
    if (this.#writing) return
    if (this.#isMuch) void this.#writeRounds()
    else if (!this.#beginning) {
      this.#beginning = true
      queueMicrotask(() => {
        this.#beginning = false
        if (!this.#writing) void this.#writeRounds()
      })
    }
  }

  async #writeRounds(): Promise<void> {
    this.#writing = true
    const policy = this.#policy
    const durable = policy.acknowledgeAfter === 'sync'
    let isLeftOver = false
    while (!this.#failure && (this.#items.length > 0 || this.#errands.length > 0)) {
      if (this.#errands.length > 0) {
        await this.#runErrands()
        continue
      }
      if (policy.acknowledgeAfter === 'sync') {
        // What did not fit into a full round has gathered for as long as that one.
        if (policy.round !== undefined && !isLeftOver) await this.#fill(policy.round)
        else if (policy.round === undefined && !this.#isMuch) await this.#gather()
      }
      const begunAtMs = this.#clock.monotonic()
      const count = this.#roundLength()
      isLeftOver = count < this.#items.length
      const items = this.#items.splice(0, count)
      this.#round = this.#waiters.splice(0, count)
      const written = this.#tookFromWaiting(items)
      try {
        await this.#target.writeRound(items, durable)
      } catch (cause) {
        this.#meter.failed(written, this.#clock.monotonic() - begunAtMs, this.#fail(cause))
        break
      }
      // A sync behind the writer failed meanwhile: from then on nothing is acknowledged, and its waiters were told.
      if (this.#failure) break
      this.#syncBehind(written)
      this.#answerRound(count)
      this.#lastRoundMs = this.#clock.monotonic() - begunAtMs
      if (durable) this.#meter.flushed(written, this.#lastRoundMs)
      this.#expected = Math.min(count + this.#items.length, roundMaxItems)
    }
    this.#writing = false
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** What the round that begins with these items writes. */
  #tookFromWaiting(items: readonly T[]): Flushed {
    let messages = 0
    let bytes = 0
    for (const waiter of this.#round) messages += waiter.messages
    for (const item of items) bytes += this.#target.sizeOf(item)
    this.#waitingMessages -= messages
    this.#waitingBytes -= bytes
    return { messages, bytes }
  }

  async #runErrands(): Promise<void> {
    try {
      for (; this.#errands.length > 0; this.#errands.shift()) await this.#errands[0].run()
    } catch (cause) {
      this.#fail(cause)
    }
  }

  #answerRound(items: number): void {
    const round = this.#round
    this.#round = []
    this.#written += items
    this.#meter.waits(-round.length)
    for (const waiter of round) waiter.resolve()
    while (this.#flushers.length > 0 && this.#flushers[0].items <= this.#written) this.#flushers.shift()?.resolve()
  }

  /** Worth a flush by itself, whoever may still come. */
  get #isMuch(): boolean {
    return this.#waitingBytes >= muchBytes
  }

  #isFull(round: RoundSize | undefined): boolean {
    return round !== undefined && this.#waitingMessages >= round.messages
  }

  /** Holds the round open until it is full or old, or until somebody flushes. */
  async #fill(round: RoundSize): Promise<void> {
    const leftMs = this.#waiters[0].sinceMs + round.intervalMs - this.#clock.monotonic()
    if (this.#isFull(round) || this.#flushers.length > 0 || leftMs <= 0 || this.#stopped) return
    await new Promise<void>((resolve) => {
      const timer = this.#clock.schedule(leftMs, resolve)
      this.#closeRound = () => {
        timer.cancel()
        resolve()
      }
    })
    this.#closeRound = undefined
  }

  /** Looks, so many ms from now, for those who have waited too long; as long as somebody waits. */
  #watch(afterMs: number): Timer {
    const { timeoutMs } = this.#policy
    const look = (): void => {
      const nowMs = this.#clock.monotonic()
      const waiters = [...this.#round, ...this.#waiters]
      const young = waiters.find(({ sinceMs }) => nowMs - sinceMs < timeoutMs)
      for (const waiter of waiters) {
        if (waiter === young) break
        waiter.reject(
          new HoldfastError(
            'FLUSH_DISK_TIMEOUT',
            `The flush took longer than flush.commitlog.timeout (${timeoutMs} ms). The message may be stored or not: look for it, or send it again with an idempotent producer.`,
          ),
        )
      }
      this.#deadline = young === undefined ? undefined : this.#watch(young.sinceMs + timeoutMs - nowMs)
    }
    // Answers that wait behind this timer are heard first: a program that was busy must not take its own pause for the disk's.
    return this.#clock.schedule(afterMs, () => this.#clock.soon(look), { background: true })
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
    const isSized = this.#policy.acknowledgeAfter === 'sync' && this.#policy.round !== undefined
    const mostBytes = isSized
      ? roundMaxBytes
      : Math.min(Math.max(this.#waitingBytes / 2, roundUsualBytes), roundMaxBytes)
    let bytes = 0
    for (let count = 0; count < most; count++) {
      bytes += this.#target.sizeOf(this.#items[count])
      if (bytes > mostBytes && count > 0) return count
    }
    return most
  }

  /** Sees to it that what is written more, but not durable, is synced when the policy says so. */
  #syncBehind({ messages, bytes }: Flushed): void {
    if (this.#policy.acknowledgeAfter !== 'write') return
    this.#unsynced = { messages: this.#unsynced.messages + messages, bytes: this.#unsynced.bytes + bytes }
    if (this.#unsynced.messages === 0 || this.#syncing || this.#failure || this.#stopped) return
    if (this.#unsynced.messages >= this.#policy.messages) this.#sync()
    else this.#syncTimer ??= this.#clock.schedule(this.#policy.intervalMs, () => this.#sync(), { background: true })
  }

  /** Begins a sync of all that is written now, unless one is under way. */
  #sync(): void {
    this.#syncTimer?.cancel()
    this.#syncTimer = undefined
    if (this.#syncing || this.#failure) return
    const covered = this.#unsynced
    const begunAtMs = this.#clock.monotonic()
    const tookMs = () => this.#clock.monotonic() - begunAtMs
    this.#unsynced = nothing
    this.#syncing = this.#target
      .sync()
      .then(() => this.#meter.flushed(covered, tookMs()))
      .catch((cause: unknown) => {
        const failure = this.#fail(cause)
        this.#meter.failed(covered, tookMs(), failure)
        throw failure
      })
      .finally(() => {
        this.#syncing = undefined
        this.#syncBehind(nothing)
      })
    // A failure is not lost where nobody waits: it went out through `failed`, and refuses every later submit.
    this.#syncing.catch(unheard)
  }

  /** Refuses those of the round on its way, then all who wait behind it. */
  #fail(cause: unknown): HoldfastError {
    const failure = this.#failure ?? this.#told(cause)
    this.#failure = failure
    this.#items = []
    this.#meter.waits(-(this.#round.length + this.#waiters.length))
    for (const waiter of [...this.#round.splice(0), ...this.#waiters.splice(0)]) waiter.reject(failure)
    for (const errand of this.#errands.splice(0)) errand.reject(failure)
    for (const flusher of this.#flushers.splice(0)) flusher.reject(failure)
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
