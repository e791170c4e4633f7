/**
 * Into a broker across a wire, which gives out offsets by itself: batches are produced in their order, and each answer must
 * name the offset that the batch had. Records, codec and times stay as they are; the producer becomes the mirror's own,
 * since an id that another cluster gave out means nothing here, so the header's producer fields and the CRC change.
 */

import type { BrokerService, ProducerIdentity, TopicPartition } from '../broker/contract.js'
import { writeInt64 } from '../core/codec/int64.js'
import { HoldfastError } from '../core/errors.js'
import type { RecordBatch } from '../records/batch.js'
import { buildBatch } from '../records/builder.js'
import { at, logAppendTimeBit, noLeaderEpoch, sequenceAfter } from '../records/format.js'
import { placeText } from './options.js'
import { impossible, type Sink } from './sinks.js'

/** As many as Kafka lets an idempotent producer have on their way. */
const mostInFlight = 5
/** More than that takes longer than anybody waits. */
const longestFront = 100_000_000
const frontBatchRecords = 50_000

export class ProducingSink implements Sink {
  readonly #target: BrokerService
  #producer: Promise<ProducerIdentity> | undefined
  readonly #nextSequences = new Map<string, number>()

  constructor(target: BrokerService) {
    this.#target = target
  }

  /** The front is filled with empty messages, which are deleted again: nothing else moves a broker's next offset. */
  async beginAt(place: TopicPartition, offset: number): Promise<void> {
    if (offset > longestFront) throw impossible(place, `it begins at ${offset}, and so many are not skipped`)
    const records = Array.from({ length: Math.min(offset, frontBatchRecords) }, () => ({ timestamp: 0 }))
    for (let next = 0; next < offset; ) {
      const count = Math.min(records.length, offset - next)
      await this.#produce(place, next, buildBatch(count < records.length ? records.slice(0, count) : records))
      next += count
    }
    await this.#target.deleteRecords(place, offset).catch((error: unknown) => {
      const cause = error instanceof Error ? error.message : String(error)
      throw impossible(place, `it begins at ${offset}, and the target deletes nothing there (${cause})`)
    })
  }

  async write(place: TopicPartition, batches: readonly RecordBatch[]): Promise<void> {
    for (let first = 0; first < batches.length; first += mostInFlight) {
      const together = batches.slice(first, first + mostInFlight)
      for (const batch of together) refuseUnrepeatable(place, batch)
      await Promise.all(together.map((batch) => this.#produce(place, batch.baseOffset, batch)))
    }
  }

  async #produce(place: TopicPartition, offset: number, batch: RecordBatch): Promise<void> {
    this.#producer ??= this.#target.initProducer({ transactionalId: null, producerId: -1, producerEpoch: -1 })
    const producer = await this.#producer
    const key = placeText(place)
    const baseSequence = this.#nextSequences.get(key) ?? 0
    this.#nextSequences.set(key, sequenceAfter(baseSequence, batch.recordsCount))
    stamp(batch, { ...producer, baseSequence })
    const { topic, partition } = place
    const { baseOffset } = await this.#target.produce({ topic, partition, batch: batch.bytes })
    if (baseOffset === offset) return
    const what = `The batch at offset ${offset} of ${key} got offset ${baseOffset} in the target`
    throw new HoldfastError('COPY_DIVERGED', `${what}: somebody else writes there.`)
  }
}

function refuseUnrepeatable(place: TopicPartition, batch: RecordBatch): void {
  const { baseOffset, recordsCount, lastOffsetDelta } = batch
  if (batch.isControl || batch.isTransactional) {
    throw impossible(place, `there are transactions at offset ${baseOffset}, whose markers take offsets`)
  }
  if (recordsCount !== lastOffsetDelta + 1) throw impossible(place, `compaction has made holes at ${baseOffset}`)
}

/** Makes the batch one that a client may send, in the name of this producer. */
function stamp(batch: RecordBatch, of: ProducerIdentity & { readonly baseSequence: number }): void {
  // Kafka refuses compressed records that do not begin with 0.
  batch.stamp(0, noLeaderEpoch)
  batch.bytes.writeInt16BE(batch.attributes & ~logAppendTimeBit, at.attributes)
  writeInt64(batch.bytes, of.producerId, at.producerId)
  batch.bytes.writeInt16BE(of.producerEpoch, at.producerEpoch)
  batch.bytes.writeInt32BE(of.baseSequence, at.baseSequence)
  batch.stampCrc()
}
