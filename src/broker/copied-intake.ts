/** Takes batches of another log, for a mirror or a replica: each at the offset that it has there. */

import { HoldfastError } from '../core/errors.js'
import { unpackedBatch } from '../records/accept.js'
import { prepareCodec } from '../records/compression/index.js'
import { copiedBatches } from '../records/copied.js'
import { isInternalTopic } from '../storage/internal-topics.js'
import type { MessageStore } from '../storage/message-store.js'
import type { PartitionLog } from '../storage/partition-log.js'
import type { CopiedBatches, TopicPartition } from './contract.js'
import { maxUncompressedBytes } from './intake.js'
import type { ProducerIds } from './producer-ids.js'
import { type Topics, unknownTopic } from './topics.js'

export interface CopiedIntakeOptions {
  readonly store: MessageStore
  readonly topics: Topics
  readonly producerIds: ProducerIds
}

export class CopiedIntake {
  readonly #options: CopiedIntakeOptions

  constructor(options: CopiedIntakeOptions) {
    this.#options = options
  }

  /** @throws what {@link BrokerService.appendCopies} says */
  append(copied: CopiedBatches): Promise<void> {
    if (isInternalTopic(copied.topic)) throw belongsToBroker(copied.topic)
    return this.appendReplicated(copied)
  }

  /** As {@link append}, also what only brokers write. */
  async appendReplicated({ topic, partition, records }: CopiedBatches): Promise<void> {
    const { store, topics, producerIds } = this.#options
    const log = this.#log({ topic, partition })
    const kept = store.topic(topic)
    if (kept === undefined) throw unknownTopic(topic)
    const settings = topics.settingsOf(kept)
    let batches = copiedBatches(records, Math.max(settings['message.max.bytes'], kept.largestBatchBytes ?? 0))
    if (settings['storage.layout'] === 'commitlog') {
      for (const { codec } of batches) await prepareCodec(codec)
      batches = batches.map((batch) => unpackedBatch(batch, maxUncompressedBytes))
    }
    // A producer of ours that got the id of a copied one would be taken for it, and its first batch for a gap.
    const greatestId = batches.reduce((greatest, { producerId }) => Math.max(greatest, producerId), -1)
    await producerIds.passOver(greatestId)
    await log.copies.append(batches)
  }

  async beginAt(place: TopicPartition, offset: number): Promise<void> {
    if (isInternalTopic(place.topic)) throw belongsToBroker(place.topic)
    await this.#log(place).copies.beginAt(offset)
  }

  #log({ topic, partition }: TopicPartition): PartitionLog {
    const log = this.#options.store.topic(topic) && this.#options.store.log(topic, partition)
    if (log !== undefined) return log
    throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', `There is no partition ${partition} of ${topic}.`)
  }
}

function belongsToBroker(topic: string): HoldfastError {
  return new HoldfastError('INVALID_TOPIC_EXCEPTION', `${topic} belongs to the broker; only it writes there.`)
}
