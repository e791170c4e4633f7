/** Every API that this program has messages for, by key. */

import { produce } from './00-produce.js'
import { fetch } from './01-fetch.js'
import { listOffsets } from './02-list-offsets.js'
import { metadata } from './03-metadata.js'
import { offsetCommit } from './08-offset-commit.js'
import { offsetFetch } from './09-offset-fetch.js'
import { findCoordinator } from './10-find-coordinator.js'
import { joinGroup } from './11-join-group.js'
import { heartbeat } from './12-heartbeat.js'
import { leaveGroup } from './13-leave-group.js'
import { syncGroup } from './14-sync-group.js'
import { describeGroups } from './15-describe-groups.js'
import { listGroups } from './16-list-groups.js'
import { apiVersions } from './18-api-versions.js'
import { createTopics } from './19-create-topics.js'
import { deleteTopics } from './20-delete-topics.js'
import { deleteRecords } from './21-delete-records.js'
import { initProducerId } from './22-init-producer-id.js'
import { offsetForLeaderEpoch } from './23-offset-for-leader-epoch.js'
import { addPartitionsToTxn } from './24-add-partitions-to-txn.js'
import { addOffsetsToTxn } from './25-add-offsets-to-txn.js'
import { endTxn } from './26-end-txn.js'
import { writeTxnMarkers } from './27-write-txn-markers.js'
import { txnOffsetCommit } from './28-txn-offset-commit.js'
import { describeAcls } from './29-describe-acls.js'
import { describeConfigs } from './32-describe-configs.js'
import { alterConfigs } from './33-alter-configs.js'
import { describeLogDirs } from './35-describe-log-dirs.js'
import { createPartitions } from './37-create-partitions.js'
import { deleteGroups } from './42-delete-groups.js'
import { incrementalAlterConfigs } from './44-incremental-alter-configs.js'
import { listPartitionReassignments } from './46-list-partition-reassignments.js'
import { offsetDelete } from './47-offset-delete.js'
import { describeCluster } from './60-describe-cluster.js'
import { describeProducers } from './61-describe-producers.js'
import { describeTransactions } from './65-describe-transactions.js'
import { listTransactions } from './66-list-transactions.js'
import { replicaReport } from './12001-replica-report.js'
import { replicaAcknowledge } from './12002-replica-acknowledge.js'
import type { Api } from './api.js'

export * from './00-produce.js'
export * from './01-fetch.js'
export * from './02-list-offsets.js'
export * from './03-metadata.js'
export * from './08-offset-commit.js'
export * from './09-offset-fetch.js'
export * from './10-find-coordinator.js'
export * from './11-join-group.js'
export * from './12-heartbeat.js'
export * from './13-leave-group.js'
export * from './14-sync-group.js'
export * from './15-describe-groups.js'
export * from './16-list-groups.js'
export * from './18-api-versions.js'
export * from './19-create-topics.js'
export * from './20-delete-topics.js'
export * from './21-delete-records.js'
export * from './22-init-producer-id.js'
export * from './23-offset-for-leader-epoch.js'
export * from './24-add-partitions-to-txn.js'
export * from './25-add-offsets-to-txn.js'
export * from './26-end-txn.js'
export * from './27-write-txn-markers.js'
export * from './28-txn-offset-commit.js'
export * from './29-describe-acls.js'
export * from './32-describe-configs.js'
export * from './33-alter-configs.js'
export * from './35-describe-log-dirs.js'
export * from './37-create-partitions.js'
export * from './42-delete-groups.js'
export * from './44-incremental-alter-configs.js'
export * from './46-list-partition-reassignments.js'
export * from './47-offset-delete.js'
export * from './60-describe-cluster.js'
export * from './61-describe-producers.js'
export * from './65-describe-transactions.js'
export * from './66-list-transactions.js'
export * from './12001-replica-report.js'
export * from './12002-replica-acknowledge.js'
export type { Api, RequestInput, RequestOf, ResponseInput, ResponseOf } from './api.js'
export { operationsNotAsked } from './shared.js'

/** In the order of their keys. */
export const apis: readonly Api[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  apiVersions,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  addPartitionsToTxn,
  addOffsetsToTxn,
  endTxn,
  writeTxnMarkers,
  txnOffsetCommit,
  describeAcls,
  describeConfigs,
  alterConfigs,
  describeLogDirs,
  createPartitions,
  deleteGroups,
  incrementalAlterConfigs,
  listPartitionReassignments,
  offsetDelete,
  describeCluster,
  describeProducers,
  describeTransactions,
  listTransactions,
  replicaReport,
  replicaAcknowledge,
]

const byKey: ReadonlyMap<number, Api> = new Map(apis.map((api) => [api.key, api]))

/** The API with this key, or undefined where we have none. */
export function apiByKey(key: number): Api | undefined {
  return byKey.get(key)
}
