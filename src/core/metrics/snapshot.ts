/** What a registry held at one moment, as plain numbers. */

import type { HistogramFigures } from './cells.js'
import type { NamesOf } from './table.js'

export type SomeLabels = Readonly<Record<string, string>>

export interface Series {
  readonly labels: SomeLabels
  readonly value: number
}

export interface HistogramSeries extends HistogramFigures {
  readonly labels: SomeLabels
}

/** By name; a name without a series was never counted or collected. */
export type SeriesByName = Readonly<Partial<Record<NamesOf<'counter' | 'gauge'>, readonly Series[]>>>
export type HistogramsByName = Readonly<Partial<Record<NamesOf<'histogram'>, readonly HistogramSeries[]>>>

export class MetricsSnapshot {
  readonly values: SeriesByName
  readonly histograms: HistogramsByName

  constructor(values: SeriesByName, histograms: HistogramsByName) {
    this.values = values
    this.histograms = histograms
  }

  /** The sum of the series that have these labels; undefined where there is none. */
  value(name: NamesOf<'counter' | 'gauge'>, labels: SomeLabels = {}): number | undefined {
    const found = (this.values[name] ?? []).filter((series) => hasLabels(series.labels, labels))
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
  }

  /** The histograms that have these labels, as one; undefined where there is none. */
  histogram(name: NamesOf<'histogram'>, labels: SomeLabels = {}): HistogramFigures | undefined {
    const found = (this.histograms[name] ?? []).filter((series) => hasLabels(series.labels, labels))
    if (found.length === 0) return undefined
    const [{ bounds }] = found
    return {
      bounds,
      counts: found[0].counts.map((_, bucket) => found.reduce((sum, { counts }) => sum + counts[bucket], 0)),
      sum: found.reduce((total, { sum }) => total + sum, 0),
      count: found.reduce((total, { count }) => total + count, 0),
    }
  }
}

function hasLabels(given: SomeLabels, wanted: SomeLabels): boolean {
  return Object.entries(wanted).every(([label, value]) => given[label] === value)
}

/** What came between two looks at one histogram. */
export function since(earlier: HistogramFigures | undefined, now: HistogramFigures): HistogramFigures {
  if (earlier === undefined) return now
  return {
    bounds: now.bounds,
    counts: now.counts.map((count, bucket) => count - earlier.counts[bucket]),
    sum: now.sum - earlier.sum,
    count: now.count - earlier.count,
  }
}

/**
 * The value below which the share `rank` (0 to 1) of all lies, as if those of one bucket lay evenly in it; undefined where
 * there is none. What is beyond the greatest bound counts as that bound.
 */
export function percentile(figures: HistogramFigures, rank: number): number | undefined {
  const { bounds, counts, count } = figures
  if (count === 0) return undefined
  const wanted = rank * count
  let below = 0
  for (const [bucket, inBucket] of counts.entries()) {
    if (inBucket > 0 && below + inBucket >= wanted) {
      if (bucket === bounds.length) break
      const from = bucket === 0 ? 0 : bounds[bucket - 1]
      return from + (bounds[bucket] - from) * ((wanted - below) / inBucket)
    }
    below += inBucket
  }
  return bounds[bounds.length - 1]
}
