/** What one API of the protocol is: its key, the versions that are implemented, and its two messages. */

import { type Field, type Infer, type InferInput, type Message, message } from '../../core/codec/index.js'

export interface ApiDeclaration<Request extends Field, Response extends Field> {
  /** The number of the API on the wire. */
  readonly key: number
  readonly name: string
  /** The first and the last version that are implemented. */
  readonly versions: readonly [first: number, last: number]
  /** The first version with compact lengths and tagged fields; Infinity for none. */
  readonly flexibleFrom: number
  /** Of this program alone: spoken among its nodes without being advertised. */
  readonly isPrivate?: boolean
  readonly request: Request
  readonly response: Response
}

export interface Api<Request extends Field = Field, Response extends Field = Field> {
  readonly key: number
  readonly name: string
  readonly versions: readonly [first: number, last: number]
  readonly flexibleFrom: number
  /** Not one of Kafka's: no client is told of it, and who sends it knows that it is there. */
  readonly isPrivate: boolean
  readonly request: Message<Request>
  readonly response: Message<Response>
}

/** The request as a server decodes it, the response as a client does. */
export type RequestOf<A extends Api> = A extends Api<infer Request, Field> ? Infer<Request> : never
export type ResponseOf<A extends Api> = A extends Api<Field, infer Response> ? Infer<Response> : never

/** The request as a client gives it to be encoded, the response as a server does. */
export type RequestInput<A extends Api> = A extends Api<infer Request, Field> ? InferInput<Request> : never
export type ResponseInput<A extends Api> = A extends Api<Field, infer Response> ? InferInput<Response> : never

/** Declares an API. */
export function api<Request extends Field, Response extends Field>(
  declaration: ApiDeclaration<Request, Response>,
): Api<Request, Response> {
  const { key, name, versions, flexibleFrom, isPrivate = false, request, response } = declaration
  return {
    key,
    name,
    versions,
    flexibleFrom,
    isPrivate,
    request: message({ name: `${name} request`, versions, flexibleFrom, schema: request }),
    response: message({ name: `${name} response`, versions, flexibleFrom, schema: response }),
  }
}
