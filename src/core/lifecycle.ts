/** The one life that logs, stores, brokers and servers share. `failed` is sticky: only a new opening leads out of it. */

import { setMaxListeners } from 'node:events'
import { HoldfastError } from './errors.js'
import { invariant } from './invariant.js'

export type LifecycleState = 'opening' | 'open' | 'closing' | 'closed' | 'failed'

const allowed: Record<LifecycleState, readonly LifecycleState[]> = {
  opening: ['open', 'failed', 'closed'],
  open: ['closing', 'failed'],
  closing: ['closed', 'failed'],
  closed: [],
  failed: ['opening', 'closing', 'closed'],
}

export class Lifecycle {
  #state: LifecycleState = 'opening'
  #failure: HoldfastError | undefined
  readonly #what: string

  /** `what` names the thing in errors, e.g. "log orders-0". */
  constructor(what: string) {
    this.#what = what
  }

  get state(): LifecycleState {
    return this.#state
  }

  /** Why it failed, while it is failed. */
  get failure(): HoldfastError | undefined {
    return this.#failure
  }

  to(next: Exclude<LifecycleState, 'failed'>): void {
    invariant(allowed[this.#state].includes(next), `${this.#what} may not go from ${this.#state} to ${next}`)
    this.#state = next
    this.#failure = undefined
  }

  /** Goes to `failed`. The first failure is the one that is kept. */
  fail(failure: HoldfastError): void {
    if (this.#state === 'failed' || this.#state === 'closed') return
    this.#state = 'failed'
    this.#failure = failure
  }

  /** Throws unless open: the failure where it failed, CLOSED where it was closed. */
  assertOpen(): void {
    if (this.#state === 'open') return
    throw this.refusal()
  }

  /** The error that a caller gets who asks something of it now. */
  refusal(): HoldfastError {
    return this.#failure ?? new HoldfastError('CLOSED', `The ${this.#what} is ${this.#state}.`)
  }
}

/** Ends what waits. Any number may listen to its signal at a time: Node warns of a leak from eleven on. */
export function controllerOfMany(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
