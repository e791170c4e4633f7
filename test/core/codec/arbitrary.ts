/** Values made from a schema: random ones for properties, and one fixed one whose every leaf is different. */

import fc from 'fast-check'
import { defaultOf, type Field, type Infer } from '../../../src/core/codec/index.js'

type Values = Record<string, unknown>

const isThere = (field: Field, version: number): boolean => field.versions[0] <= version && version <= field.versions[1]

const safeInteger = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -2, max: 300 }))
const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const someBytes = fc.uint8Array({ maxLength: 24 }).map((bytes) => Buffer.from(bytes))

/** Any value that decoding this version can give: fields that the version lacks have their defaults. */
export function anyValueOf<F extends Field>(field: F, version: number): fc.Arbitrary<Infer<F>> {
  return anyOf(field, version) as fc.Arbitrary<Infer<F>>
}

function anyOf(field: Field, version: number): fc.Arbitrary<unknown> {
  const value = anyOfShape(field, version)
  return version >= field.nullableFrom ? fc.option(value, { nil: null, freq: 4 }) : value
}

function anyOfShape(field: Field, version: number): fc.Arbitrary<unknown> {
  const { shape } = field
  switch (shape.kind) {
    case 'bool':
      return fc.boolean()
    case 'int8':
      return fc.integer({ min: -0x80, max: 0x7f })
    case 'int16':
      return fc.integer({ min: -0x8000, max: 0x7fff })
    case 'uint16':
      return fc.integer({ min: 0, max: 0xffff })
    case 'int32':
      return fc.integer()
    case 'int64':
      return safeInteger
    case 'float64':
      return fc.double({ noNaN: true })
    case 'uuid':
      return fc.oneof(
        fc.constant(Buffer.alloc(16)),
        fc.uint8Array({ minLength: 16, maxLength: 16 }).map((id) => Buffer.from(id)),
      )
    case 'string':
    case 'plainString':
      return text
    case 'bytes':
    case 'records':
      return someBytes
    case 'array':
      return fc.array(anyOf(shape.element, version), { maxLength: 3 })
    case 'struct': {
      const fields = Object.entries(shape.fields).map(([name, of]): [string, fc.Arbitrary<unknown>] => [
        name,
        isThere(of, version) ? anyOf(of, version) : fc.constant(defaultOf(of)),
      ])
      return fc.record(Object.fromEntries(fields), { noNullPrototype: true })
    }
  }
}

export interface SampleOptions {
  /** Make everything null that may be. */
  nulls?: boolean
  /** Values for fields of these names, instead of made ones. */
  fixed?: Values
}

/** One value in which every leaf differs from the others, arrays hold two elements, and tagged fields are left out. */
export function sampleOf<F extends Field>(field: F, version: number, options: SampleOptions = {}): Infer<F> {
  let counter = 0
  const next = (limit: number): number => {
    counter += 1
    return counter % limit
  }
  const sample = (of: Field): unknown => {
    if (options.nulls && version >= of.nullableFrom) return null
    const { shape } = of
    switch (shape.kind) {
      case 'bool':
        return next(2) === 1
      case 'int8':
        return next(0x80)
      case 'string':
      case 'plainString':
        return `text-${String(next(100_000)).padStart(6, '0')}`
      case 'uuid':
        return Buffer.alloc(16, next(0x100))
      case 'bytes':
      case 'records':
        return Buffer.from(`bytes-${next(100_000)}`)
      case 'array':
        return [sample(shape.element), sample(shape.element)]
      case 'struct': {
        const value: Values = {}
        for (const [name, part] of Object.entries(shape.fields)) {
          if (!isThere(part, version) || part.tag !== undefined) continue
          value[name] = options.fixed && name in options.fixed ? options.fixed[name] : sample(part)
        }
        return value
      }
      default:
        return next(0x7fff)
    }
  }
  return sample(field) as Infer<F>
}

/** The leaves of a value in the order of its keys, as text, so that values of different making can be compared. */
export function leavesOf(value: unknown, leaveOut: ReadonlySet<string> = new Set()): string[] {
  if (value === null || value === undefined) return []
  if (Buffer.isBuffer(value)) return [value.toString('hex')]
  if (Array.isArray(value)) return value.flatMap((part) => leavesOf(part, leaveOut))
  if (typeof value === 'object') {
    return Object.entries(value).flatMap(([name, part]) => (leaveOut.has(name) ? [] : leavesOf(part, leaveOut)))
  }
  const plain = String(value)
  return [/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(plain) ? plain.replaceAll('-', '') : plain]
}
