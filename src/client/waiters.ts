/**
 * Who waits for the messages of one batch, as ranges: the messages of one `sendMany` lie behind each other in a batch,
 * so one entry stands for all of them, and nothing is made for each.
 */

import type { Receipt } from './message.js'

/** One caller who waits for one message or many, each known by its index. Every index is answered exactly once. */
export interface SendWaiter {
  /**
   * The messages `first` to `first + count - 1` have been acknowledged. `receipt` is that of the first; the others have
   * the offsets behind it, in order, and the same time.
   */
  acknowledged(first: number, count: number, receipt: Receipt): void
  refused(first: number, count: number, error: unknown): void
  /** Nobody waits any more; what is not in a batch yet is left out. */
  readonly cancelled: boolean
  /** Waits for stable storage, also where the topic acknowledges earlier. */
  readonly durable: boolean
}

const none: never[] = []

/** Where an acknowledged batch lies. */
export interface BatchPlace {
  readonly topic: string
  readonly partition: number
  readonly baseOffset: number
  /** The time stamped on the batch, in ms; -1 where its records keep their own. */
  readonly logAppendTimeMs: number
}

/**
 * Four lists side by side instead of one of objects: a message that is sent alone must not cost one more. They are made with
 * their first entry, since a list that grows from nothing takes room for seventeen.
 */
export class BatchWaiters {
  #waiters: SendWaiter[] = none
  #firsts: number[] = none
  #counts: number[] = none
  #timestamps: number[] = none

  /** How many ranges there are. */
  get ranges(): number {
    return this.#waiters.length
  }

  /** The next message of the batch is `waiter`'s message `index`, with this time (ms). */
  add(waiter: SendWaiter, index: number, timestamp: number): void {
    const last = this.#waiters.length - 1
    if (last < 0) {
      this.#waiters = [waiter]
      this.#firsts = [index]
      this.#counts = [1]
      this.#timestamps = [timestamp]
      return
    }
    const goesOn =
      this.#waiters[last] === waiter &&
      this.#firsts[last] + this.#counts[last] === index &&
      this.#timestamps[last] === timestamp
    if (goesOn) {
      this.#counts[last]++
      return
    }
    this.#waiters.push(waiter)
    this.#firsts.push(index)
    this.#counts.push(1)
    this.#timestamps.push(timestamp)
  }

  acknowledge({ topic, partition, baseOffset, logAppendTimeMs }: BatchPlace): void {
    let offset = baseOffset
    for (let range = 0; range < this.#waiters.length; range++) {
      const count = this.#counts[range]
      const timestamp = logAppendTimeMs >= 0 ? logAppendTimeMs : this.#timestamps[range]
      this.#waiters[range].acknowledged(this.#firsts[range], count, { topic, partition, offset, timestamp })
      offset += count
    }
  }

  refuse(error: unknown): void {
    for (let range = 0; range < this.#waiters.length; range++) {
      this.#waiters[range].refused(this.#firsts[range], this.#counts[range], error)
    }
  }
}
