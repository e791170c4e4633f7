/**
 * ReplicaReport: what a replica tells its leader of itself, and what it learns for that. Version 0, flexible. No request of
 * Kafka's: its key lies far above theirs, and nobody is told of it.
 */

import {
  array,
  bool,
  type Infer,
  type InferInput,
  int16,
  int32,
  int64,
  nullable,
  string,
  struct,
  uuid,
  withDefault,
} from '../../core/codec/index.js'
import { api } from './api.js'

const member = struct({ nodeId: int32, host: string, port: int32, rack: string })

export const replicaReportRequest = struct({
  member,
  clusterId: string,
  leaderEpoch: int32,
  catalogVersion: int64,
  maxWaitMs: int32,
  wantsToLead: bool,
})

export const replicaReportResponse = struct({
  errorCode: int16,
  errorMessage: nullable(string),
  leadership: struct({
    clusterId: string,
    epoch: withDefault(-1, int32),
    leaderId: withDefault(-1, int32),
    inSync: array(int32),
  }),
  members: array(member),
  catalogVersion: int64,
  /** Null where the replica has it. */
  catalog: nullable(
    array(
      struct({
        name: string,
        id: uuid,
        partitions: int32,
        config: array(struct({ name: string, value: string })),
        largestBatchBytes: int32,
      }),
    ),
  ),
  mayLead: bool,
})

export const replicaReport = api({
  key: 12_001,
  name: 'ReplicaReport',
  versions: [0, 0],
  flexibleFrom: 0,
  isPrivate: true,
  request: replicaReportRequest,
  response: replicaReportResponse,
})

export type ReplicaReportRequest = Infer<typeof replicaReportRequest>
export type ReplicaReportResponse = InferInput<typeof replicaReportResponse>
