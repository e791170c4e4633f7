/**
 * Writes the properties of the messages of one batch: the record's headers in their order, then KEYS, then `__HF`, then
 * room for the CRC. And gathers what queue and index are told of them on the way.
 */

import { HoldfastError } from '../../core/errors.js'
import type { RecordCursor } from '../../records/record-cursor.js'
import { copyBytes } from './copy-bytes.js'
import { crcPropertyBytes, maxPropertiesBytes, nameSeparator, propertySeparator } from './format.js'
import { javaHashOfBytes, pushWordHashes } from './hashes.js'
import { escapeHeader, isName, isPlain, isPlainKey, isReservedName, writtenNames } from './header-names.js'
import { endOwnProperty, messageFieldsBytes, writeOwnField, writeOwnHead } from './own-property.js'
import type { PreparedQueue } from './prepared-queue.js'
import { propertyNames } from './properties.js'

/** What a byte of a record can become at most: a header of two bytes, without name and value, takes nine. */
const mostExpansion = 5

/** The names of KEYS and `__HF`, the fields of the latter that are of the message, and the CRC. */
const fixedRoomBytes = 48 + messageFieldsBytes

/** What a key in base64 takes beside it, as a field. */
const keyFieldBytes = 2

const noHashes: readonly number[] = []
const noBytes = Buffer.alloc(0)

/** One per batch; of each message {@link start} comes first and {@link finish} last. */
export class PropertyWriter {
  /** Of the message that was finished last: Java's hash of its TAGS. */
  tagsCode = 0
  /** And of its keys and tags, each behind the topic. */
  keyHashes: readonly number[] = noHashes
  readonly #queue: PreparedQueue
  readonly #batchFields: string
  #target: Buffer = noBytes
  #start = 0
  #position = 0
  #index = 0
  /** The last of these properties, in the target; -1 where there is none. */
  #keysStart = -1
  #keysEnd = -1
  #uniqueKeyStart = -1
  #uniqueKeyEnd = -1
  /** Under which they are in the index; undefined where there are none. */
  #tagsHash: number | undefined
  #hasNullKey = false
  /** In base64url, where it is not the value of KEYS. */
  #escapedKey: string | undefined
  #escapedKeyHash = 0

  constructor(queue: PreparedQueue, batchFields: string) {
    this.#queue = queue
    this.#batchFields = batchFields
  }

  /** The most that the properties of a record can take, whose fields without its value have `restBytes`. */
  roomFor(restBytes: number): number {
    const most = restBytes * mostExpansion + this.#batchFields.length + fixedRoomBytes
    // What is more is refused before it is written.
    return Math.min(most, maxPropertiesBytes)
  }

  /** Begins the properties of the batch's message `index` at `position`, where there is room for them. */
  start(target: Buffer, position: number, index: number): void {
    this.#target = target
    this.#start = position
    this.#position = position
    this.#index = index
    this.tagsCode = 0
    this.#tagsHash = undefined
    this.keyHashes = noHashes
    this.#keysStart = -1
    this.#uniqueKeyStart = -1
    this.#hasNullKey = false
    this.#escapedKey = undefined
  }

  /** @throws INVALID_RECORD */
  writeHeaders({ reader, bytes }: RecordCursor): void {
    const count = reader.readVarint()
    for (let i = 0; i < count; i++) {
      const nameLength = reader.readVarint()
      const nameStart = reader.position
      const nameEnd = nameStart + nameLength
      reader.position = nameEnd
      const valueLength = reader.readVarint()
      const valueStart = reader.position
      if (valueLength > 0) reader.position += valueLength
      this.#writeHeader(bytes, nameStart, nameEnd, valueLength < 0 ? -1 : valueStart, reader.position)
    }
  }

