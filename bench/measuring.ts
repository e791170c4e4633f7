/** How a contender has its metrics counted and looked at, as a console beside it would: once a second. */

import type { loadLibrary } from './holdfast.js'

export interface MeasuringOptions {
  /** Counted, and looked at once a second; where absent nothing is counted. */
  readonly metrics?: boolean
}

type Mq = Awaited<ReturnType<Awaited<ReturnType<typeof loadLibrary>>['open']>>

/** The queue, with somebody who looks at what it counts until it is closed. */
export function lookedAt(mq: Mq): Mq {
  const { metrics } = mq
  if (metrics === undefined) return mq
  const timer = setInterval(() => void metrics.snapshot(), 1000)
  timer.unref()
  return mq
}
