/** What groups tell when somebody looks: how many there are, who is in them, and how far behind they are. */

import type { Metrics } from '../core/metrics/metrics.js'
import { mostSeries, othersLabel } from '../core/metrics/table.js'
import type { PartitionLog } from '../storage/partition-log.js'
import type { CommittedOffset, GroupState } from './groups/contract.js'

interface MeasuredGroup {
  readonly state: GroupState
  readonly size: number
  readonly offsets: { all(): readonly CommittedOffset[] }
}

export interface MeasuredGroups {
  /** By their ids. */
  all(): ReadonlyMap<string, MeasuredGroup>
  log(topic: string, partition: number): Pick<PartitionLog, 'highWatermark' | 'logStartOffset'> | undefined
}

/** Tells until the returned call. */
export function watchGroups(metrics: Metrics, groups: MeasuredGroups): () => void {
  return metrics.collect((figures) => {
    let series = 0
    for (const [id, group] of groups.all()) {
      figures.put('mq_consumer_groups', 1, { state: group.state })
      figures.put('mq_consumer_group_members', group.size, { group: series++ < mostSeries ? id : othersLabel })
      for (const [topic, lag] of lagsOf(group, groups)) {
        const isOwn = series++ < mostSeries
        figures.put('mq_consumer_lag', lag, isOwn ? { group: id, topic } : { group: othersLabel, topic: othersLabel })
      }
    }
  })
}

/** By topic: what lies behind the offsets that the group has committed. */
function lagsOf({ offsets }: MeasuredGroup, groups: MeasuredGroups): ReadonlyMap<string, number> {
  const lags = new Map<string, number>()
  for (const { topic, partition, offset } of offsets.all()) {
    const log = groups.log(topic, partition)
    if (log === undefined) continue
    // What is deleted is nobody's to read any more.
    const lag = Math.max(0, log.highWatermark - Math.max(offset, log.logStartOffset))
    lags.set(topic, (lags.get(topic) ?? 0) + lag)
  }
  return lags
}
