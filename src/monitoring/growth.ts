/**
 * How fast something grows, from sizes noted now and then: the rise between the mean of the oldest third and that of the
 * newest, so that neither a single roll of a segment nor one pass of retention makes a trend.
 */

export interface SizeAt {
  readonly timeMs: number
  readonly bytes: number
}

export interface Growth {
  readonly bytesPerHour: number
  /** How long was looked. */
  readonly spanMs: number
}

const hourMs = 3_600_000
const leastPoints = 6

/** undefined with fewer than six points, or where they lie at one time. `points`: oldest first. */
export function growthOf(points: readonly SizeAt[]): Growth | undefined {
  if (points.length < leastPoints) return undefined
  const third = Math.floor(points.length / 3)
  const before = meanOf(points.slice(0, third))
  const after = meanOf(points.slice(points.length - third))
  const elapsedMs = after.timeMs - before.timeMs
  if (elapsedMs <= 0) return undefined
  return {
    bytesPerHour: ((after.bytes - before.bytes) / elapsedMs) * hourMs,
    spanMs: points[points.length - 1].timeMs - points[0].timeMs,
  }
}

function meanOf(points: readonly SizeAt[]): SizeAt {
  const sumOf = (pick: (point: SizeAt) => number) => points.reduce((sum, point) => sum + pick(point), 0)
  return { timeMs: sumOf(({ timeMs }) => timeMs) / points.length, bytes: sumOf(({ bytes }) => bytes) / points.length }
}

/** Beyond a year nobody knows. */
const furthestHours = 365 * 24

/** Hours until `freeBytes` are used up at this growth; undefined where they are not, or not within a year. */
export function hoursUntilFull(freeBytes: number, bytesPerHour: number): number | undefined {
  if (bytesPerHour <= 0) return undefined
  const hours = freeBytes / bytesPerHour
  return hours > furthestHours ? undefined : hours
}
