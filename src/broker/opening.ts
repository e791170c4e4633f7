/**
 * What a coordinator stands on: its topic, read back before the first request is answered. It is opened at the start
 * where it exists, else when it is first needed; one opening at a time, whose outcome those share who wait for it.
 */

import type { Clock } from '../core/clock.js'
import { asHoldfastError, HoldfastError, reasonOf } from '../core/errors.js'
import { invariant } from '../core/invariant.js'
import type { Logger } from '../core/logger.js'
import { type InternalTopic, type OpenInternalTopic, unavailable } from './internal-log.js'

/** How long a failure to read answers for further attempts, each of which would read all of the topic. */
const pauseAfterFailedLoadMs = 1000

export interface OpeningOptions<T> {
  /** What is read back, for messages: "groups". */
  readonly what: string
  readonly clock: Clock
  readonly logger: Logger
  readonly openTopic: OpenInternalTopic
  /** Reads the topic, and changes nothing. */
  readonly load: (topic: InternalTopic) => Promise<T>
  /** What was read holds from now on. Not called where the coordinator was closed meanwhile. */
  readonly begin: (loaded: T) => void
}

export class Opening<T> {
  readonly #options: OpeningOptions<T>
  #opened: { readonly loaded: T } | undefined
  #opening: { readonly create: boolean; readonly done: Promise<void> } | undefined
  /** Why it could not be read back, and until when that is not tried again. */
  #failedLoad: { readonly error: HoldfastError; readonly untilMs: number } | undefined
  #isClosed = false

  constructor(options: OpeningOptions<T>) {
    this.#options = options
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get isOpen(): boolean {
    return this.#opened !== undefined
  }

  /** What was loaded, or undefined where there is no topic yet. */
  get loaded(): T | undefined {
    return this.#opened?.loaded
  }

  /** What was loaded, where that is sure. */
  get required(): T {
    invariant(this.#opened !== undefined, `there are ${this.#options.what} only where their topic is open`)
    return this.#opened.loaded
  }

  /**
   * Waits until it is loaded. Without `create` there may be no topic.
   * @throws COORDINATOR_NOT_AVAILABLE where it cannot be opened or read, or is closed; LOG_DAMAGED
   */
  async ready(create: boolean): Promise<void> {
    this.assertNotClosed()
    if (this.#opened === undefined) await this.#open(create)
    this.assertNotClosed()
  }

  /** @throws COORDINATOR_NOT_AVAILABLE */
  assertNotClosed(): void {
    if (!this.#isClosed) return
    throw new HoldfastError('COORDINATOR_NOT_AVAILABLE', `The coordinator of ${this.#options.what} is closed.`)
  }

  /** Waits for an opening that is under way. Nothing opens afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#opening?.done.catch(() => {})
  }

  /** A request that came during an opening shares its outcome where it asks for no more. */
  #open(create: boolean): Promise<void> {
    const before = this.#opening
    if (before !== undefined && (before.create || !create)) return before.done
    const run = async (): Promise<void> => {
      await before?.done.catch(() => {})
      if (this.#opened === undefined) await this.#load(create)
    }
    const opening = { create, done: run() }
    this.#opening = opening
    const settled = (): void => {
      if (this.#opening === opening) this.#opening = undefined
    }
    opening.done.then(settled, settled)
    return opening.done
  }

  async #load(create: boolean): Promise<void> {
    const { what, clock, logger, openTopic, load, begin } = this.#options
    if (this.#failedLoad !== undefined && clock.monotonic() < this.#failedLoad.untilMs) throw this.#failedLoad.error
    this.#failedLoad = undefined
    let topic: InternalTopic | undefined
    try {
      topic = await openTopic(create)
      if (topic === undefined) return
      const loaded = await load(topic)
      if (this.#isClosed) return
      this.#opened = { loaded }
      begin(loaded)
    } catch (thrown) {
      const reason = reasonOf(thrown)
      logger.error({ error: reason }, `the ${what} could not be loaded`)
      const error = unavailable(asHoldfastError(thrown), `The ${what} could not be loaded: ${reason}`)
      if (topic !== undefined) this.#failedLoad = { error, untilMs: clock.monotonic() + pauseAfterFailedLoadMs }
      throw error
    }
  }
}
