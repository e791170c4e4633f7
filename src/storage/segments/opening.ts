/** What a log needs to be opened, and its opening: the same for the first time and for a recovery while others read. */

import type { Clock } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'
import type { Settings } from '../../core/settings.js'
import type { Disk } from '../../files/disk.js'
import type { OpenFiles } from '../../files/open-files.js'
import { roundMaxBytes } from '../../flush/group-commit.js'
import { flushPolicy } from '../../flush/policy.js'
import type { IndexCache } from './index-cache.js'
import { type LoadedLog, loadLog } from './loader.js'
import { writesDurably } from './log-writer.js'
import type { SegmentPlace } from './segment.js'
import type { SegmentLog } from './segment-log.js'

export interface SegmentLogOptions {
  readonly topic: string
  readonly partition: number
  readonly directory: string
  readonly disk: Disk
  readonly openFiles: OpenFiles
  readonly indexes: IndexCache
  readonly clock: Clock
  readonly logger: Logger
  /** With the topic's own configuration laid over them. */
  readonly settings: Settings
  /** The store was closed in order. */
  readonly clean: boolean
  readonly recoveryPoint: number
  readonly logStartOffset: number
  /** Offsets may be missing in what was there before, since Kafka's compaction worked on it. */
  readonly mayHaveHoles?: boolean
  /** Called when the log failed; its `failure` and `isRecoverable` tell how. */
  readonly onFailure?: (log: SegmentLog) => void
}

export type OpeningPoint = Pick<SegmentLogOptions, 'clean' | 'recoveryPoint' | 'logStartOffset'> & {
  readonly cutFrom: number
}

export function placeOf(options: SegmentLogOptions): SegmentPlace {
  const { directory, disk, openFiles, indexes, settings } = options
  return { directory, disk, openFiles, indexes, indexIntervalBytes: settings['log.index.interval.bytes'] }
}

export function loadFor(options: SegmentLogOptions, point: OpeningPoint): Promise<LoadedLog> {
  const policy = flushPolicy(options.settings)
  const request = {
    ...point,
    dsync: writesDurably(policy, options.disk),
    sealedDurably: policy.acknowledgeAfter === 'sync',
    mayHaveHoles: options.mayHaveHoles ?? false,
    longestTornBytes: Math.max(roundMaxBytes, options.settings['message.max.bytes']),
    nowMs: options.clock.now(),
  }
  return loadLog(placeOf(options), request, options.logger)
}
