/**
 * ReplicaAcknowledge: how far the copies of a replica are that fetches ahead of its disk. Version 0, flexible. No request of
 * Kafka's, whose replicas say so by their next fetch, and so fetch again only when what they got is kept.
 */

import { array, int16, int32, int64, nullable, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'

export const replicaAcknowledgeRequest = struct({
  replicaId: int32,
  leaderEpoch: int32,
  sessionId: int32,
  sessionEpoch: int32,
  topics: array(struct({ name: string, partitions: array(struct({ index: int32, offset: int64 })) })),
})

export const replicaAcknowledgeResponse = struct({ errorCode: int16, errorMessage: nullable(string) })

export const replicaAcknowledge = api({
  key: 12_002,
  name: 'ReplicaAcknowledge',
  versions: [0, 0],
  flexibleFrom: 0,
  isPrivate: true,
  request: replicaAcknowledgeRequest,
  response: replicaAcknowledgeResponse,
})
