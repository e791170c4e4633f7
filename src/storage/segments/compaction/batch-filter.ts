/**
 * Decides what stays of a batch when its log is cleaned. The rules are Kafka's (Cleaner in LogCleaner.scala, and
 * MemoryRecords.filterTo): of each key the latest value stays, a tombstone stays until its horizon has passed, and the
 * last batch of a producer that is at work stays even where nothing is left in it, since it carries the sequence.
 *
 * Records are walked, not made into objects: a walk notes where the records that stay lie, and only where some of a
 * batch go is a new one written.
 */

import { HoldfastError } from '../../../core/errors.js'
import type { RecordBatch } from '../../../records/batch.js'
import { decompress } from '../../../records/compression/index.js'
import { at } from '../../../records/format.js'
import { VarintReader } from '../../../records/varint.js'
import { refuseField } from '../../../records/walk.js'
import { BatchRewriter } from './batch-rewriter.js'
import { KeptRecords } from './kept-records.js'
import type { OffsetMap } from './offset-map.js'

/** What a log knows of a producer that is at work. */
export interface LastOfProducer {
  readonly epoch: number
  /** Of its last data batch; -1 where only a marker tells of it. */
  readonly lastDataOffset: number
}

export interface CleaningRules {
  readonly map: OffsetMap
  readonly producers: ReadonlyMap<number, LastOfProducer>
  /** When the cleaning began, by the wall clock. */
  readonly nowMs: number
  readonly deleteRetentionMs: number
}

/** 'same': the batch stays as it is. Bytes: it is replaced by these, which are valid until the next call. */
export type Filtered = 'same' | 'dropped' | Buffer

/** What a stored batch may unpack to: all that Node can hold, since it has been accepted once. */
const maxUncompressedBytes = 2 ** 31 - 1

export class BatchFilter {
  readonly #rules: CleaningRules
  readonly #kept = new KeptRecords()
  readonly #rewriter = new BatchRewriter()
  /** Records that stayed. */
  retainedRecords = 0

  constructor(rules: CleaningRules) {
    this.#rules = rules
  }

  /**
   * @param isDiscardable the batch belongs to an aborted transaction, or is a marker of one that has no batch left
   * @param isLast it ends what is cleaned into one segment: kept as the sign of where that ends, if need be without records
   * @throws CORRUPT_MESSAGE, INVALID_RECORD where a batch that is to be written anew is not what its checksum says
   */
  apply(batch: RecordBatch, isDiscardable: boolean, isLast: boolean): Filtered {
    const { nowMs, deleteRetentionMs } = this.#rules
    const { isControl } = batch
    const horizonMs = batch.hasDeleteHorizon ? batch.baseTimestamp : undefined
    const isExpired = horizonMs !== undefined && horizonMs <= nowMs
    const isEmptied = isDiscardable && (!isControl || isExpired)
    const kept = this.#kept
    kept.clear()
    let records: Buffer | undefined
    if (!isEmptied && batch.recordsCount > 0) {
      records = unpacked(batch)
      this.#walk(batch, records, isControl, isExpired)
    }
    if (kept.count === 0) {
      const mustStay = isLast || this.#isLastOfProducer(batch)
      if (!mustStay) return 'dropped'
      return batch.recordsCount === 0 ? 'same' : this.#rewriter.emptied(batch)
    }
    this.retainedRecords += kept.count
    const needsHorizon = horizonMs === undefined && (kept.hasTombstone || (isDiscardable && isControl))
    if (kept.count === batch.recordsCount && !needsHorizon) return 'same'
    // What is written anew gets a new checksum, which must not make a wrong batch look right.
    if (!batch.crcMatches()) throw corrupt(batch)
    return this.#rewriter.written(batch, records as Buffer, kept, needsHorizon ? nowMs + deleteRetentionMs : undefined)
  }

  #walk(batch: RecordBatch, records: Buffer, isControl: boolean, isExpired: boolean): void {
    const { map } = this.#rules
    const { baseOffset, recordsCount } = batch
    const { latestOffset } = map
    const start = batch.codec === 'none' ? at.records : 0
    const reader = new VarintReader(records, start)
    for (let index = 0; index < recordsCount; index++) {
      const recordStart = reader.position
      const length = reader.readVarint()
      const bodyEnd = reader.position + length
      if (length < 0 || bodyEnd > records.length) refuseField(index, 'length', length, 'what the batch has')
      reader.position++
      const timestampDelta = reader.readVarlong()
      const rest = reader.position
      const offset = baseOffset + reader.readVarint()
      const keyLength = reader.readVarint()
      const keyStart = reader.position
      if (keyLength > 0) reader.position += keyLength
      if (reader.position > bodyEnd) refuseField(index, 'key length', keyLength, 'what the record has')
      const isTombstone = reader.readVarint() < 0
      const stays =
        isControl ||
        offset > latestOffset ||
        (keyLength >= 0 && !(isTombstone && isExpired) && offset >= map.get(records, keyStart, keyStart + keyLength))
      if (stays) this.#kept.add(recordStart, rest, bodyEnd, timestampDelta, isTombstone)
      reader.position = bodyEnd
    }
  }

  #isLastOfProducer(batch: RecordBatch): boolean {
    if (!batch.hasProducerId) return false
    const last = this.#rules.producers.get(batch.producerId)
    if (last === undefined) return false
    if (last.lastDataOffset >= 0) return batch.lastOffset === last.lastDataOffset
    return batch.isControl && batch.producerEpoch === last.epoch
  }
}

/** The records area of a batch: of one that is not compressed, its own bytes. The codec is prepared. */
export function unpacked(batch: RecordBatch): Buffer {
  const { codec } = batch
  return codec === 'none' ? batch.bytes : decompress(codec, batch.bytes.subarray(at.records), maxUncompressedBytes)
}

export function corrupt(batch: RecordBatch): HoldfastError {
  return new HoldfastError(
    'CORRUPT_MESSAGE',
    `The batch at offset ${batch.baseOffset} does not match its checksum; nothing is cleaned over it.`,
  )
}
