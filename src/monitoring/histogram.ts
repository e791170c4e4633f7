/** Histograms of seconds over a stretch of time, in ms as people read them. */

import type { Percentiles } from '../console/api-types.js'
import type { HistogramFigures } from '../core/metrics/cells.js'
import { percentile, since } from '../core/metrics/snapshot.js'

/** What was counted between two looks. A metric that was first seen meanwhile began at nothing. */
export function between(earlier: HistogramFigures, later: HistogramFigures): HistogramFigures {
  return earlier.bounds.length === later.bounds.length ? since(earlier, later) : later
}

/** undefined where nothing was counted. */
export function meanOf({ sum, count }: HistogramFigures): number | undefined {
  return count === 0 ? undefined : sum / count
}

export function meanMs(seconds: HistogramFigures): number | undefined {
  const mean = meanOf(seconds)
  return mean === undefined ? undefined : mean * 1000
}

export function percentilesMs(seconds: HistogramFigures): Percentiles {
  const at = (rank: number) => {
    const value = percentile(seconds, rank)
    return value === undefined ? null : value * 1000
  }
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) }
}
