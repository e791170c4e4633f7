/** Waiting for an offset that another append is bringing to the disk. */

import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import type { PartitionLog } from '../partition-log.js'

/**
 * Resolves when readers see `offset`; rejects when the log fails or is closed, or with FLUSH_DISK_TIMEOUT. For the sender
 * of a duplicate, whose first sending may still be on its way to the disk.
 */
export function whenVisible(log: PartitionLog, offset: number, clock: Clock, timeoutMs: number): Promise<void> {
  if (offset < log.highWatermark) return Promise.resolve()
  const visible = new Promise<void>((resolve, reject) => {
    const timer = clock.schedule(timeoutMs, () => end(() => reject(new HoldfastError('FLUSH_DISK_TIMEOUT'))), {
      background: true,
    })
    const stop = log.onAdvance(() => {
      if (offset < log.highWatermark) end(resolve)
      else if (log.failure !== undefined) end(() => reject(log.failure))
      else if (log.isClosed) end(() => reject(new HoldfastError('CLOSED')))
    })
    const end = (answer: () => void): void => {
      stop()
      timer.cancel()
      answer()
    }
  })
  // A refusal that nobody listens to must not end the process.
  visible.catch(() => {})
  return visible
}
