/** Closed-loop load: so many callers, each with one call under way, for so long. */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Latencies } from './harness/latencies.js'
import { median } from './harness/statistics.js'

export { median }

export interface LoadResult {
  /** Calls that resolved. */
  readonly count: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** How late a 1 ms timer of the calling process was, at the 99th percentile. */
  readonly loopDelayP99Ms: number
}

const timerMs = 1

/** Every caller calls `send` again as soon as the last call has resolved, until `forMs` have passed. */
export async function load(callers: number, forMs: number, send: () => Promise<unknown>): Promise<LoadResult> {
  const latencies = new Latencies()
  const delay = monitorEventLoopDelay({ resolution: timerMs })
  delay.enable()
  const start = performance.now()
  const end = start + forMs
  const caller = async () => {
    for (let before = performance.now(); before < end; ) {
      await send()
      const now = performance.now()
      latencies.record(now - before)
      before = now
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  const elapsedMs = performance.now() - start
  delay.disable()
  return {
    count: latencies.count,
    perSecond: (latencies.count / elapsedMs) * 1000,
    p50Ms: latencies.percentile(50),
    p99Ms: latencies.percentile(99),
    p999Ms: latencies.percentile(99.9),
    loopDelayP99Ms: Math.max(0, delay.percentile(99) / 1e6 - timerMs),
  }
}
