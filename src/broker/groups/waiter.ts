/** A request that is answered later: exactly once, with a result or an error. */

import type { HoldfastError } from '../../core/errors.js'

export class Waiter<T> {
  readonly promise: Promise<T>
  readonly answer: (result: T) => void
  readonly refuse: (error: HoldfastError) => void

  constructor() {
    let resolve: (result: T) => void = () => {}
    let reject: (error: HoldfastError) => void = () => {}
    this.promise = new Promise<T>((onResult, onError) => {
      resolve = onResult
      reject = onError
    })
    this.answer = resolve
    this.refuse = reject
  }
}
