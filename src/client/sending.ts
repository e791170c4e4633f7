/** Those who wait for sends: a promise for one message, or one promise for many with an answer for each. */

import { HoldfastError } from '../core/errors.js'
import type { SendWaiter } from './accumulator.js'
import type { Receipt } from './message.js'

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
  readonly resolve: (receipt: Receipt) => void
  readonly reject: (error: unknown) => void
  cancelled = false

  constructor() {
    this.promise = new Promise<Receipt>(take)
    this.resolve = takenResolve
    this.reject = takenReject
  }

  cancel(reason: unknown): void {
    this.cancelled = true
    this.reject(reason)
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
    const reason = first instanceof Error ? first.message : String(first)
    const code = first instanceof HoldfastError ? first.code : 'UNKNOWN_SERVER_ERROR'
    super(code, `${refused} of ${outcomes.length} messages were not sent: ${reason}`, { cause: first })
    this.outcomes = outcomes
  }
}

/** Many sends behind one promise, without a promise for each. */
export class ManySends {
  readonly promise: Promise<Receipt[]>
  readonly #resolve: (receipts: Receipt[]) => void
  readonly #reject: (error: unknown) => void
  readonly #receipts: (Receipt | undefined)[]
  readonly #errors = new Map<number, unknown>()
  #open: number
  /** Nobody waits any more; what is not in a batch yet is left out. */
  cancelled = false

  constructor(count: number) {
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
    if (count === 0) this.#resolve([])
  }

  /** Who waits for the message at `index`. */
  waiter(index: number): ManyWaiter {
    return new ManyWaiter(this, index)
  }

  cancel(reason: unknown): void {
    this.cancelled = true
    this.#reject(reason)
  }

  settle(index: number, receipt: Receipt | undefined, error: unknown): void {
    if (receipt === undefined) this.#errors.set(index, error)
    else this.#receipts[index] = receipt
    if (--this.#open > 0) return
    if (this.#errors.size === 0) this.#resolve(this.#receipts as Receipt[])
    else this.#reject(this.#failure())
  }

  #failure(): SendManyError {
    const outcomes: SendOutcome[] = Array.from(this.#receipts, (receipt, index) =>
      receipt === undefined ? { error: this.#errors.get(index) } : { receipt },
    )
    return new SendManyError(outcomes, outcomes.find(({ receipt }) => receipt === undefined)?.error)
  }
}

class ManyWaiter implements SendWaiter {
  readonly #many: ManySends
  readonly #index: number

  constructor(many: ManySends, index: number) {
    this.#many = many
    this.#index = index
  }

  get cancelled(): boolean {
    return this.#many.cancelled
  }

  resolve(receipt: Receipt): void {
    this.#many.settle(this.#index, receipt, undefined)
  }

  reject(error: unknown): void {
    this.#many.settle(this.#index, undefined, error)
  }
}
