/** How batches get into the target. */

import type { BrokerService, TopicPartition } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import type { RecordBatch } from '../records/batch.js'

export interface Sink {
  /** Lets a partition that holds nothing begin at `offset`. @throws COPY_IMPOSSIBLE */
  beginAt(place: TopicPartition, offset: number): Promise<void>
  /**
   * Stores batches, which follow what is there, at the offsets that they have. Their headers may be written over.
   * @throws COPY_IMPOSSIBLE, COPY_DIVERGED
   */
  write(place: TopicPartition, batches: readonly RecordBatch[]): Promise<void>
}

/** Into a folder: batches as they are, with their producers, markers, epochs and holes. */
export class CopyingSink implements Sink {
  readonly #target: Required<Pick<BrokerService, 'appendCopies' | 'beginAt'>>

  constructor(target: Required<Pick<BrokerService, 'appendCopies' | 'beginAt'>>) {
    this.#target = target
  }

  beginAt(place: TopicPartition, offset: number): Promise<void> {
    return this.#target.beginAt(place, offset)
  }

  write({ topic, partition }: TopicPartition, batches: readonly RecordBatch[]): Promise<void> {
    const [first] = batches
    const records = batches.length === 1 ? first.bytes : Buffer.concat(batches.map(({ bytes }) => bytes))
    return this.#target.appendCopies({ topic, partition, records })
  }
}

export function canTakeCopies(
  target: BrokerService,
): target is BrokerService & Required<Pick<BrokerService, 'appendCopies' | 'beginAt'>> {
  return target.appendCopies !== undefined && target.beginAt !== undefined
}

/** Of a batch that a broker across a wire cannot be made to store where it belongs. */
export function impossible({ topic, partition }: TopicPartition, why: string): HoldfastError {
  const what = `${topic}-${partition} cannot have the same offsets in the target, which gives them out by itself`
  return new HoldfastError('COPY_IMPOSSIBLE', `${what}: ${why}.`)
}
