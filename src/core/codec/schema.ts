/**
 * The words a message schema is written in. A schema is data: the order of its fields is the order on the wire, and
 * the TypeScript types of what it describes are inferred from it.
 *
 *     const topic = struct({ name: until(12, string), topicId: since(13, uuid), partitions: array(int32) })
 *     type Topic = Infer<typeof topic>
 *
 * The types of the protocol: https://kafka.apache.org/protocol#protocol_types; tagged fields: KIP-482.
 */

import { zeroUuid } from './reader.js'

export type PrimitiveKind = 'bool' | 'int8' | 'int16' | 'uint16' | 'int32' | 'int64' | 'float64' | 'uuid'

export type Shape =
  | { readonly kind: PrimitiveKind | 'string' | 'plainString' | 'bytes' | 'records' }
  | { readonly kind: 'array'; readonly element: Field }
  | { readonly kind: 'struct'; readonly fields: Fields }

export type Fields = Readonly<Record<string, Field>>

declare const decoded: unique symbol
declare const encoded: unique symbol

/**
 * One declared field or type. `Out` is what decoding gives, `In` what encoding takes; `Optional` says whether a
 * struct may be encoded without it.
 */
export interface Field<Out = unknown, In = unknown, Optional extends boolean = boolean> {
  readonly [decoded]?: Out
  readonly [encoded]?: In
  readonly optional: Optional
  readonly shape: Shape
  /** The first and the last version that have the field. */
  readonly versions: readonly [first: number, last: number]
  /** The first version in which it may be null; Infinity for never. */
  readonly nullableFrom: number
  /** What it is where a version lacks it or a value leaves it out; undefined where none was declared. */
  readonly fallback?: unknown
  /** Set where it travels among the tagged fields. */
  readonly tag?: number
}

/** What decoding a schema gives: every field is there, the ones that a version lacks as their defaults. */
export type Infer<F extends Field> = F extends Field<infer Out, unknown, boolean> ? Out : never

/** What encoding a schema takes: fields with a default, or that some versions lack, or that may be null, may be left out. */
export type InferInput<F extends Field> = F extends Field<unknown, infer In, boolean> ? In : never

type OptionalKeys<F extends Fields> = { [K in keyof F]: F[K]['optional'] extends true ? K : never }[keyof F]

type Plain<T> = { [K in keyof T]: T[K] }

export type StructOut<F extends Fields> = { [K in keyof F]: Infer<F[K]> }

export type StructIn<F extends Fields> = Plain<
  { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: InferInput<F[K]> } & {
    readonly [K in OptionalKeys<F>]?: InferInput<F[K]>
  }
>

/** Records to send: one run of batches, or several that follow one another. */
export type RecordsValue = Buffer | readonly Buffer[]

function field<Out, In = Out>(shape: Shape): Field<Out, In, false> {
  return { shape, optional: false, versions: [0, Number.POSITIVE_INFINITY], nullableFrom: Number.POSITIVE_INFINITY }
}

export const bool = field<boolean>({ kind: 'bool' })
export const int8 = field<number>({ kind: 'int8' })
export const int16 = field<number>({ kind: 'int16' })
export const uint16 = field<number>({ kind: 'uint16' })
export const int32 = field<number>({ kind: 'int32' })
/** A JavaScript number: exact to 2^53, the nearest double beyond. */
export const int64 = field<number>({ kind: 'int64' })
export const float64 = field<number>({ kind: 'float64' })
/** Sixteen bytes; all zero for "none". */
export const uuid = field<Buffer>({ kind: 'uuid' })
/** UTF-8, at most 32767 bytes. */
export const string = field<string>({ kind: 'string' })
/** A string with an int16 for its length in every version: the client id of request headers. */
export const plainString = field<string>({ kind: 'plainString' })
/** Decoded as a view of the frame: copy what outlives it. */
export const bytes = field<Buffer>({ kind: 'bytes' })
/** Record batches as they are. Decoded as a view of the frame; may be encoded from several pieces. */
export const records = field<Buffer, RecordsValue>({ kind: 'records' })

export function array<F extends Field>(element: F): Field<readonly Infer<F>[], readonly InferInput<F>[], false> {
  return field({ kind: 'array', element })
}

export function struct<F extends Fields>(fields: F): Field<StructOut<F>, StructIn<F>, false> {
  return field({ kind: 'struct', fields })
}

/** The field exists from version `first` on. */
export function since<Out, In>(first: number, of: Field<Out, In>): Field<Out, In, true> {
  return { ...of, optional: true, versions: [first, of.versions[1]] }
}

/** The field exists up to and including version `last`. */
export function until<Out, In>(last: number, of: Field<Out, In>): Field<Out, In, true> {
  return { ...of, optional: true, versions: [of.versions[0], last] }
}

/** The field exists from version `first` to `last`, both included. */
export function between<Out, In>(first: number, last: number, of: Field<Out, In>): Field<Out, In, true> {
  return { ...of, optional: true, versions: [first, last] }
}

/**
 * It may be null, from version `from` on; null is then its default too. In a version that knows no null for it, null
 * is written as the empty value, which is what the old versions say instead (Metadata 0: no topics named means all).
 */
export function nullable<Out, In>(of: Field<Out, In>, from = 0): Field<Out | null, In | null, true> {
  return { ...of, optional: true, nullableFrom: from, fallback: null }
}

/** What it is where a version lacks it, or where the value to encode leaves it out. */
export function withDefault<Out, In>(fallback: NoInfer<Out>, of: Field<Out, In>): Field<Out, In, true> {
  return { ...of, optional: true, fallback }
}

/** It travels among the tagged fields, from version `first` on, and is left off the wire where it has its default. */
export function tagged<Out, In>(tag: number, first: number, of: Field<Out, In>): Field<Out, In, true> {
  return { ...of, optional: true, tag, versions: [first, Number.POSITIVE_INFINITY] }
}

/** The default of a field: the declared one, or the zero of its type. Shared and frozen where it can be: never write to it. */
export function defaultOf(of: Field): unknown {
  return of.fallback === undefined ? zeroOf(of.shape) : of.fallback
}

const emptyArray: readonly unknown[] = Object.freeze([])
const emptyBytes: Buffer = Buffer.alloc(0)

/** The zero of a type: 0, false, the empty string, no bytes, no elements, the zero id, a struct of defaults. */
export function zeroOf(shape: Shape): unknown {
  switch (shape.kind) {
    case 'bool':
      return false
    case 'string':
    case 'plainString':
      return ''
    case 'bytes':
    case 'records':
      return emptyBytes
    case 'uuid':
      return zeroUuid
    case 'array':
      return emptyArray
    case 'struct': {
      const entries = Object.entries(shape.fields).map(([name, of]) => [name, defaultOf(of)])
      return Object.freeze(Object.fromEntries(entries))
    }
    default:
      return 0
  }
}
