/**
 * ReplicaReport, version 0: a replica tells of itself and waits for news of its leader. Not advertised: Kafka has no such
 * request. A replica sends it on a connection of its own, since the answer may be long in coming.
 */

import type { LeaderReport } from '../../replication/contract.js'
import { type ReplicaReportResponse, replicaReport } from '../schemas/index.js'
import { maxFetchWaitMs } from './fetch-answers.js'
import { endpoint } from './handler.js'
import { refusalOf } from './refusals.js'
import { replicasOf } from './replicas.js'

const nothingKnown = { clusterId: '', inSync: [] }

export const replicaReportEndpoint = endpoint({
  api: replicaReport,
  order: 'wait',
  async handle(request, call) {
    const maxWaitMs = Math.min(request.maxWaitMs, maxFetchWaitMs)
    return answer(await replicasOf(call).report({ ...request, maxWaitMs, signal: call.signal }))
  },
  refuse: (_request, error) => ({
    ...refusalOf(error),
    leadership: nothingKnown,
    members: [],
    catalogVersion: 0,
    catalog: null,
    mayLead: false,
  }),
})

function answer({ leadership, members, catalogVersion, catalog, mayLead }: LeaderReport): ReplicaReportResponse {
  return {
    errorCode: 0,
    leadership,
    members,
    catalogVersion,
    catalog:
      catalog?.map(({ name, id, partitions, config, largestBatchBytes }) => ({
        largestBatchBytes,
        name,
        id,
        partitions,
        config: Object.entries(config).map(([key, value]) => ({ name: key, value })),
      })) ?? null,
    mayLead,
  }
}
