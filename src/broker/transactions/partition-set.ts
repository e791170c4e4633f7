/** Which partitions a transaction has written to: never changed, so that a state can be stored while the next is made. */

import type { TopicPartition } from '../contract.js'

export interface PartitionSet {
  readonly topics: ReadonlyMap<string, ReadonlySet<number>>
}

export const noPartitions: PartitionSet = { topics: new Map() }

export function partitionSetOf(places: Iterable<TopicPartition>): PartitionSet {
  return withPartitions(noPartitions, places)
}

export function hasPartition({ topics }: PartitionSet, topic: string, partition: number): boolean {
  return topics.get(topic)?.has(partition) === true
}

export function placesOf({ topics }: PartitionSet): TopicPartition[] {
  return [...topics].flatMap(([topic, partitions]) => [...partitions].map((partition) => ({ topic, partition })))
}

/** The set with these too; the same where they are all in it. */
export function withPartitions(set: PartitionSet, places: Iterable<TopicPartition>): PartitionSet {
  const added = new Map<string, Set<number>>()
  for (const { topic, partition } of places) {
    if (hasPartition(set, topic, partition)) continue
    const ofTopic = added.get(topic) ?? new Set(set.topics.get(topic))
    added.set(topic, ofTopic.add(partition))
  }
  return added.size === 0 ? set : { topics: new Map([...set.topics, ...added]) }
}
