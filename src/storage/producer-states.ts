/**
 * The producers of one log: for each producer id its epoch and its last five batches, so that a batch that is sent again
 * is recognised and a gap is refused; and the transaction that it has open here, if any. The rules are Kafka's
 * (docs/formats.md, "Producer state"). It lies under the layouts, since every log needs it; how it is stored is the
 * layout's business.
 */

import { HoldfastError } from '../core/errors.js'
import type { RecordBatch } from '../records/batch.js'
import { endMarkerOf } from '../records/end-marker.js'
import { noSequence, sequenceAfter } from '../records/format.js'

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

/** A transaction that had written into this log, and ended. */
export interface EndedTransaction {
  readonly producerId: number
  readonly aborted: boolean
  readonly firstOffset: number
  /** Of its marker. */
  readonly lastOffset: number
  /** Where the earliest transaction begins that is still open then; behind the marker where none is. */
  readonly lastStableOffset: number
}

const keptBatches = 5

export class ProducerStates {
  readonly #states = new Map<number, ProducerState>()
  /** Producers with a transaction open, the earliest first: offsets only grow. */
  readonly #open = new Set<ProducerState>()

  get size(): number {
    return this.#states.size
  }

  /** The one whose open transaction began first. */
  get firstOpen(): ProducerState | undefined {
    return this.#open.values().next().value
  }

  /** Those with a transaction open, the earliest first. */
  get open(): Iterable<ProducerState> {
    return this.#open
  }

  /** A state of its own that changes no more with this one. */
  copy(): ProducerStates {
    return ProducerStates.of([...this.#states.values()].map((state) => ({ ...state, batches: [...state.batches] })))
  }

  values(): Iterable<ProducerState> {
    return this.#states.values()
  }

  /** Of states that were stored. */
  static of(stored: readonly ProducerState[]): ProducerStates {
    const states = new ProducerStates()
    for (const state of stored) states.#states.set(state.producerId, state)
    const open = [...states.#states.values()].filter(({ transactionFirstOffset }) => transactionFirstOffset >= 0)
    open.sort((one, other) => one.transactionFirstOffset - other.transactionFirstOffset)
    for (const state of open) states.#open.add(state)
    return states
  }

  /**
   * Judges a batch before it gets its offsets: the trace of the first time where it was written before, undefined
   * where it is new.
   * @throws INVALID_PRODUCER_EPOCH for an epoch below the current one, OUT_OF_ORDER_SEQUENCE_NUMBER for a gap,
   * INVALID_TXN_STATE for a batch outside the transaction that its producer has open; of a marker
   * TRANSACTION_COORDINATOR_FENCED where a newer coordinator has written one
   */
  check(batch: RecordBatch): BatchTrace | undefined {
    const state = this.#states.get(batch.producerId)
    if (state === undefined) return undefined
    const { producerId, producerEpoch } = batch
    if (producerEpoch < state.epoch) {
      throw new HoldfastError(
        'INVALID_PRODUCER_EPOCH',
        `Producer ${producerId} wrote with epoch ${producerEpoch}; the current one is ${state.epoch}. A newer instance of it is at work.`,
      )
    }
    if (batch.isControl) {
      refuseOldCoordinator(batch, state)
      return undefined
    }
    // What the broker itself writes in a producer's name, offsets that its transaction commits, has no sequence.
    if (batch.baseSequence !== noSequence) {
      const seen = producerEpoch === state.epoch ? seenBefore(batch, state) : undefined
      if (seen !== undefined) return seen
      const expected = expectedSequence(batch, state)
      if (batch.baseSequence !== expected) throw outOfOrder(batch, expected)
    }
    if (state.transactionFirstOffset >= 0 && !batch.isTransactional) {
      const open = `Producer ${producerId} has a transaction open since offset ${state.transactionFirstOffset}`
      throw new HoldfastError('INVALID_TXN_STATE', `${open}; this batch does not belong to one.`)
    }
    return undefined
  }

  /**
   * Notes a batch that has its offsets: one that `check` passed, or one that is read back from the log. Tells of the
   * transaction that it ended.
   */
  note(batch: RecordBatch, nowMs: number): EndedTransaction | undefined {
    if (batch.isControl) return this.#noteMarker(batch, nowMs)
    const state = this.#stateAt(batch, nowMs)
    if (batch.isTransactional && state.transactionFirstOffset < 0) {
      state.transactionFirstOffset = batch.baseOffset
      this.#open.add(state)
    }
    state.batches.push({
      baseSequence: batch.baseSequence,
      lastSequence: batch.lastSequence,
      lastOffset: batch.lastOffset,
      offsetDelta: batch.lastOffsetDelta,
      timestamp: batch.maxTimestamp,
    })
    if (state.batches.length > keptBatches) state.batches.shift()
    return undefined
  }

  /** Forgets producers that wrote nothing since `timestamp` and have no transaction open. */
  forgetIdleSince(timestamp: number): void {
    for (const [producerId, state] of this.#states) {
      if (state.lastWrittenMs < timestamp && state.transactionFirstOffset < 0) this.#states.delete(producerId)
    }
  }

  #noteMarker(batch: RecordBatch, nowMs: number): EndedTransaction | undefined {
    const marker = endMarkerOf(batch)
    // Compaction leaves an empty control batch of a transaction that is gone as a whole: it tells nothing.
    if (marker === undefined) return undefined
    const state = this.#stateAt(batch, nowMs)
    state.coordinatorEpoch = marker.coordinatorEpoch
    const { producerId, transactionFirstOffset: firstOffset } = state
    // A marker is written also where its producer has written nothing: that ends nothing.
    if (firstOffset < 0) return undefined
    state.transactionFirstOffset = -1
    this.#open.delete(state)
    const { lastOffset } = batch
    const lastStableOffset = this.firstOpen?.transactionFirstOffset ?? lastOffset + 1
    return { producerId, aborted: marker.outcome === 'ABORT', firstOffset, lastOffset, lastStableOffset }
  }

  /** The producer's state, brought to the epoch of the batch: a producer begins anew with each. */
  #stateAt({ producerId, producerEpoch }: RecordBatch, nowMs: number): ProducerState {
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
    return state
  }
}

function seenBefore({ baseSequence, lastSequence }: RecordBatch, state: ProducerState): BatchTrace | undefined {
  return state.batches.find((trace) => trace.baseSequence === baseSequence && trace.lastSequence === lastSequence)
}

/** An epoch begins with 0; also the one that a marker began. */
function expectedSequence({ producerEpoch }: RecordBatch, state: ProducerState): number {
  const last = producerEpoch === state.epoch ? state.batches.at(-1) : undefined
  return last === undefined ? 0 : sequenceAfter(last.lastSequence, 1)
}

function refuseOldCoordinator(batch: RecordBatch, { producerId, coordinatorEpoch }: ProducerState): void {
  const epoch = endMarkerOf(batch)?.coordinatorEpoch ?? coordinatorEpoch
  if (epoch >= coordinatorEpoch) return
  throw new HoldfastError(
    'TRANSACTION_COORDINATOR_FENCED',
    `A coordinator of epoch ${epoch} ended the transaction of producer ${producerId}; one of epoch ${coordinatorEpoch} did so before.`,
  )
}

function outOfOrder(batch: RecordBatch, expected: number): HoldfastError {
  return new HoldfastError(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    `Producer ${batch.producerId} (epoch ${batch.producerEpoch}) sent sequence ${batch.baseSequence}; ${expected} is next.`,
  )
}
