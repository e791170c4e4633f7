/** Ends the waiting of a request early when its connection is lost or the server closes. */

import { HoldfastError } from '../../core/errors.js'

/** What `waiting` gives. @throws COORDINATOR_NOT_AVAILABLE when `signal` is aborted before */
export function untilClosing<T>(waiting: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(new HoldfastError('COORDINATOR_NOT_AVAILABLE', 'The broker is shutting down.'))
    // What was done already is answered as it is: the listener comes after it.
    const done = (): void => signal.removeEventListener('abort', end)
    waiting.then(resolve, reject).finally(done)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}
