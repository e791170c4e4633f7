/** What a log needs to be opened, and its opening: the same for the first time and for a recovery while others read. */

import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import type { Settings } from '../../core/settings.js'
import type { Disk } from '../../files/disk.js'
import type { FlushMeter } from '../../flush/flush-meter.js'
import { roundMaxBytes } from '../../flush/group-commit.js'
import { acknowledgesAfter } from '../../flush/policy.js'
import type { LoadedLog } from './load-request.js'
import { loadLog } from './loader.js'
import type { SegmentLog } from './segment-log.js'
import type { SegmentPlace, SharedTables } from './segment-place.js'

export interface SegmentLogOptions {
  readonly topic: string
  readonly partition: number
  readonly directory: string
  readonly disk: Disk
  readonly tables: SharedTables
  readonly clock: Clock
  readonly logger: Logger
  /** With the topic's own configuration laid over them. */
  readonly settings: Settings
  /** Counts the flushes. */
  readonly flushes?: FlushMeter
  /** The store was closed in order. */
  readonly clean: boolean
  readonly recoveryPoint: number
  readonly logStartOffset: number
  /** Where the log began, as it was written down; undefined where nobody wrote it. */
  readonly knownStart?: number
  /** What lies at this offset or behind it is cut, sound or not; {@link recoveryPoint} lies before. */
  readonly cutFrom?: number
  /** Every segment is read, also what is known to be sound. */
  readonly fullScan?: boolean
  /** Called while it is opened, with the bytes that were read since the last time. */
  readonly onScanned?: (bytes: number) => void
  /** Offsets may be missing, since compaction worked on the log, ours or Kafka's. */
  readonly mayHaveHoles?: boolean
  /** Messages are taken as long as the disk has any room: without them consumers could not go on. */
  readonly isVital?: boolean
  /** Called before compaction makes the first hole; resolves when it has been written down that there may be some. */
  readonly onHoles?: () => Promise<void>
  /** There may be batches as large as this, though `message.max.bytes` is less by now. */
  readonly largestBatchBytes?: number
  /** Called when the log was told to start elsewhere; resolves when that has been written down. */
  readonly onStartMoved?: () => Promise<void>
  /** Called when a recovery would read less than before, once the recovery point is written down. */
  readonly onMarked?: () => void
  /** Called when the log failed; its `failure` and `isRecoverable` tell how. */
  readonly onFailure?: (log: SegmentLog) => void
}

/** How much of each log's end is brought into memory at the start. */
const warmTailBytes = 8 * 1024 * 1024

export type OpeningPoint = Pick<
  SegmentLogOptions,
  'clean' | 'recoveryPoint' | 'logStartOffset' | 'knownStart' | 'fullScan' | 'onScanned'
> & { readonly cutFrom: number }

/** What of a log's options may change while it is open. */
export interface LiveOptions {
  settings: Settings
  mayHaveHoles: boolean
}

/** The same options with those that may change: whoever keeps them reads anew at each use. */
export function withLive(options: SegmentLogOptions, live: LiveOptions): SegmentLogOptions {
  return {
    ...options,
    get settings() {
      return live.settings
    },
    get mayHaveHoles() {
      return live.mayHaveHoles
    },
  }
}

export function placeOf(options: SegmentLogOptions): SegmentPlace {
  const { directory, disk, tables, logger, settings } = options
  const isSync = acknowledgesAfter(settings) === 'sync'
  return {
    ...tables,
    directory,
    disk,
    logger,
    get indexIntervalBytes() {
      return options.settings['log.index.interval.bytes']
    },
    get indexBytes() {
      return options.settings['log.index.size.max.bytes']
    },
    get segmentBytes() {
      return options.settings['log.segment.bytes']
    },
    get rollMs() {
      const { 'log.roll.ms': rollMs, 'log.cleanup.policy': policy } = options.settings
      // What is active is not compacted.
      return policy.includes('compact')
        ? Math.min(rollMs, options.settings['log.cleaner.max.compaction.lag.ms'])
        : rollMs
    },
    dsync: isSync && disk.supportsDsync,
    engine: settings['file.engine'],
    get preallocate() {
      const how = options.settings['file.preallocate']
      // Nobody waits for the journal where acknowledgements come from the page cache: the zeros would be written for nothing.
      return how === 'ahead' && !isSync ? 'none' : how
    },
    get warmup() {
      return options.settings['file.warmup']
    },
  }
}

/** @throws MMAP_UNAVAILABLE where the settings ask for mapped files and there can be none */
export function checkEngine(settings: Settings, disk: Disk): void {
  if (settings['file.engine'] === 'disk' || disk.supportsMapping) return
  const why = 'it needs Linux and the library koffi, and neither may be switched off by HOLDFAST_NO_LIBC'
  throw new HoldfastError('MMAP_UNAVAILABLE', `file.engine = mmap is refused: ${why}. Use file.engine = disk.`)
}

export function loadFor(options: SegmentLogOptions, point: OpeningPoint): Promise<LoadedLog> {
  const request = {
    ...point,
    sealedDurably: acknowledgesAfter(options.settings) === 'sync',
    mayHaveHoles: options.mayHaveHoles ?? false,
    longestTornBytes: Math.max(roundMaxBytes, options.settings['message.max.bytes'], options.largestBatchBytes ?? 0),
    nowMs: options.clock.now(),
  }
  return loadLog(placeOf(options), request, options.logger)
}

/** Brings the end of a log into memory. Nobody waits for it, and where it fails nothing is lost but the time of the first reader. */
export function warmTail({ tables }: SegmentLogOptions, { segments }: LoadedLog): void {
  void tables.warming.run(() => segments[segments.length - 1].warm(warmTailBytes)).catch(() => {})
}
