/** Tells the watchdog's thread which input runs. */

import { Worker } from 'node:worker_threads'
import type { Watch } from './fuzzer.js'
import type { Target } from './target.js'

const limitMs = 1000
/** Where a broker or a whole store is behind the target. */
const slowLimitMs = 5000
/** For what waits for something that never comes. */
const longestWaitMs = 30_000
const lookEveryMs = 100
const mostBytes = 1 << 20

/** One watch for each target, and one thread for all. @param directory where an input is written that never ends */
export function watchdog(directory: string): (target: Pick<Target, 'name' | 'isSlow'>) => Watch {
  const shared = new SharedArrayBuffer(12 + mostBytes)
  const counts = new Int32Array(shared, 0, 3)
  const room = new Uint8Array(shared, 12)
  const workerData = { shared, directory, longestWaitMs, lookEveryMs }
  new Worker(new URL('./watchdog.mjs', import.meta.url), { workerData, execArgv: [] }).unref()
  let count = 0
  return (target) => {
    const name = Buffer.from(`${target.name}\0`)
    return (bytes) => {
      if (bytes === undefined) {
        counts[0] = 0
        return
      }
      room.set(name)
      room.set(bytes, name.length)
      counts[1] = name.length + bytes.length
      counts[2] = target.isSlow ? slowLimitMs : limitMs
      count = (count % 0x7fffffff) + 1
      counts[0] = count
    }
  }
}
