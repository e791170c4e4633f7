/** What a node tells of its copies when somebody looks. */

import type { Metrics } from '../core/metrics/metrics.js'
import type { Standing } from './standing.js'

/** Tells until the returned call. */
export function watchReplication(metrics: Metrics, standing: Standing): () => void {
  return metrics.collect((figures) => {
    const { inSync, members } = standing.describe()
    figures.put('mq_replication_leader', standing.leads ? 1 : 0, {})
    figures.put('mq_replication_epoch', standing.leaderEpoch, {})
    figures.put('mq_replication_in_sync_replicas', inSync.length, {})
    figures.put('mq_replication_replicas', members.length, {})
    for (const replica of standing.leader?.replicas ?? []) {
      const labels = { replica: String(replica.nodeId) }
      figures.put('mq_replica_in_sync', inSync.includes(replica.nodeId) ? 1 : 0, labels)
      figures.put('mq_replica_lag_messages', replica.lagMessages(), labels)
      const lagMs = replica.lagMs()
      if (Number.isFinite(lagMs)) figures.put('mq_replica_lag_seconds', lagMs / 1000, labels)
    }
  })
}
