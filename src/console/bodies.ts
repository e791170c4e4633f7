/** Bodies of requests: JSON of a bounded length, and its fields with the types that they must have. */

import type { ConsoleContext } from './context.js'
import { ConsoleError, invalid } from './refusals.js'

/** What is not a message is small. */
export const mostBodyBytes = 64 * 1024
/** A message of the usual greatest size as base64 with its headers. */
export const mostMessageBodyBytes = 4 * 1024 * 1024

export type Fields = Readonly<Record<string, unknown>>

/**
 * The object in the body.
 * @throws BODY_TOO_LARGE before more than that is read, NOT_JSON, INVALID_ARGUMENT
 */
export async function fieldsOf(c: ConsoleContext, mostBytes = mostBodyBytes): Promise<Fields> {
  if (!/^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? '')) {
    throw new ConsoleError('NOT_JSON', 'The body must be JSON, and its content-type application/json.')
  }
  const text = (await boundedBody(c, mostBytes)).toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid('The body is no JSON.')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw invalid('The body must be an object.')
}

async function boundedBody(c: ConsoleContext, mostBytes: number): Promise<Buffer> {
  const tooLarge = () => new ConsoleError('BODY_TOO_LARGE', `The body has more than ${mostBytes} bytes.`)
  if (Number(c.req.header('content-length') ?? 0) > mostBytes) throw tooLarge()
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of c.env.incoming as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > mostBytes) throw tooLarge()
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** @throws INVALID_ARGUMENT for a field that the endpoint does not know: a slip of the pen would go unnoticed */
export function onlyFields(fields: Fields, known: readonly string[]): void {
  const unknown = Object.keys(fields).find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw invalid(`There is no field ${JSON.stringify(unknown)} here; there are ${known.join(', ')}.`)
}

export function textField(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  if (value === undefined || typeof value === 'string') return value
  throw invalid(`${name} must be a text.`)
}

export function nullableTextField(fields: Fields, name: string): string | null | undefined {
  return fields[name] === null ? null : textField(fields, name)
}

export function numberField(fields: Fields, name: string, min = 0): number | undefined {
  const value = fields[name]
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min) return value
  throw invalid(`${name} must be a whole number of at least ${min}.`)
}

export function flagField(fields: Fields, name: string): boolean {
  const value = fields[name]
  if (value === undefined || typeof value === 'boolean') return value ?? false
  throw invalid(`${name} must be true or false.`)
}

export function listField(fields: Fields, name: string): readonly unknown[] | undefined {
  const value = fields[name]
  if (value === undefined || Array.isArray(value)) return value
  throw invalid(`${name} must be a list.`)
}

/** Texts by name, null where `allowsNull`. */
export function textsField<Null extends boolean>(
  fields: Fields,
  name: string,
  allowsNull: Null,
): Record<string, Null extends true ? string | null : string> {
  const value = fields[name] ?? {}
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isRecord) throw invalid(`${name} must be an object.`)
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string' && !(allowsNull && text === null)) throw invalid(`${name}.${key} must be a text.`)
  }
  return value as Record<string, Null extends true ? string | null : string>
}
