/** The log of all groups, `__consumer_offsets`. */

import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import { InternalLog, type InternalTopic, unavailable } from '../internal-log.js'

export class OffsetsLog extends InternalLog {
  constructor(topic: InternalTopic, clock: Clock) {
    super({ name: '__consumer_offsets', topic, clock, refusalOf })
  }
}

/** What a client of the group is told where the log refused: go on trying, or that this commit can never be stored. */
function refusalOf(error: HoldfastError, groupId: string): HoldfastError {
  if (error.code === 'RECORD_LIST_TOO_LARGE' || error.code === 'MESSAGE_TOO_LARGE') {
    return new HoldfastError('INVALID_COMMIT_OFFSET_SIZE', error.message, { cause: error })
  }
  return unavailable(error, `The log of group ${groupId} cannot be written: ${error.message}`)
}
