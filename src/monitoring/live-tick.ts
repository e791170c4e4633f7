/** One second of the broker's life out of two readings of its figures. */

import type { LiveTick } from '../console/api-types.js'
import { type DiskState, type Figures, usedRatio } from './figures.js'
import { between, meanMs, meanOf, percentilesMs } from './histogram.js'
import type { ReadingAt } from './window.js'

/** @param disk undefined where nothing is known of it: it shows as empty with no room */
export function liveTick(timeMs: number, earlier: ReadingAt, later: ReadingAt, disk: DiskState | undefined): LiveTick {
  const [before, after] = [earlier.figures, later.figures]
  // Two looks at one moment tell no rate; a ms keeps it finite.
  const seconds = Math.max(later.atMs - earlier.atMs, 1) / 1000
  const rate = (pick: (figures: Figures) => number) => (pick(after) - pick(before)) / seconds
  const flush = between(before.flushSeconds, after.flushSeconds)
  return {
    timeMs,
    messagesInPerSecond: rate(({ messagesIn }) => messagesIn),
    bytesInPerSecond: rate(({ bytesIn }) => bytesIn),
    messagesOutPerSecond: rate(({ messagesOut }) => messagesOut),
    bytesOutPerSecond: rate(({ bytesOut }) => bytesOut),
    flushesPerSecond: flush.count / seconds,
    messagesPerFlush: meanOf(between(before.messagesPerFlush, after.messagesPerFlush)) ?? null,
    flush: percentilesMs(flush),
    append: percentilesMs(between(before.appendSeconds, after.appendSeconds)),
    fetch: percentilesMs(between(before.fetchSeconds, after.fetchSeconds)),
    waitingAppends: after.waitingAppends,
    connections: after.connections,
    eventLoopDelayMs: meanMs(between(before.eventLoopDelaySeconds, after.eventLoopDelaySeconds)) ?? 0,
    residentBytes: after.residentBytes,
    heapBytes: after.heapBytes,
    openFiles: after.openFiles,
    refusedPerSecond: rate(({ refused }) => refused),
    diskUsedRatio: disk === undefined ? 0 : usedRatio(disk),
    diskFreeBytes: disk?.freeBytes ?? 0,
  }
}
