/**
 * How the leader of a group shares the partitions out. The same results as Kafka's RangeAssignor and
 * RoundRobinAssignor, so that it does not matter whose client leads.
 *
 * Source: RangeAssignor.java, RoundRobinAssignor.java, AbstractPartitionAssignor.java (MemberInfo.compareTo).
 */

import type { PartitionsByTopic } from './consumer-protocol.js'

export interface Subscriber {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly topics: readonly string[]
}

/** Partitions by topic, for each member id. Members that get nothing are there too. */
export type Assignments = ReadonlyMap<string, PartitionsByTopic>

export type Assignor = (subscribers: readonly Subscriber[], partitionCounts: ReadonlyMap<string, number>) => Assignments

export type AssignorName = 'range' | 'roundrobin'

/** kafkajs calls its only assignor by this name; it is Kafka's round robin for members that read the same topics. */
export const kafkajsRoundRobin = 'RoundRobinAssigner'

export const assignors: ReadonlyMap<string, Assignor> = new Map<string, Assignor>([
  ['range', assignRange],
  ['roundrobin', assignRoundRobin],
  [kafkajsRoundRobin, assignRoundRobin],
])

/** Each topic for itself: runs of neighbouring partitions, the first members one longer where it does not come out even. */
function assignRange(subscribers: readonly Subscriber[], partitionCounts: ReadonlyMap<string, number>): Assignments {
  const sorted = [...subscribers].sort(compareMembers)
  const assignments = emptyAssignments(sorted)
  for (const topic of topicsOf(sorted)) {
    const count = partitionCounts.get(topic) ?? 0
    const members = sorted.filter(({ topics }) => topics.includes(topic))
    const each = Math.floor(count / members.length)
    const longer = count % members.length
    let next = 0
    for (const [index, { memberId }] of members.entries()) {
      const length = each + (index < longer ? 1 : 0)
      if (length === 0) break
      const first = next
      assignments.get(memberId)?.set(
        topic,
        Array.from({ length }, (_, offset) => first + offset),
      )
      next += length
    }
  }
  return assignments
}

/** All partitions of all topics dealt out one by one, past members that do not read the topic. */
function assignRoundRobin(
  subscribers: readonly Subscriber[],
  partitionCounts: ReadonlyMap<string, number>,
): Assignments {
  const sorted = [...subscribers].sort(compareMembers)
  const assignments = emptyAssignments(sorted)
  let turn = 0
  for (const topic of topicsOf(sorted)) {
    const count = partitionCounts.get(topic) ?? 0
    for (let partition = 0; partition < count; partition++) {
      while (!sorted[turn % sorted.length].topics.includes(topic)) turn++
      const given = assignments.get(sorted[turn++ % sorted.length].memberId)
      const partitions = given?.get(topic)
      if (partitions === undefined) given?.set(topic, [partition])
      else partitions.push(partition)
    }
  }
  return assignments
}

/** Static members first, by their instance id, so that they keep their place however often they come back. */
function compareMembers(one: Subscriber, other: Subscriber): number {
  if (one.groupInstanceId !== null && other.groupInstanceId !== null) {
    return compareText(one.groupInstanceId, other.groupInstanceId)
  }
  if (one.groupInstanceId !== null) return -1
  if (other.groupInstanceId !== null) return 1
  return compareText(one.memberId, other.memberId)
}

/** By UTF-16 code units, as Java compares. */
function compareText(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}

function topicsOf(subscribers: readonly Subscriber[]): string[] {
  return [...new Set(subscribers.flatMap(({ topics }) => topics))].sort(compareText)
}

function emptyAssignments(subscribers: readonly Subscriber[]): Map<string, Map<string, number[]>> {
  return new Map(subscribers.map(({ memberId }) => [memberId, new Map<string, number[]>()]))
}
