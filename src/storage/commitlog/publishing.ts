/** Shows readers what is written: in the queues, in the key index, and to those who wait for news. */

import type { RecordBatch } from '../../records/batch.js'
import type { EncodedBatch } from './batch-encoder.js'
import type { PlacedBatch } from './commit-log-writer.js'
import type { MessageIndex } from './message-index.js'
import type { QueueLog } from './queue-log.js'
import type { StoreSnapshot } from './snapshot.js'

export type LastMessage = Pick<StoreSnapshot, 'storeTimestamp' | 'lastPosition'>

/** A batch that has its place. */
export interface PendingBatch extends PlacedBatch {
  readonly queue: QueueLog
  readonly batch: RecordBatch
  readonly encoded: EncodedBatch
  readonly storeTimestamp: number
}

export class Publisher {
  readonly #index: MessageIndex
  /** What readers see and no sync has covered, with the offset behind it. */
  readonly #undurable: Map<QueueLog, number> | undefined
  #last: LastMessage

  /** @param mayBeLost what is published is not durable by then */
  constructor(index: MessageIndex, last: LastMessage, mayBeLost: boolean) {
    this.#index = index
    this.#last = { storeTimestamp: last.storeTimestamp, lastPosition: last.lastPosition }
    this.#undurable = mayBeLost ? new Map<QueueLog, number>() : undefined
  }

  /** The last message that readers see. */
  get last(): LastMessage {
    return this.#last
  }

  /** Resolves when the next round may be shown. */
  publish(round: readonly PendingBatch[]): Promise<void> | undefined {
    const told = new Set<QueueLog>()
    let patience: Promise<void> | undefined
    for (const pending of round) {
      const { queue, batch, encoded, position } = pending
      // Of a topic that was deleted while they were on their way.
      if (queue.isClosed) continue
      queue.publish(batch, encoded, position)
      patience = this.#addKeys(pending) ?? patience
      this.#undurable?.set(queue, queue.highWatermark)
      told.add(queue)
    }
    const { position, bytes, encoded, storeTimestamp } = round[round.length - 1]
    this.#last = { storeTimestamp, lastPosition: position + bytes.length - encoded.sizes[encoded.sizes.length - 1] }
    for (const queue of told) queue.notify()
    return patience
  }

  /** To be called as a sync of all that is published begins, and what it returns once that has succeeded. */
  syncing(): () => void {
    const covered = [...(this.#undurable ?? [])]
    this.#undurable?.clear()
    return () => {
      for (const [queue, offset] of covered) queue.noteDurable(offset)
    }
  }

  #addKeys({ encoded, position, storeTimestamp }: PendingBatch): Promise<void> | undefined {
    let patience: Promise<void> | undefined
    let at = position
    for (const [i, keyHashes] of encoded.keyHashes.entries()) {
      if (keyHashes.length > 0) patience = this.#index.put({ keyHashes, position: at, storeTimestamp }) ?? patience
      at += encoded.sizes[i]
    }
    return patience
  }
}
