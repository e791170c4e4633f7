/** The log of all transactional ids, `__transaction_state`: storing their states, and bringing them back at the start. */

import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import { readRecords } from '../../records/reader.js'
import { type Appended, InternalLog, type InternalTopic, unavailable } from '../internal-log.js'
import { decodeKey, decodeValue, encodeKey, encodeValue, type StoredTransaction } from './format.js'

export class TransactionLog {
  readonly #log: InternalLog

  constructor(topic: InternalTopic, clock: Clock) {
    this.#log = new InternalLog({ name: '__transaction_state', topic, clock, refusalOf })
  }

  /** The greatest leader epoch of its partitions: a Kafka that wrote them was never a coordinator of a later one. */
  get leaderEpoch(): number {
    let greatest = 0
    for (let partition = 0; partition < this.#log.partitionCount; partition++) {
      greatest = Math.max(greatest, this.#log.log(partition).leaderEpoch)
    }
    return greatest
  }

  /**
   * Appends the state that an id is to have, or null where it is forgotten, before this returns.
   * @throws COORDINATOR_NOT_AVAILABLE where the log failed; LOG_DAMAGED; RECORD_LIST_TOO_LARGE
   */
  append(transactionalId: string, state: StoredTransaction | null): Appended {
    const value = state === null ? null : encodeValue(state)
    return this.#log.appendNow(transactionalId, [{ key: encodeKey(transactionalId), value }])
  }

  drain(): Promise<void> {
    return this.#log.drain()
  }

  /** The last state of each id. @throws INVALID_RECORD, CORRUPT_MESSAGE, and what reading the log throws */
  async readAll(logger: Logger): Promise<Map<string, StoredTransaction>> {
    const states = new Map<string, StoredTransaction>()
    for (let partition = 0; partition < this.#log.partitionCount; partition++) {
      for await (const batches of this.#log.batches(partition)) {
        for (const batch of batches) {
          if (batch.isControl) continue
          for (const { key, value, offset } of readRecords(batch)) {
            const id = key === null ? undefined : decodeKey(key)
            if (id === undefined) logger.warn({ partition, offset }, 'a record of __transaction_state is passed over')
            else if (value === null) states.delete(id)
            else states.set(id, decodeValue(value))
          }
        }
      }
    }
    return states
  }
}

function refusalOf(error: HoldfastError, transactionalId: string): HoldfastError {
  const message = `The state of transactional id ${transactionalId} cannot be written: ${error.message}`
  // Trying again would not make it smaller.
  const isTooLarge = error.code === 'RECORD_LIST_TOO_LARGE' || error.code === 'MESSAGE_TOO_LARGE'
  return isTooLarge ? new HoldfastError(error.code, message, { cause: error }) : unavailable(error, message)
}
