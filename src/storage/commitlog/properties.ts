/**
 * The properties of a message, at the level of bytes: `name 0x01 value 0x02`, again and again. Order and duplicates are
 * kept; who wants one value takes the last, as RocketMQ does (MessageDecoder.string2messageProperties).
 */

import { nameSeparator, property, propertySeparator } from './format.js'
import type { MessageView } from './message.js'

/** Stands before the first property at first; each {@link next} goes to the following one. Makes no object for any. */
export class PropertyCursor {
  readonly bytes: Buffer
  nameStart = 0
  nameEnd = 0
  valueStart = 0
  valueEnd = 0
  readonly #end: number
  #position: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes
    this.#position = start
    this.#end = end
  }

  /** False behind the last. What has no name or no value is passed over, as by RocketMQ. */
  next(): boolean {
    const { bytes } = this
    while (this.#position < this.#end) {
      const start = this.#position
      let separator = -1
      let end = start
      for (; end < this.#end; end++) {
        const byte = bytes[end]
        if (byte === propertySeparator) break
        // A value may hold the byte that stands before it.
        if (byte === nameSeparator && separator < 0) separator = end
      }
      this.#position = end + 1
      if (separator <= start || separator + 1 >= end) continue
      this.nameStart = start
      this.nameEnd = separator
      this.valueStart = separator + 1
      this.valueEnd = end
      return true
    }
    return false
  }

  /** Whether the property has this name. */
  isNamed(name: Buffer): boolean {
    const { bytes, nameStart } = this
    if (this.nameEnd - nameStart !== name.length) return false
    for (let i = 0; i < name.length; i++) if (bytes[nameStart + i] !== name[i]) return false
    return true
  }
}

export function propertiesIn(view: MessageView): PropertyCursor {
  return new PropertyCursor(view.bytes, view.propertiesStart, view.end)
}

export interface Property {
  readonly name: string
  readonly value: string
}

/** All of them, in order, for those who show or compare messages. */
export function propertiesOf(view: MessageView): Property[] {
  const properties: Property[] = []
  const cursor = propertiesIn(view)
  while (cursor.next()) {
    properties.push({
      name: view.bytes.toString('utf8', cursor.nameStart, cursor.nameEnd),
      value: view.bytes.toString('utf8', cursor.valueStart, cursor.valueEnd),
    })
  }
  return properties
}

/** The last of that name, or undefined. */
export function propertyOf(view: MessageView, name: string): string | undefined {
  const wanted = Buffer.from(name)
  const cursor = propertiesIn(view)
  let value: string | undefined
  while (cursor.next()) {
    if (cursor.isNamed(wanted)) value = view.bytes.toString('utf8', cursor.valueStart, cursor.valueEnd)
  }
  return value
}

/** The names that are looked for in every message, as bytes. */
export const propertyNames = {
  keys: Buffer.from(property.keys),
  tags: Buffer.from(property.tags),
  uniqueKey: Buffer.from(property.uniqueKey),
  delayLevel: Buffer.from(property.delayLevel),
  crc32: Buffer.from(property.crc32),
  own: Buffer.from(property.own),
  ownHeader: Buffer.from(property.ownHeader),
} as const
