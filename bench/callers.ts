/** Closed-loop load: so many callers, each with one message under way, for so long. */

export interface LoadResult {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Every caller calls `send` again as soon as the last call has resolved, until `forMs` have passed. */
export async function load(callers: number, forMs: number, send: () => Promise<unknown>): Promise<LoadResult> {
  const latencies: number[] = []
  const start = performance.now()
  const end = start + forMs
  const caller = async () => {
    for (let before = performance.now(); before < end; ) {
      await send()
      const now = performance.now()
      latencies.push(now - before)
      before = now
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  const elapsedMs = performance.now() - start
  latencies.sort((a, b) => a - b)
  return {
    perSecond: (latencies.length / elapsedMs) * 1000,
    p50Ms: latencies[Math.floor(latencies.length * 0.5)],
    p99Ms: latencies[Math.floor(latencies.length * 0.99)],
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
