/** A flush that somebody waits for, but not for ever. */

import type { Clock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import type { PartitionLog } from '../storage/partition-log.js'

/** Makes the log durable. @throws FLUSH_DISK_TIMEOUT where that takes longer; it goes on then, and may succeed */
export function flushWithin(log: PartitionLog, clock: Clock, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = (): void =>
      reject(
        new HoldfastError(
          'FLUSH_DISK_TIMEOUT',
          `The flush took longer than flush.commitlog.timeout (${timeoutMs} ms).`,
        ),
      )
    const timer = clock.schedule(timeoutMs, late, { background: true })
    log
      .flush()
      .then(resolve, reject)
      .finally(() => timer.cancel())
  })
}
