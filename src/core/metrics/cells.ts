/** Where counted values are kept: plain numbers, so that counting costs a few nanoseconds. */

import type { Gauge, Histogram } from './metrics.js'

export class NumberCell implements Gauge {
  value = 0

  add(change: number): void {
    this.value += change
  }
}

/** Counts by bucket, not cumulated; the last is of what is greater than every bound. */
export interface HistogramFigures {
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
  readonly count: number
}

export class HistogramCell implements Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Array<number>(bounds.length + 1).fill(0)
  }

  observe(value: number): void {
    const bounds = this.#bounds
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (value <= bounds[middle]) high = middle
      else low = middle + 1
    }
    this.#counts[low]++
    this.#sum += value
  }

  figures(): HistogramFigures {
    const counts = [...this.#counts]
    return { bounds: this.#bounds, counts, sum: this.#sum, count: counts.reduce((sum, count) => sum + count, 0) }
  }
}
