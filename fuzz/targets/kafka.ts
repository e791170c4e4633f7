/** What comes through a socket: frames, requests as a broker reads them, responses as our client reads them. */

import { FrameReader } from '../../src/kafka/frames.js'
import { decodeRequest, decodeRequestHeader, decodeResponse, encodeRequest } from '../../src/kafka/messages.js'
import { apis } from '../../src/kafka/schemas/index.js'
import { Broken, type Target } from '../target.js'

const mostFrameBytes = 1 << 20

/** The first byte says how the stream is cut; the same frames must come out as from the stream in one piece. */
export const frames: Target = {
  name: 'kafka-frames',
  files: ['src/kafka/frames'],
  seeds: [Buffer.from('030000000401020304000000020506', 'hex'), Buffer.from('0100000001ff0000000500', 'hex')],
  words: ['\0\0\0\x04', 'GET / HTTP/1.1\r\n', '\x16\x03\x01'],
  run(bytes) {
    if (bytes.length === 0) return
    const stream = bytes.subarray(1)
    const step = 1 + (bytes[0] & 0x1f)
    const isLent = bytes[0] >= 0x80
    const whole = framesOf(stream, stream.length || 1, false)
    const cut = framesOf(stream, step, isLent)
    if (whole.join() !== cut.join()) throw new Broken(`cut every ${step} bytes the stream has other frames`)
  },
}

/** The frames in hex, and at last the code of the refusal. */
function framesOf(stream: Buffer, step: number, isLent: boolean): string[] {
  const reader = new FrameReader({ minBytes: 0, maxBytes: mostFrameBytes })
  const found: string[] = []
  try {
    for (let at = 0; at < stream.length; at += step) {
      const chunk = Buffer.from(stream.subarray(at, at + step))
      reader.push(chunk, { lent: isLent })
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) found.push(frame.toString('hex'))
      reader.detach()
      if (isLent) chunk.fill(0xee)
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    found.push(String(error.code))
  }
  return found
}

/** One request of each API in its first and its last version: a header, and a body of zeros. */
function requestSeeds(): Buffer[] {
  return apis.flatMap(({ key, request }) =>
    Array.from({ length: request.versions[1] - request.versions[0] + 1 }, (_, index) => {
      const frame = Buffer.alloc(48)
      frame.writeInt16BE(key, 0)
      frame.writeInt16BE(request.versions[0] + index, 2)
      return frame
    }),
  )
}

/** Header and body of a request; one that can be read can be written, and is read again as the same. */
export const requests: Target = {
  name: 'kafka-requests',
  files: ['src/kafka/messages', 'src/kafka/schemas/', 'src/core/codec/'],
  seeds: requestSeeds(),
  words: ['\0\x01', '\0\x05topic', '\x06topic', '\x02'],
  run(bytes) {
    const header = decodeRequestHeader(bytes)
    const { api, apiVersion, correlationId, clientId } = header
    if (api === undefined || !header.supported) return
    const body = decodeRequest(api, header, bytes)
    const frame = Buffer.concat(encodeRequest(api, apiVersion, { correlationId, clientId }, body as never)).subarray(4)
    const again = decodeRequest(api, decodeRequestHeader(frame), frame)
    if (!sameText(body, again))
      throw new Broken(`${api.request.name} v${apiVersion} is read as another when written again`)
  },
}

/** The first two bytes choose API and version, the rest is the frame of a response. */
export const responses: Target = {
  name: 'kafka-responses',
  files: ['src/kafka/messages', 'src/kafka/schemas/', 'src/core/codec/'],
  seeds: apis.flatMap((_, index) => [0, 1, 2, 3].map((version) => Buffer.from([index, version, ...Buffer.alloc(64)]))),
  words: ['\0\x01', '\0\x05topic', '\x06topic', '\x02'],
  run(bytes) {
    if (bytes.length < 2) return
    const api = apis[bytes[0] % apis.length]
    const [first, last] = api.response.versions
    decodeResponse(api, first + (bytes[1] % (last - first + 1)), bytes.subarray(2))
  },
}

function sameText(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
