/** Messages as the user sees them: what is sent, the receipt for it, and what is read. */

import { HoldfastError } from '../core/errors.js'
import type { Header, StoredRecord } from '../records/record.js'
import { keysOf, tagsOf } from '../records/tags-and-keys.js'

/** Text is sent as UTF-8. */
export type BytesInput = string | Uint8Array

/** By name, several values where a header repeats; or a list, where the order between different names matters. */
export type HeadersInput =
  | Readonly<Record<string, BytesInput | null | readonly (BytesInput | null)[]>>
  | readonly { readonly key: string; readonly value: BytesInput | null }[]

/** A message to send. Bytes that are passed in must not change until the send has ended. */
export interface MessageInput {
  /** Messages of the same key go to the same partition and keep their order. Absent or null: no key. */
  readonly key?: BytesInput | null
  /** Absent or null: a tombstone, which in a compacted topic deletes the key. */
  readonly value?: BytesInput | null
  readonly headers?: HeadersInput
  /** Goes with the message as a header, the last one, of the name that the setting key.index.id.header says. */
  readonly id?: BytesInput | null
  /** One tag, by which a consumer may ask for the message; goes with it as the header TAGS. */
  readonly tags?: string
  /** Keys by which the message can be found, beside `key`; they go with it as the header KEYS, and choose no partition. */
  readonly keys?: string | readonly string[]
  /** Chosen by the key, or at random, where absent. */
  readonly partition?: number
  /** Milliseconds since 1970; now where absent. */
  readonly timestamp?: number
}

/** Says where an acknowledged message lies. */
export interface Receipt {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since 1970: the message's own, or the broker's where the topic keeps LogAppendTime. */
  readonly timestamp: number
}

/**
 * A message that was read. Its buffers are views of the batch it came in and keep it in memory: copy what you keep.
 *
 *     for await (const message of mq.consume('orders')) {
 *       const order = message.json<Order>()
 *       const trace = message.header('trace')?.toString()
 *     }
 */
export class Message implements Receipt {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** In the order they were sent; a name may come more than once. */
  readonly headers: readonly Readonly<Header>[]
  readonly #idHeader: string

  constructor(topic: string, partition: number, record: StoredRecord, idHeader = usualIdHeader) {
    this.#idHeader = idHeader
    this.topic = topic
    this.partition = partition
    this.offset = record.offset
    this.timestamp = record.timestamp
    this.key = record.key
    this.value = record.value
    this.headers = record.headers
  }

  /** The id that it was sent with, as UTF-8 text; undefined where there is none. */
  get id(): string | undefined {
    return this.header(this.#idHeader)?.toString('utf8')
  }

  /** The tag that it was sent with; undefined where there is none. */
  get tags(): string | undefined {
    return tagsOf(this.headers)
  }

  /** The keys that it was sent with; where there are none, its `key` alone, as UTF-8 text. */
  get keys(): readonly string[] {
    return keysOf(this)
  }

  /** The value as UTF-8 text; empty where there is no value. */
  text(): string {
    return this.value === null ? '' : this.value.toString('utf8')
  }

  /**
   * The value, parsed as JSON. Nothing checks that it is a `T`.
   * @throws SyntaxError where it is no JSON, as where there is no value
   */
  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T
  }

  /**
   * Says that this message, and all before it in its partition, are done with: commits its offset + 1 for the group.
   * Resolves when that is durable. Acks out of order never move the committed offset back.
   *
   * @throws ILLEGAL_GENERATION where the partition has gone to another member meanwhile: the message is, or was,
   * delivered to that one too. INVALID_ARGUMENT where the message was not consumed in a group.
   */
  ack(): Promise<void> {
    return Promise.reject(
      new HoldfastError('INVALID_ARGUMENT', 'Only messages that were consumed in a group can be acknowledged.'),
    )
  }

  /** The value of the last header of that name; undefined where there is none, null where it was sent without a value. */
  header(name: string): Buffer | null | undefined {
    return this.headers.findLast(({ key }) => key === name)?.value
  }
}

export const noHeaders: readonly Header[] = []

/** The default of key.index.id.header, for a broker that does not tell. */
const usualIdHeader = 'message-id'

/** The header that holds the id of a message. */
export function idHeaderOf(service: { readonly idHeader?: string }): string {
  return service.idHeader ?? usualIdHeader
}

/** The bytes of a key or value. @throws INVALID_ARGUMENT */
export function bytesOf(input: BytesInput | null | undefined, what: string): Uint8Array | null {
  if (typeof input === 'string') return Buffer.from(input)
  if (input === null || input === undefined) return null
  if (input instanceof Uint8Array) return input
  throw new HoldfastError(
    'INVALID_ARGUMENT',
    `The ${what} is ${shown(input)}; it must be a string, a Uint8Array or null. Encode objects yourself, for example with JSON.stringify.`,
  )
}

/** @throws INVALID_ARGUMENT */
export function headersOf(input: HeadersInput | undefined): readonly Header[] {
  if (input === undefined) return noHeaders
  if (Array.isArray(input)) return input.map(({ key, value }) => headerOf(key, value))
  if (typeof input !== 'object' || input === null) {
    throw new HoldfastError('INVALID_ARGUMENT', `The headers are ${shown(input)}; they must be an object or a list.`)
  }
  const headers: Header[] = []
  for (const [key, value] of Object.entries(input)) {
    if (Array.isArray(value)) for (const each of value) headers.push(headerOf(key, each))
    else headers.push(headerOf(key, value))
  }
  return headers
}

function headerOf(key: unknown, value: BytesInput | null): Header {
  if (typeof key !== 'string') {
    throw new HoldfastError('INVALID_ARGUMENT', `A header's name is ${shown(key)}; it must be a string.`)
  }
  const bytes = bytesOf(value, `header ${JSON.stringify(key)}`)
  if (bytes === null || Buffer.isBuffer(bytes)) return { key, value: bytes }
  return { key, value: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) }
}

/** A value of a wrong type, for an error message. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'object') return `a ${value.constructor?.name ?? 'object'}`
  return `the ${typeof value} ${String(value)}`
}
