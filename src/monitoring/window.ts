/** What happened over the last minutes, as the advice reads it: the difference of two readings of the figures. */

import type { Figures } from './figures.js'
import { between, meanMs, meanOf } from './histogram.js'

export interface ReadingAt {
  /** By a clock that never goes back. */
  readonly atMs: number
  readonly figures: Figures
}

export interface FigureWindow {
  readonly seconds: number
  readonly flushes: number
  readonly messagesIn: number
  readonly batchesIn: number
  readonly bytesIn: number
  readonly messagesPerFlush: number | undefined
  readonly meanFlushMs: number | undefined
  /** How much of the time a flush was under way, of all logs together: above 1 where several ran at once. */
  readonly flushing: number
  readonly meanAppendMs: number | undefined
  readonly meanEventLoopDelayMs: number | undefined
  readonly openFiles: number | null
}

/** undefined where no time lies between the two. */
export function windowOf(earlier: ReadingAt | undefined, later: ReadingAt | undefined): FigureWindow | undefined {
  if (earlier === undefined || later === undefined || later.atMs <= earlier.atMs) return undefined
  const seconds = (later.atMs - earlier.atMs) / 1000
  const [before, after] = [earlier.figures, later.figures]
  const flush = between(before.flushSeconds, after.flushSeconds)
  return {
    seconds,
    flushes: flush.count,
    messagesIn: after.messagesIn - before.messagesIn,
    batchesIn: after.batchesIn - before.batchesIn,
    bytesIn: after.bytesIn - before.bytesIn,
    messagesPerFlush: meanOf(between(before.messagesPerFlush, after.messagesPerFlush)),
    meanFlushMs: meanMs(flush),
    flushing: flush.sum / seconds,
    meanAppendMs: meanMs(between(before.appendSeconds, after.appendSeconds)),
    meanEventLoopDelayMs: meanMs(between(before.eventLoopDelaySeconds, after.eventLoopDelaySeconds)),
    openFiles: after.openFiles,
  }
}
