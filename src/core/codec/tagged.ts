/** The tagged fields at the end of a struct of a flexible version (KIP-482): known ones are read, unknown ones skipped. */

import type { Codec } from './compile.js'
import { within } from './fault.js'
import type { Reader } from './reader.js'
import { defaultOf, type Field } from './schema.js'
import { Writer } from './writer.js'

type Values = Record<string, unknown>

export interface TaggedFields {
  /** Reads them into the struct they belong to. */
  read(reader: Reader, into: Values): void
  /** Writes those that do not have their default. */
  write(writer: Writer, from: Values): void
}

interface Tagged {
  readonly name: string
  readonly tag: number
  readonly codec: Codec
  readonly fallback: unknown
}

/** Of the named fields of a struct, the ones that carry a tag. `compile` makes the codec of a field. */
export function compileTagged(fields: readonly [string, Field][], compile: (of: Field) => Codec): TaggedFields {
  const known: Tagged[] = []
  for (const [name, of] of fields) {
    if (of.tag !== undefined) known.push({ name, tag: of.tag, codec: compile(of), fallback: defaultOf(of) })
  }
  known.sort((one, other) => one.tag - other.tag)
  const byTag = new Map(known.map((tagged) => [tagged.tag, tagged]))

  return {
    read(reader, into) {
      for (let left = reader.uvarint(); left > 0; left--) {
        const tag = reader.uvarint()
        const lengthBytes = reader.uvarint()
        const found = byTag.get(tag)
        if (found === undefined) reader.skip(lengthBytes)
        else into[found.name] = readOne(reader, found, lengthBytes)
      }
    },
    write(writer, from) {
      const present = known.filter((tagged) => !isDefault(from[tagged.name], tagged.fallback))
      writer.uvarint(present.length)
      for (const tagged of present) {
        writer.uvarint(tagged.tag)
        const content = new Writer()
        try {
          tagged.codec.write(content, from[tagged.name])
        } catch (error) {
          throw within(error, tagged.name)
        }
        writer.uvarint(content.byteLength)
        writer.append(content)
      }
    },
  }
}

function readOne(reader: Reader, tagged: Tagged, lengthBytes: number): unknown {
  try {
    return reader.limited(lengthBytes, tagged.codec.read)
  } catch (error) {
    throw within(error, tagged.name)
  }
}

/** Whether a value is what a reader takes for granted where the field is not sent. */
function isDefault(value: unknown, fallback: unknown): boolean {
  if (value === undefined || value === fallback) return true
  if (Array.isArray(fallback)) return Array.isArray(value) && value.length === 0 && fallback.length === 0
  if (fallback instanceof Uint8Array) return value instanceof Uint8Array && Buffer.compare(value, fallback) === 0
  if (typeof fallback !== 'object' || fallback === null || typeof value !== 'object' || value === null) return false
  return Object.entries(fallback).every(([name, part]) => isDefault((value as Values)[name], part))
}
