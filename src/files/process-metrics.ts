/** What is counted of the process itself: its event loop, CPU time, memory, descriptors, and the calls that wait for a thread. */

import { readdir } from 'node:fs/promises'
import type { Clock, Timer } from '../core/clock.js'
import type { Metrics } from '../core/metrics/metrics.js'
import { durableCalls } from './gate.js'

/** Often enough to meet what blocks for long, and no work worth mentioning. */
const delayEveryMs = 100

/** Where Linux lists what a process has open. */
const openFilesPath = '/proc/self/fd'

/** Counts until the returned call. */
export function watchProcess(metrics: Metrics, clock: Clock): () => void {
  if (!metrics.isOn) return () => {}
  const stopDelays = watchEventLoop(metrics, clock)
  const stop = metrics.collect(async (figures) => {
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage()
    figures.put('mq_memory_bytes', rss, { kind: 'resident' })
    figures.put('mq_memory_bytes', heapUsed, { kind: 'heap' })
    figures.put('mq_memory_bytes', external, { kind: 'external' })
    figures.put('mq_memory_bytes', arrayBuffers, { kind: 'buffers' })
    const { user, system } = process.cpuUsage()
    figures.put('mq_cpu_seconds_total', user / 1e6, { mode: 'user' })
    figures.put('mq_cpu_seconds_total', system / 1e6, { mode: 'system' })
    figures.put('mq_event_loop_active_seconds_total', performance.eventLoopUtilization().active / 1000, {})
    figures.put('mq_durable_calls_waiting', durableCalls().waiting, {})
    const open = await readdir(openFilesPath).catch(() => undefined)
    // The directory itself is one of them while it is read.
    if (open !== undefined) figures.put('mq_open_files', open.length - 1, {})
  })
  return () => {
    stopDelays()
    stop()
  }
}

function watchEventLoop(metrics: Metrics, clock: Clock): () => void {
  const delays = metrics.histogram('mq_event_loop_delay_seconds', {})
  let timer: Timer
  const wait = (): void => {
    const dueMs = clock.monotonic() + delayEveryMs
    timer = clock.schedule(
      delayEveryMs,
      () => {
        delays.observe(Math.max(0, clock.monotonic() - dueMs) / 1000)
        wait()
      },
      { background: true },
    )
  }
  wait()
  return () => timer.cancel()
}
