/** Walks over the keys and ids of a batch's records, making no object for any: what an index needs of them. */

import { HoldfastError } from '../core/errors.js'
import type { RecordBatch } from './batch.js'
import { unpackedRecords } from './reader.js'
import { keysHeader } from './tags-and-keys.js'
import { VarintReader } from './varint.js'
import { checkHeaderCount, refuseField } from './walk.js'

const keysName = Buffer.from(keysHeader)

/** What a start is where there is no such thing. */
export const absent = -1

/** Stands before the first record at first; each {@link next} goes to the following one. */
export class RecordKeys {
  readonly bytes: Buffer
  /** Of the record that it stands at. */
  offset = absent
  /** The key is bytes[keyStart, keyEnd). */
  keyStart = absent
  keyEnd = absent
  /** The value of the last header with the name of ids, as for those who read the message. */
  idStart = absent
  idEnd = absent
  /** The value of the last header KEYS: keys, separated by spaces. */
  keysStart = absent
  keysEnd = absent
  readonly #reader: VarintReader
  readonly #baseOffset: number
  readonly #count: number
  readonly #idHeader: Buffer
  #index = 0

  /**
   * The codec must be prepared; the CRC is not checked.
   * @throws INVALID_RECORD, RECORD_LIST_TOO_LARGE, UNSUPPORTED_COMPRESSION_TYPE
   */
  constructor(batch: RecordBatch, idHeader: Buffer) {
    this.bytes = unpackedRecords(batch)
    this.#reader = new VarintReader(this.bytes)
    this.#baseOffset = batch.baseOffset
    this.#count = batch.recordsCount
    this.#idHeader = idHeader
  }

  /** False behind the last record. @throws INVALID_RECORD */
  next(): boolean {
    if (this.#index >= this.#count) return false
    const reader = this.#reader
    const index = this.#index++
    const length = reader.readVarint()
    const bodyEnd = reader.position + length
    if (length < 0 || bodyEnd > this.bytes.length) refuseField(index, 'length', length, `0 to ${this.bytes.length}`)
    reader.position++
    reader.readVarlong()
    this.offset = this.#baseOffset + reader.readVarint()
    const keyLength = reader.readVarint()
    this.keyStart = keyLength < 0 ? absent : reader.position
    if (keyLength > 0) reader.position += keyLength
    this.keyEnd = reader.position
    const valueLength = reader.readVarint()
    if (valueLength > 0) reader.position += valueLength
    if (reader.position >= bodyEnd) refuseField(index, 'key or value length', keyLength, 'no more than the record has')
    this.idStart = absent
    this.keysStart = absent
    const headers = reader.readVarint()
    if (headers !== 0) this.#lookAtHeaders(index, headers, bodyEnd)
    reader.position = bodyEnd
    return true
  }

  #lookAtHeaders(index: number, headers: number, bodyEnd: number): void {
    const reader = this.#reader
    checkHeaderCount(reader, index, headers, bodyEnd)
    for (let header = 0; header < headers; header++) {
      const nameLength = reader.readVarint()
      const nameStart = reader.position
      if (nameLength > 0) reader.position += nameLength
      const valueLength = reader.readVarint()
      const valueStart = reader.position
      if (valueLength > 0) reader.position += valueLength
      if (reader.position > bodyEnd) {
        throw new HoldfastError('INVALID_RECORD', `A header of record ${index} of the batch ends behind it.`)
      }
      const start = valueLength < 0 ? absent : valueStart
      if (this.#isName(this.#idHeader, nameStart, nameLength)) {
        this.idStart = start
        this.idEnd = reader.position
      }
      if (this.#isName(keysName, nameStart, nameLength)) {
        this.keysStart = start
        this.keysEnd = reader.position
      }
    }
  }

  #isName(name: Buffer, start: number, length: number): boolean {
    if (length !== name.length) return false
    for (let i = 0; i < name.length; i++) if (this.bytes[start + i] !== name[i]) return false
    return true
  }
}
