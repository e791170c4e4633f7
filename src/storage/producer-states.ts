/**
 * Idempotent producers of one log: for each producer id its epoch and its last five batches, so that a batch that is
 * sent again is recognised and a gap is refused. The rules are Kafka's (docs/formats.md, "Producer state"). It lies
 * under the layouts, since every log needs it; how it is stored is the layout's business.
 */

import { HoldfastError } from '../core/errors.js'
import type { RecordBatch } from '../records/batch.js'

export interface BatchTrace {
  readonly baseSequence: number
  readonly lastSequence: number
  readonly lastOffset: number
  /** lastOffset minus baseOffset of the batch. */
  readonly offsetDelta: number
  readonly timestamp: number
}

export interface ProducerState {
  readonly producerId: number
  epoch: number
  /** The latest batches, oldest first, five at most. */
  batches: BatchTrace[]
  /** When it wrote last, by the clock of this machine: a producer that writes old records is not idle for that. */
  lastWrittenMs: number
  coordinatorEpoch: number
  /** First offset of the transaction that is open, or -1. */
  transactionFirstOffset: number
}

const keptBatches = 5
const sequenceLimit = 2 ** 31

const nextSequence = (sequence: number): number => (sequence + 1) % sequenceLimit

export class ProducerStates {
  readonly #states = new Map<number, ProducerState>()

  get size(): number {
    return this.#states.size
  }

  /** A state of its own that changes no more with this one. */
  copy(): ProducerStates {
    const copy = new ProducerStates()
    for (const state of this.#states.values()) copy.restore({ ...state, batches: [...state.batches] })
    return copy
  }

  values(): Iterable<ProducerState> {
    return this.#states.values()
  }

  /** Takes over a state that was stored. */
  restore(state: ProducerState): void {
    this.#states.set(state.producerId, state)
  }

  /**
   * Judges a batch before it gets its offsets: the trace of the first time where it was written before, undefined
   * where it is new.
   * @throws INVALID_PRODUCER_EPOCH for an epoch below the current one, OUT_OF_ORDER_SEQUENCE_NUMBER for a gap
   */
  check(batch: RecordBatch): BatchTrace | undefined {
    const state = this.#states.get(batch.producerId)
    if (state === undefined) return undefined
    const { producerId, producerEpoch, baseSequence } = batch
    if (producerEpoch < state.epoch) {
      throw new HoldfastError(
        'INVALID_PRODUCER_EPOCH',
        `Producer ${producerId} wrote with epoch ${producerEpoch}; the current one is ${state.epoch}. A newer instance of it is at work.`,
      )
    }
    if (producerEpoch > state.epoch) {
      if (baseSequence !== 0) throw outOfOrder(batch, 0)
      return undefined
    }
    const { lastSequence } = batch
    const seen = state.batches.find(
      (trace) => trace.baseSequence === baseSequence && trace.lastSequence === lastSequence,
    )
    if (seen !== undefined) return seen
    const last = state.batches.at(-1)
    if (last !== undefined && baseSequence !== nextSequence(last.lastSequence)) {
      throw outOfOrder(batch, nextSequence(last.lastSequence))
    }
    return undefined
  }

  /** Notes a batch that has its offsets: one that `check` passed, or one that is read back from the log. */
  note(batch: RecordBatch, nowMs: number): void {
    const { producerId, producerEpoch } = batch
    let state = this.#states.get(producerId)
    if (state === undefined) {
      state = {
        producerId,
        epoch: producerEpoch,
        batches: [],
        lastWrittenMs: nowMs,
        coordinatorEpoch: -1,
        transactionFirstOffset: -1,
      }
      this.#states.set(producerId, state)
    }
    if (producerEpoch !== state.epoch) {
      state.epoch = producerEpoch
      state.batches = []
    }
    state.lastWrittenMs = nowMs
    if (batch.isControl) return
    state.batches.push({
      baseSequence: batch.baseSequence,
      lastSequence: batch.lastSequence,
      lastOffset: batch.lastOffset,
      offsetDelta: batch.lastOffsetDelta,
      timestamp: batch.maxTimestamp,
    })
    if (state.batches.length > keptBatches) state.batches.shift()
  }

  /** Forgets producers that wrote nothing since `timestamp` and have no transaction open. */
  forgetIdleSince(timestamp: number): void {
    for (const [producerId, state] of this.#states) {
      if (state.lastWrittenMs < timestamp && state.transactionFirstOffset < 0) this.#states.delete(producerId)
    }
  }
}

function outOfOrder(batch: RecordBatch, expected: number): HoldfastError {
  return new HoldfastError(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    `Producer ${batch.producerId} (epoch ${batch.producerEpoch}) sent sequence ${batch.baseSequence}; ${expected} is next.`,
  )
}
