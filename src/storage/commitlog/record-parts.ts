/**
 * A message as the record that it was, or, where RocketMQ wrote it, as the record that it becomes for Kafka's clients: the
 * reverse of `property-writer.ts`. One object is filled again for each message, and holds parts of buffers.
 */

import { endMarkerRecord } from '../../records/end-marker.js'
import type { Header, StoredRecord } from '../../records/record.js'
import { contentOf } from './dispatching.js'
import { fromBase64Url, unescapeHeader } from './header-names.js'
import type { MessageView } from './message.js'
import { bodyOf } from './message-body.js'
import { decodeOwn, nothingOwn, type OwnProperty } from './own-property.js'
import { propertiesIn, propertyNames } from './properties.js'

/** A part of a buffer. */
export interface Part {
  bytes: Buffer
  start: number
  end: number
}

export interface HeaderParts {
  readonly name: Part
  /** Its `start` is -1 where the value is null. */
  readonly value: Part
}

const noBytes = Buffer.alloc(0)

const space = 0x20

export class RecordParts {
  own: OwnProperty = nothingOwn
  /** ms since 1970; the record's own, whatever the log gave the batch. */
  timestamp = 0
  /** -1 as its `start` where it is null. */
  readonly key: Part = part()
  readonly value: Part = part()
  headersCount = 0
  /** The first `headersCount` of these. */
  readonly headers: HeaderParts[] = []
  readonly #idHeader: Buffer
  readonly #maxBodyBytes: number
  /** Which header is the only property KEYS; -1 where there is none, or are several. */
  #keysHeader = -1

  /**
   * @param idHeader the header that UNIQ_KEY becomes
   * @param maxBodyBytes what a compressed body may unpack to
   */
  constructor(idHeader: string, maxBodyBytes: number) {
    this.#idHeader = Buffer.from(idHeader)
    this.#maxBodyBytes = maxBodyBytes
  }

  /** @throws what `bodyOf` throws, of a message that is compressed */
  read(view: MessageView): void {
    this.own = nothingOwn
    this.headersCount = 0
    this.#readProperties(view)
    this.timestamp = safeTime(view.bornTimestamp)
    this.#readKey(view)
    this.#readValue(view)
  }

  #readProperties(view: MessageView): void {
    const cursor = propertiesIn(view)
    let keysCount = 0
    while (cursor.next()) {
      const { bytes, nameStart, nameEnd, valueStart, valueEnd } = cursor
      if (cursor.isNamed(propertyNames.own)) {
        const own = decodeOwn(bytes, valueStart, valueEnd)
        if (own !== undefined) {
          this.own = view.isOwn ? own : contentOf(own)
          continue
        }
      } else if (cursor.isNamed(propertyNames.ownHeader)) {
        const header = unescapeHeader(bytes, valueStart, valueEnd)
        if (header !== undefined) {
          const { name, value } = header
          this.#addHeader(name, 0, name.length, value ?? noBytes, value === null ? -1 : 0, value?.length ?? -1)
          continue
        }
      } else if (cursor.isNamed(propertyNames.crc32)) {
        continue
      } else if (cursor.isNamed(propertyNames.uniqueKey)) {
        this.#addHeader(this.#idHeader, 0, this.#idHeader.length, bytes, valueStart, valueEnd)
        continue
      } else if (cursor.isNamed(propertyNames.keys)) {
        this.#keysHeader = keysCount++ === 0 ? this.headersCount : -1
      }
      this.#addHeader(bytes, nameStart, nameEnd, bytes, valueStart, valueEnd)
    }
    if (keysCount === 0) this.#keysHeader = -1
  }

  #readKey(view: MessageView): void {
    const { own } = this
    const { bytes } = view
    if (own.keyStart >= 0) {
      const key = fromBase64Url(bytes, own.keyStart, own.keyEnd)
      setPart(this.key, key, 0, key.length)
      return
    }
    setPart(this.key, noBytes, -1, -1)
    if (own.hasNullKey || this.#keysHeader < 0) return
    const keys = this.headers[this.#keysHeader]
    const { start, end } = keys.value
    for (let i = start; i < end; i++) if (bytes[i] === space) return
    setPart(this.key, bytes, start, end)
    this.headers.splice(this.#keysHeader, 1)
    this.headers.push(keys)
    this.headersCount--
  }

  #readValue(view: MessageView): void {
    const { own } = this
    if (own.marker !== undefined) {
      const { key, value } = endMarkerRecord(own.marker)
      setPart(this.key, key, 0, key.length)
      setPart(this.value, value, 0, value.length)
    } else if (own.hasNullValue) {
      setPart(this.value, noBytes, -1, -1)
    } else {
      const body = bodyOf(view, this.#maxBodyBytes)
      setPart(this.value, body, 0, body.length)
    }
  }

  #addHeader(
    nameBytes: Buffer,
    nameStart: number,
    nameEnd: number,
    valueBytes: Buffer,
    valueStart: number,
    valueEnd: number,
  ): void {
    const index = this.headersCount++
    if (index === this.headers.length) this.headers.push({ name: part(), value: part() })
    const { name, value } = this.headers[index]
    setPart(name, nameBytes, nameStart, nameEnd)
    setPart(value, valueBytes, valueStart, valueEnd)
  }
}

function part(): Part {
  return { bytes: noBytes, start: -1, end: -1 }
}

function setPart(target: Part, bytes: Buffer, start: number, end: number): void {
  target.bytes = bytes
  target.start = start
  target.end = end
}

/** RocketMQ takes any time of its clients; a batch has room for those that are exact as numbers. */
function safeTime(timestamp: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(Number.MIN_SAFE_INTEGER, timestamp))
}

/**
 * One message as a record, for who finds single ones. Its buffers are parts of the message's.
 *
 * @throws what `bodyOf` throws, of a message that is compressed
 */
export function recordOf(view: MessageView, idHeader: string, maxBodyBytes: number): StoredRecord {
  const parts = new RecordParts(idHeader, maxBodyBytes)
  parts.read(view)
  const headers: Header[] = parts.headers.slice(0, parts.headersCount).map(({ name, value }) => ({
    key: name.bytes.toString('utf8', name.start, name.end),
    value: bufferOf(value),
  }))
  return {
    offset: view.queueOffset,
    timestamp: parts.own.logAppendTime ?? parts.timestamp,
    key: bufferOf(parts.key),
    value: bufferOf(parts.value),
    headers,
  }
}

function bufferOf({ bytes, start, end }: Part): Buffer | null {
  return start < 0 ? null : bytes.subarray(start, end)
}
