/**
 * Whole requests and responses: the header, which depends on the API and its version, and the body.
 *
 * Encoding returns the chunks of a complete frame with its 4-byte length in front, ready for a corked socket. Decoding
 * takes a frame without that length: whoever splits the stream has used it up.
 *
 * Headers (KIP-482): a request has a client id, and after it tagged fields where its body is flexible; a response has
 * a correlation id, and after it tagged fields where its body is flexible, but never in the answer to ApiVersions.
 */

import { int16, int32, message, nullable, plainString, Reader, struct, Writer } from '../core/codec/index.js'
import {
  type Api,
  apiByKey,
  apiVersions,
  type RequestInput,
  type RequestOf,
  type ResponseInput,
  type ResponseOf,
} from './schemas/index.js'

/**
 * The most array elements in one request, all arrays together. The bytes of a frame bound them too, but an element
 * costs far more memory decoded than on the wire.
 */
export const maxRequestElements = 1_000_000

export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  /** Null where the client gave none, and where the API or the version is not ours, so that the rest was not read. */
  readonly clientId: string | null
  /** Undefined where we have no such API. */
  readonly api: Api | undefined
  /** We have the API in this version: the body can be decoded. */
  readonly supported: boolean
  /** Where the body begins in the frame; where not supported, where reading stopped. */
  readonly bodyOffset: number
}

/** What every request begins with, whatever its API and version. */
const requestStart = message({
  name: 'Request header',
  versions: [1, 2],
  flexibleFrom: Number.POSITIVE_INFINITY,
  schema: struct({ apiKey: int16, apiVersion: int16, correlationId: int32 }),
})

const requestClient = message({
  name: 'Request header',
  versions: [1, 2],
  flexibleFrom: 2,
  schema: struct({ clientId: nullable(plainString) }),
})

const responseHeader = message({
  name: 'Response header',
  versions: [0, 1],
  flexibleFrom: 1,
  schema: struct({ correlationId: int32 }),
})

function requestHeaderVersion(api: Api, version: number): number {
  return api.request.isFlexible(version) ? 2 : 1
}

function responseHeaderVersion(api: Api, version: number): number {
  return api.key !== apiVersions.key && api.response.isFlexible(version) ? 1 : 0
}

/**
 * The header of a request, read as far as it can be: key, version and correlation id of any request, the rest where
 * `supported`. Throws INVALID_REQUEST where the frame is shorter than its header.
 */
export function decodeRequestHeader(frame: Buffer): RequestHeader {
  const reader = new Reader(frame)
  const { apiKey, apiVersion, correlationId } = requestStart.read(reader, 1)
  const api = apiByKey(apiKey)
  if (api === undefined || !api.request.supports(apiVersion)) {
    return { apiKey, apiVersion, correlationId, clientId: null, api, supported: false, bodyOffset: reader.position }
  }
  const { clientId } = requestClient.read(reader, requestHeaderVersion(api, apiVersion))
  return { apiKey, apiVersion, correlationId, clientId, api, supported: true, bodyOffset: reader.position }
}

/**
 * The body of a request whose header has been decoded from the same frame. `api` is the one the header names; it is
 * asked for so that the type of the body is known. Byte fields are views of the frame.
 * Throws INVALID_REQUEST for malformed bytes, UNSUPPORTED_VERSION where the header is not `supported`.
 */
export function decodeRequest<A extends Api>(api: A, header: RequestHeader, frame: Buffer): RequestOf<A> {
  return api.request.decode(frame, header.apiVersion, {
    offset: header.bodyOffset,
    maxElements: maxRequestElements,
  }) as RequestOf<A>
}

/**
 * The frame of a response, length included, in chunks; byte fields of 4 KiB and more are among the chunks uncopied.
 * Throws INVALID_ARGUMENT (with the path of the field) for a body that does not fit its schema.
 */
export function encodeResponse<A extends Api>(
  api: A,
  version: number,
  correlationId: number,
  body: ResponseInput<A>,
): Buffer[] {
  return frameOf((writer) => {
    responseHeader.write(writer, { correlationId }, responseHeaderVersion(api, version))
    api.response.write(writer, body, version)
  })
}

/** The frame of a request, length included, in chunks. Throws as {@link encodeResponse}. */
export function encodeRequest<A extends Api>(
  api: A,
  version: number,
  sender: { correlationId: number; clientId: string | null },
  body: RequestInput<A>,
): Buffer[] {
  return frameOf((writer) => {
    requestStart.write(writer, { apiKey: api.key, apiVersion: version, correlationId: sender.correlationId }, 1)
    requestClient.write(writer, sender, requestHeaderVersion(api, version))
    api.request.write(writer, body, version)
  })
}

/** Which request a response answers: the first four bytes of its frame. Throws INVALID_REQUEST where there are fewer. */
export function decodeCorrelationId(frame: Buffer): number {
  return responseHeader.read(new Reader(frame), 0).correlationId
}

/** A response to a request that was sent with `api` and `version`. Byte fields are views of the frame. Throws INVALID_REQUEST. */
export function decodeResponse<A extends Api>(
  api: A,
  version: number,
  frame: Buffer,
): { correlationId: number; body: ResponseOf<A> } {
  const reader = new Reader(frame)
  const { correlationId } = responseHeader.read(reader, responseHeaderVersion(api, version))
  const body = api.response.decode(frame, version, { offset: reader.position }) as ResponseOf<A>
  return { correlationId, body }
}

function frameOf(write: (writer: Writer) => void): Buffer[] {
  const writer = new Writer()
  const length = writer.reserveInt32()
  write(writer)
  length(writer.byteLength - 4)
  return writer.chunks()
}
