/** What a log says when it refuses. */

import { HoldfastError, reasonOf } from '../../core/errors.js'
import type { PartitionLog } from '../partition-log.js'

export function outOfRange(log: PartitionLog, offset: number): HoldfastError {
  const range = `${log.logStartOffset}..${log.logEndOffset}`
  return new HoldfastError(
    'OFFSET_OUT_OF_RANGE',
    `Offset ${offset} of ${log.topic}-${log.partition} is not in ${range}.`,
  )
}

/** A failure that is damage, and not that of a disk which refused. */
export function damageOf(failure: unknown): HoldfastError | undefined {
  return failure instanceof HoldfastError && failure.code === 'LOG_DAMAGED' ? failure : undefined
}

/** Offsets `from` to `to`, the latter not included, should be there. */
export function hole(log: PartitionLog, directory: string, from: number, to: number): HoldfastError {
  const what = `${log.topic}-${log.partition} has lost its offsets ${from} to ${to - 1}: no segment in ${directory} holds them`
  return new HoldfastError('LOG_DAMAGED', `${what}. Put the missing files back and restart.`)
}

/** The disk has not answered for longer than a sender waits: what came in would only fill the memory. */
export function stalled(log: PartitionLog): HoldfastError {
  const why = `The disk under ${log.topic}-${log.partition} does not answer; this message was not taken.`
  return new HoldfastError('FLUSH_DISK_TIMEOUT', why)
}

/** A write, a sync or a name failed, and nothing is appended behind it. `what` names the log, e.g. "log orders-0". */
export function stopped(what: string, cause: unknown): HoldfastError {
  const full = cause instanceof HoldfastError && cause.code === 'DISK_FULL'
  const why = reasonOf(cause)
  return new HoldfastError(full ? 'DISK_FULL' : 'LOG_FAILED', `The ${what} takes no more messages: ${why}`, { cause })
}

/** Of a log whose files were being given other names when the disk refused one of them. */
export function namesLost({ topic, partition }: PartitionLog, cause: unknown): HoldfastError {
  const why = reasonOf(cause)
  const what = `Log ${topic}-${partition} can be read again when it has been opened anew; files of it were being renamed`
  return new HoldfastError('LOG_FAILED', `${what}: ${why}`, { cause })
}

/** Of a log in which every offset is a message. */
export function noHoles({ topic, partition }: PartitionLog): HoldfastError {
  const what = `${topic}-${partition} has the layout commitlog, in which every offset is a message`
  return new HoldfastError('COPY_IMPOSSIBLE', `${what}; what is to be copied has holes, which compaction makes.`)
}
