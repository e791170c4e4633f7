/** A histogram of latencies in buckets that grow with the value: no allocation a call, percentiles to about 2 %. */

const bucketsPerDoubling = 32
/** From 1 microsecond to 2^26 of them, a minute. */
const doublings = 26
const ratio = 2 ** (1 / bucketsPerDoubling)

export class Latencies {
  readonly #buckets = new Uint32Array(bucketsPerDoubling * doublings)
  #count = 0

  get count(): number {
    return this.#count
  }

  record(ms: number): void {
    const bucket = ms <= 0.001 ? 0 : (Math.log2(ms * 1000) * bucketsPerDoubling) | 0
    this.#buckets[Math.min(bucket, this.#buckets.length - 1)]++
    this.#count++
  }

  /** In milliseconds, the middle of the bucket that holds it; 0 where nothing was recorded. */
  percentile(percent: number): number {
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count))
    let seen = 0
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      seen += this.#buckets[bucket]
      if (seen >= rank) return ratio ** (bucket + 0.5) / 1000
    }
    return 0
  }
}
