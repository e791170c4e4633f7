/** Those who wait for sends: a promise for one message, or one promise for many with an answer for each. */

import { HoldfastError, reasonOf } from '../core/errors.js'
import { invariant } from '../core/invariant.js'
import type { Receipt } from './message.js'
import type { SendWaiter } from './waiters.js'

let takenResolve: (receipt: Receipt) => void
let takenReject: (error: unknown) => void

/** Shared by all promises, so that a send makes no closure of its own. */
function take(resolve: (receipt: Receipt) => void, reject: (error: unknown) => void): void {
  takenResolve = resolve
  takenReject = reject
}

/** One send and its promise. */
export class PendingSend implements SendWaiter {
  readonly promise: Promise<Receipt>
  readonly durable: boolean
  cancelled = false
  readonly #resolve: (receipt: Receipt) => void
  readonly #reject: (error: unknown) => void

  constructor(durable: boolean) {
    this.promise = new Promise<Receipt>(take)
    this.#resolve = takenResolve
    this.#reject = takenReject
    this.durable = durable
  }

  acknowledged(_first: number, _count: number, receipt: Receipt): void {
    this.#resolve(receipt)
  }

  refused(_first: number, _count: number, error: unknown): void {
    this.#reject(error)
  }

  cancel(reason: unknown): void {
    this.cancelled = true
    this.#reject(reason)
  }
}

/** What became of each message of a `sendMany`, in order. */
export type SendOutcome =
  | { readonly receipt: Receipt; readonly error?: undefined }
  | { readonly receipt?: undefined; readonly error: unknown }

/**
 * Thrown by `sendMany` where some messages, or all, were refused. Its code is that of the first refusal; those with a
 * receipt have been acknowledged.
 *
 *     catch (error) {
 *       if (error instanceof SendManyError) retry(messages.filter((_, i) => error.outcomes[i].error !== undefined))
 *     }
 */
export class SendManyError extends HoldfastError {
  /** One entry per message, in order. */
  readonly outcomes: readonly SendOutcome[]

  constructor(outcomes: readonly SendOutcome[], first: unknown) {
    const refused = outcomes.reduce((count, { receipt }) => count + (receipt === undefined ? 1 : 0), 0)
    const reason = reasonOf(first)
    const code = first instanceof HoldfastError ? first.code : 'UNKNOWN_SERVER_ERROR'
    super(code, `${refused} of ${outcomes.length} messages were not sent: ${reason}`, { cause: first })
    this.outcomes = outcomes
  }
}

interface Refusal {
  readonly first: number
  readonly count: number
  readonly error: unknown
}

/** Many sends behind one promise, without a promise or an object for each. */
export class ManySends implements SendWaiter {
  readonly promise: Promise<Receipt[]>
  readonly durable: boolean
  /** Nobody waits any more; what is not in a batch yet is left out. */
  cancelled = false
  readonly #resolve: (receipts: Receipt[]) => void
  readonly #reject: (error: unknown) => void
  readonly #receipts: (Receipt | undefined)[]
  readonly #refusals: Refusal[] = []
  #open: number

  constructor(count: number, durable: boolean) {
    let whenSent: ((receipts: Receipt[]) => void) | undefined
    let whenRefused: ((error: unknown) => void) | undefined
    this.promise = new Promise((resolve, reject) => {
      whenSent = resolve
      whenRefused = reject
    })
    this.#resolve = whenSent!
    this.#reject = whenRefused!
    this.#receipts = new Array(count)
    this.#open = count
    this.durable = durable
    if (count === 0) this.#resolve([])
  }

  acknowledged(first: number, count: number, receipt: Receipt): void {
    const { topic, partition, offset, timestamp } = receipt
    this.#receipts[first] = receipt
    for (let next = 1; next < count; next++) {
      this.#receipts[first + next] = { topic, partition, offset: offset + next, timestamp }
    }
    this.#answered(count)
  }

  refused(first: number, count: number, error: unknown): void {
    this.#refusals.push({ first, count, error })
    this.#answered(count)
  }

  cancel(reason: unknown): void {
    this.cancelled = true
    this.#reject(reason)
  }

  #answered(count: number): void {
    this.#open -= count
    if (this.#open > 0) return
    invariant(this.#open === 0, 'each message of a sendMany is answered once')
    if (this.#refusals.length === 0) this.#resolve(this.#receipts as Receipt[])
    else this.#reject(this.#failure())
  }

  #failure(): SendManyError {
    const errors: unknown[] = new Array(this.#receipts.length)
    for (const { first, count, error } of this.#refusals) errors.fill(error, first, first + count)
    const outcomes: SendOutcome[] = Array.from(this.#receipts, (receipt, index) =>
      receipt === undefined ? { error: errors[index] } : { receipt },
    )
    return new SendManyError(outcomes, outcomes.find(({ receipt }) => receipt === undefined)?.error)
  }
}
