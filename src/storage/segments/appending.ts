/** The appender of a log whose batches go into segments as they are. */

import { HoldfastError } from '../../core/errors.js'
import type { GroupCommit } from '../../flush/group-commit.js'
import type { RecordBatch } from '../../records/batch.js'
import { Appender } from '../log/appender.js'
import type { PartitionLog } from '../partition-log.js'
import type { LoadedLog } from './load-request.js'
import type { SegmentLogOptions } from './opening.js'

/** `options.settings` is read anew at each use. */
export function appenderOver(
  log: PartitionLog,
  options: SegmentLogOptions,
  commit: GroupCommit<RecordBatch>,
  loaded: LoadedLog,
): Appender {
  const { clock, isVital, tables } = options
  const target = {
    submit: (batch: RecordBatch) => commit.submit(batch),
    get isStalled() {
      return commit.isStalled
    },
    admit(batch: RecordBatch) {
      const segmentBytes = options.settings['log.segment.bytes']
      if (batch.sizeInBytes <= segmentBytes) return
      const why = `A batch of ${batch.sizeInBytes} bytes does not fit into a segment of ${segmentBytes}.`
      throw new HoldfastError('RECORD_LIST_TOO_LARGE', why)
    },
  }
  const live = {
    clock,
    isVital,
    room: tables.room,
    get settings() {
      return options.settings
    },
  }
  return new Appender(log, live, target, loaded)
}
