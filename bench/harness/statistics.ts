/** What is said about a handful of rounds: the median, and how far it can be trusted. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export interface Spread {
  /** 95 % confidence interval of the median, by resampling the rounds. */
  readonly low: number
  readonly high: number
  readonly min: number
  readonly max: number
}

const resamples = 2000

/** The same rounds give the same interval: the dice are seeded. */
export function spreadOf(values: readonly number[]): Spread {
  const next = dice(0x9e3779b9)
  const medians = Array.from({ length: resamples }, () =>
    median(values.map(() => values[Math.floor(next() * values.length)])),
  ).sort((a, b) => a - b)
  return {
    low: medians[Math.floor(resamples * 0.025)],
    high: medians[Math.ceil(resamples * 0.975) - 1],
    min: Math.min(...values),
    max: Math.max(...values),
  }
}

/** mulberry32 (Tommy Ettinger, public domain): numbers from 0 up to 1. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
