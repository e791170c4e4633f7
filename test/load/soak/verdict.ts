/**
 * Whether figures stay where they are: for each the slope over the time after the warm-up, by Theil and Sen (the median
 * of the slopes of all pairs), which single outliers and the saw teeth of garbage collection and retention do not move.
 */

import type { Sample } from './samples.js'

export interface Bound {
  readonly name: string
  readonly unit: string
  readonly of: (sample: Sample) => number
  /** How much it may grow over the time that is judged, in units. */
  readonly mostGrowth: number
}

const mib = 1024 * 1024

/** What must not grow. `mostGrowth` is some of what each is in a run that is well, and less than any leak makes of it. */
export const bounds: readonly Bound[] = [
  { name: 'own memory', unit: 'MiB', of: ({ ownBytes }) => ownBytes / mib, mostGrowth: 24 },
  { name: 'resident memory', unit: 'MiB', of: ({ residentBytes }) => residentBytes / mib, mostGrowth: 48 },
  { name: 'open files', unit: 'files', of: ({ openFiles }) => openFiles, mostGrowth: 8 },
  { name: 'threads', unit: 'threads', of: ({ threads }) => threads, mostGrowth: 2 },
  { name: 'files in the folder', unit: 'files', of: ({ files }) => files, mostGrowth: 20 },
  { name: 'bytes in the folder', unit: 'MiB', of: ({ storedBytes }) => storedBytes / mib, mostGrowth: 48 },
]

export interface Judged {
  readonly name: string
  readonly unit: string
  readonly median: number
  /** Over the time that is judged. */
  readonly growth: number
  readonly mostGrowth: number
  readonly isFlat: boolean
}

/** The part of a run in which caches fill and retention has not begun. */
export const warmUp = 0.25

/** More add nothing to a median of slopes. */
const mostPoints = 300

export function judge(samples: readonly Sample[], over: readonly Bound[] = bounds): Judged[] {
  const end = samples.at(-1)?.seconds ?? 0
  const judged = samples.filter(({ seconds }) => seconds >= end * warmUp)
  if (judged.length < 10) throw new Error(`${judged.length} samples after the warm-up are too few to judge by.`)
  const points = thinned(judged)
  const seconds = end - judged[0].seconds
  return over.map(({ name, unit, of, mostGrowth }) => {
    const growth = slope(points.map((sample) => [sample.seconds, of(sample)])) * seconds
    return { name, unit, median: median(judged.map(of)), growth, mostGrowth, isFlat: growth <= mostGrowth }
  })
}

export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes: number[] = []
  for (let i = 0; i < points.length; i++) {
    for (let j = i + 1; j < points.length; j++) {
      slopes.push((points[j][1] - points[i][1]) / (points[j][0] - points[i][0]))
    }
  }
  return median(slopes)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function thinned(samples: readonly Sample[]): readonly Sample[] {
  const step = Math.ceil(samples.length / mostPoints)
  return samples.filter((_, at) => at % step === 0)
}
