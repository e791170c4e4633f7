/**
 * Produce, versions 0-2: refused with UNSUPPORTED_VERSION for each partition.
 *
 * They carry message sets of magic 0 and 1, which are not stored here. They have to be advertised all the same: librdkafka
 * before 2.11.1 stops compressing when the least advertised version is above 0 (apache/kafka#18727 does the same).
 */

import {
  array,
  bytes,
  int16,
  int32,
  int64,
  nullable,
  plainString,
  since,
  string,
  struct,
  withDefault,
} from '../../core/codec/index.js'
import { HoldfastError } from '../../core/errors.js'
import { encodeResponse, type RequestHeader } from '../messages.js'
import { api } from '../schemas/api.js'
import { ClosesConnection, type Outcome } from './handler.js'

const oldProduce = api({
  key: 0,
  name: 'Produce',
  versions: [0, 2],
  flexibleFrom: Number.POSITIVE_INFINITY,
  request: struct({
    /** The rest of the header, which is not read for a version that has no schema in the table. */
    clientId: nullable(plainString),
    acks: int16,
    timeoutMs: int32,
    topics: array(struct({ name: string, partitions: array(struct({ index: int32, records: nullable(bytes) })) })),
  }),
  response: struct({
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            index: int32,
            errorCode: int16,
            baseOffset: withDefault(-1, int64),
            logAppendTimeMs: since(2, withDefault(-1, int64)),
          }),
        ),
      }),
    ),
    throttleTimeMs: since(1, withDefault(0, int32)),
  }),
})

export function isOldProduce(header: RequestHeader): boolean {
  return header.apiKey === oldProduce.key && oldProduce.request.supports(header.apiVersion)
}

/** The refusal of a request that {@link isOldProduce}. @throws INVALID_REQUEST where it cannot be decoded */
export function refuseOldProduce(header: RequestHeader, frame: Buffer): Promise<Outcome> {
  const { apiVersion, correlationId } = header
  const request = oldProduce.request.decode(frame, apiVersion, { offset: header.bodyOffset })
  const { kafkaCode: errorCode } = new HoldfastError('UNSUPPORTED_VERSION')
  if (request.acks === 0) {
    const reason = `A Produce request of version ${apiVersion} with acks=0; versions 3 and later are accepted.`
    return Promise.reject(new ClosesConnection(reason))
  }
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ index }) => ({ index, errorCode })),
  }))
  return Promise.resolve(encodeResponse(oldProduce, apiVersion, correlationId, { topics }))
}
