/**
 * What of a log is replaced as one when its files are opened anew: who writes, who commits, who takes batches.
 *
 * The way of an append: `append` gives the batch its offsets and queues it; the group commit hands all that waits to
 * the writer, which writes it (rolling to a new segment where it must), makes it durable as the policy says, publishes
 * it to readers by moving the high watermark, and so lets the waiters be acknowledged.
 */

import { GroupCommit } from '../../flush/group-commit.js'
import { flushPolicy } from '../../flush/policy.js'
import type { RecordBatch } from '../../records/batch.js'
import type { Appender } from '../log/appender.js'
import type { PartitionLog } from '../partition-log.js'
import { appenderOver } from './appending.js'
import type { LoadedLog, LoadReport } from './load-request.js'
import { LogWriter, type LogWriterOptions } from './log-writer.js'
import { loadFor, placeOf, type SegmentLogOptions } from './opening.js'
import { Segment } from './segment.js'

export interface OpenState {
  readonly writer: LogWriter
  readonly commit: GroupCommit<RecordBatch>
  readonly appender: Appender
  readonly report: LoadReport
}

/** `options.settings` is read anew at each use. */
export function openStateOver(
  log: PartitionLog,
  options: SegmentLogOptions,
  told: Pick<LogWriterOptions, 'onPublished' | 'onFailed'>,
  loaded: LoadedLog,
): OpenState {
  const { logger, clock, onMarked, flushes } = options
  const policy = flushPolicy(() => options.settings)
  const writer = new LogWriter({ place: placeOf(options), policy, logger, clock, onMarked, ...told }, loaded)
  const commit = new GroupCommit(writer, policy, clock, flushes)
  return { writer, commit, appender: appenderOver(log, options, commit, loaded), report: loaded.report }
}

/**
 * Ends `former`, of an empty log, and opens the log so that it begins at `offset`, which `noteStart` writes down. Of a crash
 * on the way one of both is left: first there is a segment that holds nothing, which a start removes again; then the log
 * is known to begin with it, and a start removes the files before it.
 */
export async function reopenedAt(
  offset: number,
  options: SegmentLogOptions,
  { commit, writer }: OpenState,
  noteStart: () => Promise<void>,
): Promise<LoadedLog> {
  await commit.stop()
  await writer.abandon()
  const first = await Segment.create(placeOf(options), offset)
  await first.release()
  await noteStart()
  await writer.segments.release()
  return loadFor(options, {
    clean: false,
    recoveryPoint: offset,
    logStartOffset: offset,
    cutFrom: Number.MAX_SAFE_INTEGER,
  })
}
