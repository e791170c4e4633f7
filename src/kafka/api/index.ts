/** Every API that is served, in the order of their keys: what is in this table is advertised unless it is private, and nothing else. */

import { produceEndpoint } from './00-produce.js'
import { fetchEndpoint } from './01-fetch.js'
import { listOffsetsEndpoint } from './02-list-offsets.js'
import { metadataEndpoint } from './03-metadata.js'
import { offsetCommitEndpoint } from './08-offset-commit.js'
import { offsetFetchEndpoint } from './09-offset-fetch.js'
import { findCoordinatorEndpoint } from './10-find-coordinator.js'
import { joinGroupEndpoint } from './11-join-group.js'
import { heartbeatEndpoint } from './12-heartbeat.js'
import { leaveGroupEndpoint } from './13-leave-group.js'
import { syncGroupEndpoint } from './14-sync-group.js'
import { describeGroupsEndpoint } from './15-describe-groups.js'
import { listGroupsEndpoint } from './16-list-groups.js'
import { apiVersionsEndpoint } from './18-api-versions.js'
import { createTopicsEndpoint } from './19-create-topics.js'
import { deleteTopicsEndpoint } from './20-delete-topics.js'
import { deleteRecordsEndpoint } from './21-delete-records.js'
import { initProducerIdEndpoint } from './22-init-producer-id.js'
import { offsetForLeaderEpochEndpoint } from './23-offset-for-leader-epoch.js'
import { addPartitionsToTxnEndpoint } from './24-add-partitions-to-txn.js'
import { addOffsetsToTxnEndpoint } from './25-add-offsets-to-txn.js'
import { endTxnEndpoint } from './26-end-txn.js'
import { writeTxnMarkersEndpoint } from './27-write-txn-markers.js'
import { txnOffsetCommitEndpoint } from './28-txn-offset-commit.js'
import { describeAclsEndpoint } from './29-describe-acls.js'
import { describeConfigsEndpoint } from './32-describe-configs.js'
import { alterConfigsEndpoint } from './33-alter-configs.js'
import { describeLogDirsEndpoint } from './35-describe-log-dirs.js'
import { createPartitionsEndpoint } from './37-create-partitions.js'
import { deleteGroupsEndpoint } from './42-delete-groups.js'
import { incrementalAlterConfigsEndpoint } from './44-incremental-alter-configs.js'
import { listPartitionReassignmentsEndpoint } from './46-list-partition-reassignments.js'
import { offsetDeleteEndpoint } from './47-offset-delete.js'
import { describeClusterEndpoint } from './60-describe-cluster.js'
import { describeProducersEndpoint } from './61-describe-producers.js'
import { describeTransactionsEndpoint } from './65-describe-transactions.js'
import { listTransactionsEndpoint } from './66-list-transactions.js'
import { replicaReportEndpoint } from './12001-replica-report.js'
import { replicaAcknowledgeEndpoint } from './12002-replica-acknowledge.js'
import type { Endpoint } from './handler.js'

export const endpoints: readonly Endpoint[] = [
  produceEndpoint,
  fetchEndpoint,
  listOffsetsEndpoint,
  metadataEndpoint,
  offsetCommitEndpoint,
  offsetFetchEndpoint,
  findCoordinatorEndpoint,
  joinGroupEndpoint,
  heartbeatEndpoint,
  leaveGroupEndpoint,
  syncGroupEndpoint,
  describeGroupsEndpoint,
  listGroupsEndpoint,
  apiVersionsEndpoint(() => endpoints),
  createTopicsEndpoint,
  deleteTopicsEndpoint,
  deleteRecordsEndpoint,
  initProducerIdEndpoint,
  offsetForLeaderEpochEndpoint,
  addPartitionsToTxnEndpoint,
  addOffsetsToTxnEndpoint,
  endTxnEndpoint,
  writeTxnMarkersEndpoint,
  txnOffsetCommitEndpoint,
  describeAclsEndpoint,
  describeConfigsEndpoint,
  alterConfigsEndpoint,
  describeLogDirsEndpoint,
  createPartitionsEndpoint,
  deleteGroupsEndpoint,
  incrementalAlterConfigsEndpoint,
  listPartitionReassignmentsEndpoint,
  offsetDeleteEndpoint,
  describeClusterEndpoint,
  describeProducersEndpoint,
  describeTransactionsEndpoint,
  listTransactionsEndpoint,
  replicaReportEndpoint,
  replicaAcknowledgeEndpoint,
]

const byKey: ReadonlyMap<number, Endpoint> = new Map(endpoints.map((endpoint) => [endpoint.api.key, endpoint]))

export function endpointByKey(key: number): Endpoint | undefined {
  return byKey.get(key)
}
