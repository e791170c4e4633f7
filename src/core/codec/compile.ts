/** Turns a schema, for one version, into the two functions that read and write it. No version is looked at afterwards. */

import { Fault, within } from './fault.js'
import type { Reader } from './reader.js'
import { defaultOf, type Field, type Fields, type PrimitiveKind, type RecordsValue, zeroOf } from './schema.js'
import { compileTagged } from './tagged.js'
import type { Writer } from './writer.js'

export interface Codec<Out = unknown, In = unknown> {
  /** The fewest bytes a value takes: what bounds the length of an array of them. */
  readonly minBytes: number
  read(reader: Reader): Out
  write(writer: Writer, value: In): void
}

/** What a schema is compiled for. `flexible`: compact lengths and tagged fields (KIP-482). */
export interface Format {
  readonly version: number
  readonly flexible: boolean
}

/** The functions that read and write `field` in the given version. */
export function compile(field: Field, format: Format): Codec {
  const nullable = format.version >= field.nullableFrom
  switch (field.shape.kind) {
    case 'string':
      return orEmpty(field, nullable, stringCodec(format.flexible, nullable))
    case 'plainString':
      return orEmpty(field, nullable, stringCodec(false, nullable))
    case 'bytes':
    case 'records':
      return orEmpty(field, nullable, bytesCodec(format.flexible, nullable))
    case 'array':
      return orEmpty(field, nullable, arrayCodec(compile(field.shape.element, format), format.flexible, nullable))
    case 'struct': {
      const codec = structCodec(field.shape.fields, format)
      return nullable ? nullableStruct(codec) : orEmpty(field, nullable, codec)
    }
    default:
      return primitives[field.shape.kind]
  }
}

const primitives: Record<PrimitiveKind, Codec> = {
  bool: { minBytes: 1, read: (reader) => reader.bool(), write: (writer, value) => writer.bool(value as boolean) },
  int8: { minBytes: 1, read: (reader) => reader.int8(), write: (writer, value) => writer.int8(value as number) },
  int16: { minBytes: 2, read: (reader) => reader.int16(), write: (writer, value) => writer.int16(value as number) },
  uint16: { minBytes: 2, read: (reader) => reader.uint16(), write: (writer, value) => writer.uint16(value as number) },
  int32: { minBytes: 4, read: (reader) => reader.int32(), write: (writer, value) => writer.int32(value as number) },
  int64: { minBytes: 8, read: (reader) => reader.int64(), write: (writer, value) => writer.int64(value as number) },
  float64: {
    minBytes: 8,
    read: (reader) => reader.float64(),
    write: (writer, value) => writer.float64(value as number),
  },
  uuid: { minBytes: 16, read: (reader) => reader.uuid(), write: (writer, value) => writer.uuid(value as Buffer) },
}

/** A field that may be null in other versions only: here null is written as the empty value. */
function orEmpty(field: Field, nullable: boolean, codec: Codec): Codec {
  if (nullable || field.nullableFrom === Number.POSITIVE_INFINITY) return codec
  const empty = zeroOf(field.shape)
  return { ...codec, write: (writer, value) => codec.write(writer, value === null ? empty : value) }
}

function stringCodec(flexible: boolean, nullable: boolean): Codec {
  return {
    minBytes: flexible ? 1 : 2,
    read(reader) {
      const lengthBytes = flexible ? reader.uvarint() - 1 : reader.int16()
      return lengthBytes === -1 && nullable ? null : reader.string(lengthBytes)
    },
    write(writer, value) {
      if (value !== null || !nullable) writer.string(value as string, flexible)
      else if (flexible) writer.uvarint(0)
      else writer.int16(-1)
    },
  }
}

/** The length of a byte field or an array: an int32, or one more than it as a varint; -1 is null. */
function readLength(reader: Reader, flexible: boolean): number {
  return flexible ? reader.uvarint() - 1 : reader.int32()
}

function writeLength(writer: Writer, length: number, flexible: boolean): void {
  if (flexible) writer.uvarint(length + 1)
  else writer.int32(length)
}

