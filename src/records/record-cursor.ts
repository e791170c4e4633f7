/** Walks over the records of a batch that has been verified, and says where their parts lie; makes no object for any. */

import type { RecordBatch } from './batch.js'
import { at } from './format.js'
import { VarintReader } from './varint.js'

/** Stands before the first record at first; each {@link next} goes to the following one. The batch is not compressed. */
export class RecordCursor {
  readonly bytes: Buffer
  /** Of the record's fields, from its attributes on. */
  sizeInBytes = 0
  /** The record's own, in ms since 1970. */
  timestamp = 0
  /** The key is bytes[keyStart, keyEnd); both are -1 where it is null. The same of the value. */
  keyStart = -1
  keyEnd = -1
  valueStart = -1
  valueEnd = -1
  /** Stands at the number of headers; whoever wants them reads on from there. */
  readonly reader: VarintReader
  readonly #baseTimestamp: number
  #left: number
  #nextStart: number = at.records

  constructor(batch: RecordBatch) {
    this.bytes = batch.bytes
    this.reader = new VarintReader(batch.bytes, at.records)
    this.#baseTimestamp = batch.baseTimestamp
    this.#left = batch.recordsCount
  }

  /** False behind the last record. @throws INVALID_RECORD where the bytes end within a field */
  next(): boolean {
    if (this.#left <= 0) return false
    this.#left--
    const { reader } = this
    reader.position = this.#nextStart
    this.sizeInBytes = reader.readVarint()
    this.#nextStart = reader.position + this.sizeInBytes
    // The byte of attributes, which Kafka gives no meaning.
    reader.position++
    this.timestamp = this.#baseTimestamp + reader.readVarlong()
    // The offset delta, which grows by one.
    reader.readVarint()
    const keyLength = reader.readVarint()
    this.keyStart = keyLength < 0 ? -1 : reader.position
    if (keyLength > 0) reader.position += keyLength
    this.keyEnd = keyLength < 0 ? -1 : reader.position
    const valueLength = reader.readVarint()
    this.valueStart = valueLength < 0 ? -1 : reader.position
    if (valueLength > 0) reader.position += valueLength
    this.valueEnd = valueLength < 0 ? -1 : reader.position
    return true
  }
}
