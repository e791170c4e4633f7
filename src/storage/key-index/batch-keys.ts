/** From the records of a batch to entries of a table: the hashes of their keys and ids. */

import type { RecordBatch } from '../../records/batch.js'
import { absent, RecordKeys } from '../../records/keys.js'
import { keysSeparator } from '../../records/tags-and-keys.js'
import { type Hash, type HashInto, hashInto, type Kind } from './hash.js'
import type { KeyTable } from './table.js'

const separator = keysSeparator.charCodeAt(0)

export class BatchKeys {
  readonly #idHeader: Buffer
  readonly #hash: HashInto
  readonly #scratch: Hash = { hi: 0, lo: 0 }

  constructor(idHeader: string, hash: HashInto = hashInto) {
    this.#idHeader = Buffer.from(idHeader)
    this.#hash = hash
  }

  /**
   * Adds the records from `minOffset` on. The codec must be prepared.
   * @throws INVALID_RECORD and the like, after what could be read was added
   */
  addTo(table: KeyTable, batch: RecordBatch, minOffset: number): void {
    const hash = this.#scratch
    const keys = new RecordKeys(batch, this.#idHeader)
    while (keys.next()) {
      if (keys.offset < minOffset) continue
      if (keys.keyStart !== absent) {
        this.#hash(keys.bytes, keys.keyStart, keys.keyEnd, 'key', hash)
        table.add(hash.hi, hash.lo, keys.offset)
      }
      if (keys.keysStart !== absent) this.#addEach(table, keys)
      if (keys.idStart === absent) continue
      this.#hash(keys.bytes, keys.idStart, keys.idEnd, 'id', hash)
      table.add(hash.hi, hash.lo, keys.offset)
    }
  }

  /** Those of the header KEYS. */
  #addEach(table: KeyTable, { bytes, keysStart, keysEnd, offset }: RecordKeys): void {
    const hash = this.#scratch
    let start = keysStart
    for (let at = keysStart; at <= keysEnd; at++) {
      if (at < keysEnd && bytes[at] !== separator) continue
      if (at > start) {
        this.#hash(bytes, start, at, 'key', hash)
        table.add(hash.hi, hash.lo, offset)
      }
      start = at + 1
    }
  }

  hashOf(bytes: Uint8Array, kind: Kind): Hash {
    const hash: Hash = { hi: 0, lo: 0 }
    this.#hash(bytes, 0, bytes.length, kind, hash)
    return hash
  }
}