function bytesCodec(flexible: boolean, nullable: boolean): Codec {
  return {
    minBytes: flexible ? 1 : 4,
    read(reader) {
      const lengthBytes = readLength(reader, flexible)
      return lengthBytes === -1 && nullable ? null : reader.bytes(lengthBytes)
    },
    write(writer, value) {
      if (value === null && nullable) return writeLength(writer, -1, flexible)
      const whole = value as RecordsValue
      if (!Array.isArray(whole)) {
        if (!(whole instanceof Uint8Array)) throw new Fault(`is ${String(whole)}, not a Buffer`)
        writeLength(writer, whole.length, flexible)
        return writer.bytes(whole)
      }
      let lengthBytes = 0
      for (const piece of whole) lengthBytes += piece.length
      writeLength(writer, lengthBytes, flexible)
      for (const piece of whole) writer.bytes(piece)
    },
  }
}

function arrayCodec(element: Codec, flexible: boolean, nullable: boolean): Codec {
  const minElementBytes = Math.max(1, element.minBytes)
  return {
    minBytes: flexible ? 1 : 4,
    read(reader) {
      const count = readLength(reader, flexible)
      if (count === -1 && nullable) return null
      reader.checkCount(count, minElementBytes)
      const values: unknown[] = []
      try {
        while (values.length < count) values.push(element.read(reader))
      } catch (error) {
        throw within(error, values.length)
      }
      return values
    },
    write(writer, value) {
      if (value === null && nullable) return writeLength(writer, -1, flexible)
      if (!Array.isArray(value)) throw new Fault(`is ${String(value)}, not an array`)
      writeLength(writer, value.length, flexible)
      let index = 0
      try {
        for (; index < value.length; index++) element.write(writer, value[index])
      } catch (error) {
        throw within(error, index)
      }
    },
  }
}

/** A struct that may be null has one byte in front: -1 for null, 1 for what follows (the Java client's own convention). */
function nullableStruct(codec: Codec): Codec {
  return {
    minBytes: 1,
    read: (reader) => (reader.int8() < 0 ? null : codec.read(reader)),
    write(writer, value) {
      writer.int8(value === null ? -1 : 1)
      if (value !== null) codec.write(writer, value)
    },
  }
}

type Values = Record<string, unknown>

function structCodec(fields: Fields, format: Format): Codec {
  const { version, flexible } = format
  const here = Object.entries(fields).filter(([, of]) => of.versions[0] <= version && version <= of.versions[1])
  const inline = here.filter(([, of]) => of.tag === undefined)
  const names = inline.map(([name]) => name)
  const codecs = inline.map(([, of]) => compile(of, format))
  const fallbacks = inline.map(([, of]) => (of.optional ? defaultOf(of) : undefined))
  const tagged = flexible ? compileTagged(here, (of) => compile(of, format)) : undefined
  // Every struct read begins as a copy of this: all fields in their declared order, the ones this version lacks at their defaults.
  const template: Values = Object.fromEntries(Object.entries(fields).map(([name, of]) => [name, defaultOf(of)]))

  return {
    minBytes: codecs.reduce((sum, codec) => sum + codec.minBytes, flexible ? 1 : 0),
    read(reader) {
      const value = { ...template }
      let index = 0
      try {
        for (; index < codecs.length; index++) value[names[index]] = codecs[index].read(reader)
      } catch (error) {
        throw within(error, names[index])
      }
      tagged?.read(reader, value)
      return value
    },
    write(writer, value) {
      if (typeof value !== 'object' || value === null) throw new Fault(`is ${String(value)}, not an object`)
      let index = 0
      try {
        for (; index < codecs.length; index++) {
          const given = (value as Values)[names[index]]
          const chosen = given === undefined ? fallbacks[index] : given
          if (chosen === undefined) throw new Fault('is missing')
          codecs[index].write(writer, chosen)
        }
      } catch (error) {
        throw within(error, names[index])
      }
      tagged?.write(writer, value as Values)
    },
  }
}
