/**
 * Which replica a consumer is sent to (KIP-392): where `replica.read` is on, an in-sync one that stands where the consumer
 * says that it does, unless the leader itself stands there. Only for positions that every in-sync replica has: of anything else the leader answers.
 */

import type { FetchPosition, PartitionDescription } from '../../broker/contract.js'
import type { FetchRequest, FetchResponse } from '../schemas/index.js'
import { noRecords } from './fetch-answers.js'
import type { Call } from './handler.js'

export interface NearerReplica {
  readonly nodeId: number
  /** In the order of the positions. */
  readonly partitions: readonly PartitionDescription[]
}

/** Undefined where the consumer is answered here. */
export async function nearerReplica(
  rackId: string,
  positions: readonly FetchPosition[],
  { broker, replication }: Call,
): Promise<NearerReplica | undefined> {
  if (replication === undefined || rackId === '' || positions.length === 0) return undefined
  if (!broker.settings['replica.read']) return undefined
  const { leaderId, members, inSync } = replication.describe()
  if (leaderId !== broker.nodeId) return undefined
  const near = members.filter(({ nodeId, rack }) => rack === rackId && inSync.includes(nodeId))
  if (near.length === 0 || near.some(({ nodeId }) => nodeId === leaderId)) return undefined
  const topics = await broker.describeTopics([...new Set(positions.map(({ topic }) => topic))])
  const byName = new Map(topics.map(({ name, partitions }) => [name, partitions]))
  const partitions: PartitionDescription[] = []
  for (const { topic, partition, offset } of positions) {
    const found = byName.get(topic)?.[partition]
    if (found === undefined || offset < found.logStartOffset || offset > found.highWatermark) return undefined
    partitions.push(found)
  }
  return { nodeId: near[0].nodeId, partitions }
}

/** The answer that says where to ask, and holds no records. */
export function sentTo({ nodeId, partitions }: NearerReplica, { topics }: FetchRequest): FetchResponse {
  let next = 0
  return {
    topics: topics.map(({ name, topicId, partitions: asked }) => ({
      name,
      topicId,
      partitions: asked.map(({ index }) => {
        const { highWatermark, logStartOffset } = partitions[next++]
        return {
          index,
          errorCode: 0,
          highWatermark,
          lastStableOffset: highWatermark,
          logStartOffset,
          preferredReadReplica: nodeId,
          records: noRecords,
        }
      }),
    })),
  }
}
