/** A queue while the commit log is read: takes its messages, batch by batch, as they were appended. */

import { RecordBatch } from '../../records/batch.js'
import { ProducerStates } from '../producer-states.js'
import { AbortedTransactions } from './aborted-transactions.js'
import { type BuildOptions, buildBatches } from './batch-builder.js'
import type { ConsumeQueue } from './consume-queue.js'
import { type MessageDispatch, timestampOf } from './dispatching.js'
import type { MessageView } from './message.js'
import type { OwnProperty } from './own-property.js'
import type { QueueState } from './snapshot.js'

/** A message, and what its properties say. */
export interface ReadMessage {
  readonly view: MessageView
  readonly dispatch: MessageDispatch
  readonly own: OwnProperty
}

export class RecoveringQueue {
  readonly topic: string
  readonly queueId: number
  readonly entries: ConsumeQueue
  readonly #producers: ProducerStates
  readonly #aborted: AbortedTransactions
  #startOffset: number
  #endOffset: number
  #sizeInBytes: number
  #maxTimestamp: number
  /** Messages whose offsets the queue had already: of a topic of the same name that was deleted. */
  passedOver = 0

  constructor(topic: string, queueId: number, entries: ConsumeQueue, state: QueueState) {
    this.topic = topic
    this.queueId = queueId
    this.entries = entries
    this.#producers = ProducerStates.of(state.producers.map((one) => ({ ...one, batches: [...one.batches] })))
    this.#aborted = new AbortedTransactions(state.aborted)
    this.#startOffset = state.startOffset
    this.#endOffset = state.endOffset
    this.#sizeInBytes = state.sizeInBytes
    this.#maxTimestamp = state.maxTimestamp
  }

  get state(): QueueState {
    return {
      startOffset: this.#startOffset,
      endOffset: this.#endOffset,
      sizeInBytes: this.#sizeInBytes,
      maxTimestamp: this.#maxTimestamp,
      producers: [...this.#producers.values()],
      aborted: this.#aborted.entries,
    }
  }

  /**
   * Takes the messages of one batch.
   * @throws LOG_DAMAGED where offsets are missing before it
   */
  take(batch: readonly ReadMessage[], nowMs: number, building: BuildOptions): void {
    for (const { view, dispatch, own } of batch) {
      const { queueOffset, position, sizeInBytes, tagsCode } = dispatch
      if (!this.entries.isEmpty && queueOffset < this.#endOffset) {
        this.passedOver++
        return
      }
      if (this.entries.isEmpty) this.#startOffset = queueOffset
      this.entries.append(queueOffset, position, sizeInBytes, tagsCode)
      this.#endOffset = queueOffset + 1
      this.#sizeInBytes += sizeInBytes
      if (own.marker === undefined) {
        this.#maxTimestamp = Math.max(this.#maxTimestamp, own.maxTimestamp ?? timestampOf(view, own))
      }
    }
    this.#note(batch, nowMs, building)
  }

  /** Forgets what lies before `startOffset`, where the queue was told to begin, and before the commit log's first file. */
  async beginAt(startOffset: number): Promise<void> {
    const start = Math.min(this.#endOffset, Math.max(startOffset, this.entries.minOffset))
    if (start <= this.#startOffset) return
    this.#startOffset = start
    this.#sizeInBytes = await this.entries.bytesBetween(start, this.#endOffset)
    this.#aborted.removeBefore(start)
  }

  #note(batch: readonly ReadMessage[], nowMs: number, building: BuildOptions): void {
    if (batch[0].own.producerId < 0) return
    const views = batch.map(({ view }) => view)
    const ended = this.#producers.note(new RecordBatch(buildBatches(views, building)), nowMs)
    if (ended?.aborted) this.#aborted.add(ended)
  }
}