  #writeHeader(source: Buffer, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    const hasPlainValue = valueStart >= 0 && isPlain(source, valueStart, valueEnd)
    if (hasPlainValue && isName(source, nameStart, nameEnd, this.#queue.idHeader)) {
      this.#uniqueKeyStart = this.#write(writtenNames.uniqueKey, source, valueStart, valueEnd)
      this.#uniqueKeyEnd = this.#position - 1
      return
    }
    if (
      !hasPlainValue ||
      !isPlain(source, nameStart, nameEnd) ||
      isReservedName(source, nameStart, nameEnd, this.#queue.isScheduleTopic)
    ) {
      const escaped = Buffer.from(escapeHeader(source, nameStart, nameEnd, valueStart, valueEnd), 'latin1')
      this.#write(writtenNames.ownHeader, escaped, 0, escaped.length)
      return
    }
    this.#makeSure(nameEnd - nameStart + 1)
    copyBytes(this.#target, this.#position, source, nameStart, nameEnd)
    this.#position += nameEnd - nameStart
    this.#target[this.#position++] = nameSeparator
    const start = this.#writeValue(source, valueStart, valueEnd)
    if (isName(source, nameStart, nameEnd, propertyNames.tags)) {
      this.tagsCode = javaHashOfBytes(source, valueStart, valueEnd)
      this.#tagsHash = javaHashOfBytes(source, valueStart, valueEnd, this.#queue.tagsSeed)
    } else if (isName(source, nameStart, nameEnd, propertyNames.keys)) {
      this.#keysStart = start
      this.#keysEnd = this.#position - 1
    }
  }

  /** After the headers. @throws INVALID_RECORD */
  writeKey({ bytes, keyStart, keyEnd }: RecordCursor): void {
    const isHeader = this.#keysStart >= 0
    if (keyStart < 0) {
      this.#hasNullKey = isHeader
    } else if (!isHeader && isPlainKey(bytes, keyStart, keyEnd)) {
      this.#keysStart = this.#write(writtenNames.keys, bytes, keyStart, keyEnd)
      this.#keysEnd = this.#position - 1
    } else {
      this.#escapedKey = bytes.toString('base64url', keyStart, keyEnd)
      this.#escapedKeyHash = javaHashOfBytes(bytes, keyStart, keyEnd, this.#queue.topicSeed)
    }
  }

  /**
   * Writes what remains; returns where the message ends.
   *
   * @param maxTimestamp the queue's greatest, where it is greater than the message's own
   * @throws INVALID_RECORD
   */
  finish(maxTimestamp: number | undefined, hasNullValue: boolean): number {
    const key = this.#escapedKey
    const keyBytes = key === undefined ? 0 : key.length + keyFieldBytes
    this.#makeSure(this.#batchFields.length + messageFieldsBytes + keyBytes + crcPropertyBytes)
    const target = this.#target
    const valueStart = writeOwnHead(target, this.#position)
    let position = writeText(target, valueStart, this.#batchFields)
    if (this.#index > 0) position = writeOwnField(target, position, 'i', this.#index)
    if (maxTimestamp !== undefined) position = writeOwnField(target, position, 'm', maxTimestamp)
    if (hasNullValue) position = writeOwnField(target, position, 'v')
    if (this.#hasNullKey) position = writeOwnField(target, position, 'x')
    if (key !== undefined) position = writeOwnField(target, position, 'k', key)
    if (position > valueStart) this.#position = endOwnProperty(target, position)
    this.#gatherHashes()
    return this.#position + crcPropertyBytes
  }

  /** Writes a property whose name is given with its separator; returns where its value begins. */
  #write(name: Buffer, source: Buffer, valueStart: number, valueEnd: number): number {
    this.#makeSure(name.length)
    copyBytes(this.#target, this.#position, name, 0, name.length)
    this.#position += name.length
    return this.#writeValue(source, valueStart, valueEnd)
  }

  #writeValue(source: Buffer, valueStart: number, valueEnd: number): number {
    this.#makeSure(valueEnd - valueStart + 1)
    const start = this.#position
    copyBytes(this.#target, start, source, valueStart, valueEnd)
    this.#position += valueEnd - valueStart
    this.#target[this.#position++] = propertySeparator
    return start
  }

  /** In RocketMQ's order: the unique key, the words of KEYS, the tags. What only `__HF` holds is found by us alone. */
  #gatherHashes(): void {
    const hasKeys = this.#uniqueKeyStart >= 0 || this.#keysStart >= 0 || this.#escapedKey !== undefined
    if (!hasKeys && this.#tagsHash === undefined) return
    const target = this.#target
    const seed = this.#queue.topicSeed
    const hashes: number[] = []
    if (this.#uniqueKeyStart >= 0) {
      hashes.push(javaHashOfBytes(target, this.#uniqueKeyStart, this.#uniqueKeyEnd, seed))
    }
    if (this.#keysStart >= 0) pushWordHashes(hashes, seed, target, this.#keysStart, this.#keysEnd)
    if (this.#tagsHash !== undefined) hashes.push(this.#tagsHash)
    if (this.#escapedKey !== undefined) hashes.push(this.#escapedKeyHash)
    this.keyHashes = hashes
  }

  /** That so many bytes more do not make the properties longer than they can be. */
  #makeSure(moreBytes: number): void {
    if (this.#position - this.#start + moreBytes <= maxPropertiesBytes) return
    throw new HoldfastError(
      'INVALID_RECORD',
      `The key and the headers of record ${this.#index} of the batch are more than the ${maxPropertiesBytes} bytes that the properties of a message can have. Put what is long into the value.`,
    )
  }
}

function writeText(target: Buffer, position: number, text: string): number {
  for (let i = 0; i < text.length; i++) target[position + i] = text.charCodeAt(i)
  return position + text.length
}
