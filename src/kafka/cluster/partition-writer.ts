/**
 * Batches of one partition on their way to its leader: stored once each and in the order of the calls, whatever happens
 * to brokers and connections.
 *
 * Each batch carries its place in the sequence of a producer, by which a broker tells one that it has already from one
 * that comes too early. So what was not acknowledged is sent again as it was, in order, once all that was on its way has
 * come back. Where a batch is refused for good the sequence has a gap: those behind it go on as another producer. Only
 * one that may be stored already may not change its name; where it cannot be delivered its sender is told so.
 */

import type { ProduceRequest, ProduceResult, ProducerIdentity } from '../../broker/contract.js'
import type { Clock } from '../../core/clock.js'
import { asHoldfastError, type HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import { sequenceAfter } from '../../records/format.js'
import { mayBeStored, mayPass, notDelivered } from './in-doubt.js'
import { Patience } from './pauses.js'

export interface PartitionWriterOptions {
  readonly clock: Clock
  /** How long a batch is tried again. */
  readonly retryMs: number
  /** Sends it once, and calls `onSent` when it goes out. Batches that are sent one after the other arrive so. */
  readonly send: (request: ProduceRequest, onSent: () => void) => Promise<ProduceResult>
  /** A producer's identity; absent where the batches carry one, so that none can be given another. */
  readonly identify?: () => Promise<ProducerIdentity>
  /** Looks who leads the partition now. */
  readonly renew: () => Promise<void>
  /** Whether the partition is there, as far as is known. */
  readonly exists: () => boolean
  /** There is more than one broker. */
  readonly hasOthers: () => boolean
}

interface Pending {
  readonly request: ProduceRequest
  readonly deadlineMs: number
  readonly resolve: (result: ProduceResult) => void
  readonly reject: (error: HoldfastError) => void
  isStamped: boolean
  isOnItsWay: boolean
  mayBeStored: boolean
  failure: HoldfastError | undefined
}

/** Of so many batches a broker knows whether it has them. */
const maxOnTheirWay = 5

export class PartitionWriter {
  readonly #options: PartitionWriterOptions
  /** In the order of the calls. */
  #pending: Pending[] = []
  #onTheirWay = 0
  /** Something came back unacknowledged: nothing is sent until all has come back. */
  #isHalted = false
  /** The sequence has a gap … */
  #isBroken = false
  /** … since this was said of one of them. */
  #refusal: HoldfastError | undefined
  #patience: Patience
  #identity: ProducerIdentity | undefined
  #nextSequence = 0

  constructor(options: PartitionWriterOptions) {
    this.#options = options
    this.#patience = new Patience(options.clock)
  }

  /** Nobody waits for anything. */
  get isIdle(): boolean {
    return this.#pending.length === 0
  }

  write(request: ProduceRequest): Promise<ProduceResult> {
    return new Promise((resolve, reject) => {
      const deadlineMs = this.#options.clock.monotonic() + this.#options.retryMs
      const state = { isStamped: false, isOnItsWay: false, mayBeStored: false, failure: undefined }
      this.#pending.push({ request, deadlineMs, resolve, reject, ...state })
      this.#pump()
    })
  }

  #pump(): void {
    if (this.#isHalted) return
    if (this.#identity === undefined && this.#options.identify !== undefined) {
      if (this.#pending.length > 0) void this.#recover()
      return
    }
    for (const pending of this.#pending) {
      if (this.#onTheirWay >= maxOnTheirWay) return
      if (!pending.isOnItsWay) void this.#send(pending)
    }
  }

  async #send(pending: Pending): Promise<void> {
    this.#stamp(pending)
    pending.isOnItsWay = true
    this.#onTheirWay++
    let wasSent = false
    try {
      const result = await this.#options.send(pending.request, () => {
        wasSent = true
      })
      this.#remove(pending)
      this.#patience.reset()
      pending.resolve(result)
    } catch (thrown) {
      this.#failed(pending, asHoldfastError(thrown), wasSent)
    }
    pending.isOnItsWay = false
    this.#onTheirWay--
    if (!this.#isHalted) this.#pump()
    else if (this.#onTheirWay === 0) await this.#recover()
  }

  #stamp(pending: Pending): void {
    const { built } = pending.request
    if (pending.isStamped || this.#options.identify === undefined) return
    invariant(built !== undefined && this.#identity !== undefined, 'a batch of this process is stamped in this process')
    built.stampProducer({ ...this.#identity, baseSequence: this.#nextSequence })
    this.#nextSequence = sequenceAfter(this.#nextSequence, built.recordsCount)
    pending.isStamped = true
  }

  #failed(pending: Pending, error: HoldfastError, wasSent: boolean): void {
    this.#isHalted = true
    pending.failure = error
    if (mayBeStored(error, wasSent)) pending.mayBeStored = true
    if (this.#mayPass(error) || (error.code === 'UNKNOWN_TOPIC_OR_PARTITION' && this.#options.exists())) return
    const isOutOfOrder = error.code === 'OUT_OF_ORDER_SEQUENCE_NUMBER' || error.code === 'UNKNOWN_PRODUCER_ID'
    // Behind one that has to be sent again that is no wonder.
    if (isOutOfOrder && this.#pending[0] !== pending) return
    this.#isBroken = true
    this.#refusal = error
    // At the head it is the gap that another one has left, or the broker has forgotten the producer.
    if (isOutOfOrder && this.#options.identify !== undefined) return
    this.#remove(pending)
    pending.reject(error)
  }

  /** All has come back. What is to be sent again is, once whoever is to get it may be there. */
  async #recover(): Promise<void> {
    this.#isHalted = true
    const { renew, identify } = this.#options
    let isRefused = this.#pending.some(({ failure }) => failure !== undefined && this.#mayPass(failure))
    for (;;) {
      this.#giveUp()
      if (this.#isBroken) this.#beginAnew()
      if (this.#pending.length === 0) break
      if (isRefused) {
        await this.#patience.pause()
        await renew()
      }
      if (identify === undefined || this.#identity !== undefined) break
      try {
        this.#identity = await identify()
        this.#nextSequence = 0
        break
      } catch (error) {
        this.#note(asHoldfastError(error))
        isRefused = true
      }
    }
    this.#isHalted = false
    this.#pump()
  }

  /** Those whose time is up, and all where they cannot be sent without what was lost before them. */
  #giveUp(): void {
    const nowMs = this.#options.clock.monotonic()
    const late = this.#pending.find(({ failure, deadlineMs }) => failure !== undefined && nowMs >= deadlineMs)
    if (late === undefined) return
    this.#isBroken = true
    for (const pending of [...this.#pending]) if (nowMs >= pending.deadlineMs) this.#drop(pending, late.failure)
  }

  /** Those that may have another name get one; the others are told what it comes to. */
  #beginAnew(): void {
    const canRename = this.#options.identify !== undefined
    const cause = this.#pending.find(({ failure }) => failure !== undefined)?.failure ?? this.#refusal
    for (const pending of [...this.#pending]) {
      if (canRename && !pending.mayBeStored) pending.isStamped = false
      else this.#drop(pending, cause)
    }
    this.#identity = undefined
    this.#isBroken = false
  }

  /** Nobody has an identity to give. */
  #note(error: HoldfastError): void {
    for (const pending of [...this.#pending]) {
      pending.failure = error
      if (!this.#mayPass(error)) this.#drop(pending, error)
    }
  }

  #mayPass(error: HoldfastError): boolean {
    return mayPass(error, this.#options.hasOthers())
  }

  #drop(pending: Pending, cause: HoldfastError | undefined): void {
    this.#remove(pending)
    const failure = pending.failure ?? cause
    invariant(failure !== undefined, 'only what has failed is given up')
    pending.reject(notDelivered(failure, pending.mayBeStored, this.#options.retryMs))
  }

  #remove(pending: Pending): void {
    this.#pending = this.#pending.filter((each) => each !== pending)
  }
}
