/**
 * The first pass of a cleaning: notes the latest offset of every key in the dirty part of a log, as far as the map has
 * room. Records of aborted transactions, markers and records without a key are not noted. Source: Cleaner.buildOffsetMap.
 */

import type { RecordBatch } from '../../../records/batch.js'
import { prepareCodec } from '../../../records/compression/index.js'
import { at } from '../../../records/format.js'
import { VarintReader } from '../../../records/varint.js'
import { refuseField } from '../../../records/walk.js'
import { corrupt, unpacked } from './batch-filter.js'
import type { CleanedTransactions } from './cleaned-transactions.js'
import type { OffsetMap } from './offset-map.js'

export class KeySurvey {
  readonly #map: OffsetMap
  readonly #firstDirtyOffset: number
  readonly #transactions: CleanedTransactions

  constructor(map: OffsetMap, firstDirtyOffset: number, transactions: CleanedTransactions) {
    this.#map = map
    this.#firstDirtyOffset = firstDirtyOffset
    this.#transactions = transactions
  }

  /**
   * Notes the keys of the next batches; false once the map is full, and the stretch ends inside them.
   * @throws CORRUPT_MESSAGE, INVALID_RECORD for a batch that is not what its checksum says: a wrong key would let the
   * value of another one go
   */
  async add(batches: readonly RecordBatch[]): Promise<boolean> {
    for (const batch of batches) {
      if (batch.lastOffset < this.#firstDirtyOffset) continue
      if (!batch.crcMatches()) throw corrupt(batch)
      const isDiscardable = this.#transactions.isDiscardable(batch)
      if (!batch.isControl && !isDiscardable && batch.recordsCount > 0) {
        const loading = prepareCodec(batch.codec)
        if (loading !== undefined) await loading
        if (!this.#note(batch)) return false
      }
      this.#map.coverUpTo(batch.lastOffset)
    }
    return true
  }

  #note(batch: RecordBatch): boolean {
    const map = this.#map
    const records = unpacked(batch)
    const { baseOffset, recordsCount } = batch
    const reader = new VarintReader(records, batch.codec === 'none' ? at.records : 0)
    for (let index = 0; index < recordsCount; index++) {
      const length = reader.readVarint()
      const bodyEnd = reader.position + length
      if (length < 0 || bodyEnd > records.length) refuseField(index, 'length', length, 'what the batch has')
      reader.position++
      reader.readVarlong()
      const offset = baseOffset + reader.readVarint()
      const keyLength = reader.readVarint()
      const keyStart = reader.position
      if (keyStart + keyLength > bodyEnd) refuseField(index, 'key length', keyLength, 'what the record has')
      if (keyLength >= 0 && offset >= this.#firstDirtyOffset) {
        if (map.isFull) return false
        map.put(records, keyStart, keyStart + keyLength, offset)
      }
      reader.position = bodyEnd
    }
    return true
  }
}
