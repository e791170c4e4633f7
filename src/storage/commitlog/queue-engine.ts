/** What a queue needs of the commit log that it shares with all others. */

import type { Clock } from '../../core/clock.js'
import type { HoldfastError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import type { RecordBatch } from '../../records/batch.js'
import type { DiskRoom } from '../log/disk-room.js'
import type { QueueLog } from './queue-log.js'

export interface QueueEngine {
  readonly clock: Clock
  readonly logger: Logger
  readonly room: DiskRoom
  /** What is acknowledged is on stable storage. */
  readonly acknowledgesDurable: boolean
  /** Why the commit log takes nothing, or undefined while it does. */
  readonly failure: HoldfastError | undefined
  /** Somebody waits for longer than a sender should. */
  readonly isStalled: boolean
  /** @throws the failure, or CLOSED */
  assertOpen(): void
  /** Encodes a batch that has its offsets. @throws RECORD_LIST_TOO_LARGE, INVALID_RECORD */
  admit(queue: QueueLog, batch: RecordBatch): void
  /** Takes the batch that was admitted just now. */
  submit(queue: QueueLog, batch: RecordBatch): { acknowledged: Promise<void>; maxTimestamp: number }
  /** Makes everything that was appended so far durable. */
  flush(): Promise<void>
}
