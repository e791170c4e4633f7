/**
 * When a produced batch is checked and appended: at once, in the caller's turn of the event loop, unless that would hold
 * up everybody else or has to wait for a codec.
 *
 * A compressed batch may unpack to a thousand times its size, and one request may bring many; and some topics keep what
 * comes in a codec of their own. Unpacking and packing get a share of each turn; what does not fit waits for a later turn,
 * in order. Batches of one partition keep the order of their calls:
 * while one of them waits, those behind it do too. Other partitions go on.
 */

import type { Clock } from '../core/clock.js'
import { placeKey } from '../core/place-key.js'
import { prepareCodec } from '../records/compression/index.js'
import type { Codec } from '../records/format.js'

/** What the records of one compressed batch may unpack to; more is taken for a decompression bomb. */
export const maxUncompressedBytes = 32 * 1024 * 1024

/** Of one turn of the event loop; the batch that uses it up is still finished. */
const packingMsPerTurn = 10

export class Intake {
  readonly #clock: Clock
  /** By partition, the last one of those who wait. */
  readonly #waiting = new Map<string, Promise<unknown>>()
  /** Unpacking and packing that waits for a later turn. */
  readonly #queue: (() => void)[] = []
  #spentMs = 0
  #isTurnMarked = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Runs `append`, which checks and appends this batch without waiting for anything: before this returns, or later.
   * @param codecs those that it will unpack or pack with
   * @throws what `append` throws; UNSUPPORTED_COMPRESSION_TYPE where a codec cannot be loaded
   */
  take<T>(topic: string, partition: number, codecs: readonly Codec[], append: () => T): T | Promise<T> {
    if (this.#waiting.size === 0) {
      if (codecs.length === 0) return append()
      if (this.#hasTime && prepared(codecs) === undefined) return this.#timed(append)
    }
    const key = placeKey({ topic, partition })
    const before = this.#waiting.get(key)
    if (before === undefined && codecs.length === 0) return append()
    const taken = this.#takeLater(before, codecs, append)
    const done = taken
      .catch(() => {})
      .finally(() => {
        if (this.#waiting.get(key) === done) this.#waiting.delete(key)
      })
    this.#waiting.set(key, done)
    return taken
  }

  get #hasTime(): boolean {
    return this.#queue.length === 0 && this.#spentMs < packingMsPerTurn
  }

  async #takeLater<T>(before: Promise<unknown> | undefined, codecs: readonly Codec[], append: () => T): Promise<T> {
    await before
    await prepared(codecs)
    if (codecs.length === 0) return append()
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
        if (this.#spentMs >= packingMsPerTurn) break
      }
    })
  }
}

/** Undefined where all are ready at once. */
function prepared(codecs: readonly Codec[]): Promise<unknown> | undefined {
  const loading = codecs.map(prepareCodec).filter((each) => each !== undefined)
  return loading.length === 0 ? undefined : Promise.all(loading)
}
