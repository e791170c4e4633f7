/** How a cleaning ends that is told to. */

import { HoldfastError } from '../../../core/errors.js'

export function ended(): HoldfastError {
  return new HoldfastError('CLOSED', 'The cleaning was ended.')
}
