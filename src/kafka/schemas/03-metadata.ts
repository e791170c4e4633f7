/**
 * Metadata: the brokers, the topics, and who leads what. Versions 0-13.
 *
 *  1 null for all topics, rack, controller     8 authorized operations, where asked for (KIP-430)
 *  2 cluster id                                9 flexible
 *  3 throttle time                            10 topic ids
 *  4 may create topics on the way             11 no more authorized operations of the cluster (DescribeCluster has them)
 *  5 offline replicas                         12 topics may be asked for by id alone (KIP-516)
 *  7 leader epochs                            13 an error for the whole answer (KIP-1102)
 *
 * In version 0 an empty list of topics asks for all of them: the handler has to know.
 */

import {
  array,
  between,
  bool,
  type Infer,
  type InferInput,
  int16,
  int32,
  nullable,
  since,
  string,
  struct,
  uuid,
  withDefault,
} from '../../core/codec/index.js'
import { api } from './api.js'
import { authorizedOperations, throttleTimeMs } from './shared.js'

export const metadataRequest = struct({
  topics: nullable(array(struct({ topicId: since(10, uuid), name: nullable(string, 10) })), 1),
  allowAutoTopicCreation: since(4, withDefault(true, bool)),
  includeClusterAuthorizedOperations: between(8, 10, bool),
  includeTopicAuthorizedOperations: since(8, bool),
})

export const metadataResponse = struct({
  throttleTimeMs: since(3, throttleTimeMs),
  brokers: array(struct({ nodeId: int32, host: string, port: int32, rack: since(1, nullable(string)) })),
  clusterId: since(2, nullable(string)),
  controllerId: since(1, withDefault(-1, int32)),
  topics: array(
    struct({
      errorCode: int16,
      name: nullable(string, 12),
      topicId: since(10, uuid),
      isInternal: since(1, bool),
      partitions: array(
        struct({
          errorCode: int16,
          index: int32,
          leaderId: int32,
          leaderEpoch: since(7, withDefault(-1, int32)),
          replicas: array(int32),
          inSyncReplicas: array(int32),
          offlineReplicas: since(5, array(int32)),
        }),
      ),
      authorizedOperations: since(8, authorizedOperations),
    }),
  ),
  clusterAuthorizedOperations: between(8, 10, authorizedOperations),
  errorCode: since(13, int16),
})

export const metadata = api({
  key: 3,
  name: 'Metadata',
  versions: [0, 13],
  flexibleFrom: 9,
  request: metadataRequest,
  response: metadataResponse,
})

export type MetadataRequest = Infer<typeof metadataRequest>
export type MetadataResponse = InferInput<typeof metadataResponse>
