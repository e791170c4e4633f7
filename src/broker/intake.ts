/**
 * When a produced batch is checked and appended: at once, in the caller's turn of the event loop, unless that would hold
 * up everybody else or has to wait for a codec.
 *
 * A compressed batch may unpack to a thousand times its size, and one request may bring many. Unpacking gets a share of
 * each turn; what does not fit waits for a later turn, in order. Batches of one partition keep the order of their calls:
 * while one of them waits, those behind it do too. Other partitions go on.
 */

import type { Clock } from '../core/clock.js'
import { prepareCodec } from '../records/compression/index.js'
import { at, type Codec, codecMask, codecNames } from '../records/format.js'

/** Of one turn of the event loop; the batch that uses it up is still finished. */
const unpackingMsPerTurn = 10

export class Intake {
  readonly #clock: Clock
  /** By partition, the last one of those who wait. */
  readonly #waiting = new Map<string, Promise<unknown>>()
  /** Unpacking that waits for a later turn. */
  readonly #queue: (() => void)[] = []
  #spentMs = 0
  #isTurnMarked = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Runs `append`, which checks and appends this batch without waiting for anything: before this returns, or later.
   * `unverified` are the bytes that it will unpack where they say so; undefined where there is nothing to unpack.
   * @throws what `append` throws; UNSUPPORTED_COMPRESSION_TYPE where the codec cannot be loaded
   */
  take<T>(topic: string, partition: number, unverified: Buffer | undefined, append: () => T): T | Promise<T> {
    const codec = unverified === undefined ? 'none' : codecOf(unverified)
    if (this.#waiting.size === 0) {
      if (codec === 'none') return append()
      if (this.#hasTime && prepareCodec(codec) === undefined) return this.#timed(append)
    }
    const key = `${partition} ${topic}`
    const before = this.#waiting.get(key)
    if (before === undefined && codec === 'none') return append()
    const taken = this.#takeLater(before, codec, append)
    const done = taken
      .catch(() => {})
      .finally(() => {
        if (this.#waiting.get(key) === done) this.#waiting.delete(key)
      })
    this.#waiting.set(key, done)
    return taken
  }

  get #hasTime(): boolean {
    return this.#queue.length === 0 && this.#spentMs < unpackingMsPerTurn
  }

  async #takeLater<T>(before: Promise<unknown> | undefined, codec: Codec, append: () => T): Promise<T> {
    await before
    await prepareCodec(codec)
    if (codec === 'none') return append()
    return this.#hasTime ? this.#timed(append) : this.#inTurn(append)
  }

  #inTurn<T>(append: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push(() => {
        try {
          resolve(this.#timed(append))
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  #timed<T>(append: () => T): T {
    const start = this.#clock.monotonic()
    try {
      return append()
    } finally {
      this.#spentMs += this.#clock.monotonic() - start
      this.#markTurn()
    }
  }

  #markTurn(): void {
    if (this.#isTurnMarked) return
    this.#isTurnMarked = true
    this.#clock.soon(() => {
      this.#isTurnMarked = false
      this.#spentMs = 0
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        next()
        if (this.#spentMs >= unpackingMsPerTurn) break
      }
    })
  }
}

/** The codec that a batch (which may be garbage yet) claims. */
function codecOf(batch: Buffer): Codec {
  return (batch.length < at.records ? undefined : codecNames[batch[at.attributes + 1] & codecMask]) ?? 'none'
}
