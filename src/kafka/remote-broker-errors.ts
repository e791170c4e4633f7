/** What the parts of the remote broker have in common: error numbers into errors, lists into topics. */

import type { TopicPartition } from '../broker/contract.js'
import type { OffsetToCommit } from '../broker/groups/contract.js'
import { errorFromKafkaCode, HoldfastError } from '../core/errors.js'
import { isStaleCoordinator } from './cluster/staleness.js'

/** REQUEST_TIMED_OUT. */
export const requestTimedOut = 7

/** Kafka's numbers that have no row of their own here, or mean another thing than it, and what they come to for a caller. */
const otherNumbers: ReadonlyMap<number, readonly [HoldfastError['code'], string]> = new Map([
  [requestTimedOut, ['CONNECTION_FAILED', 'The broker did not finish in the time that the request gave it.']],
])

/** undefined for 0. */
export function errorOf(errorCode: number, message?: string | null): HoldfastError | undefined {
  const other = otherNumbers.get(errorCode)
  if (other !== undefined) return new HoldfastError(other[0], message ?? other[1])
  return errorFromKafkaCode(errorCode, message ?? undefined)
}

export function throwIfRefused(errorCode: number, message?: string | null): void {
  const error = errorOf(errorCode, message)
  if (error !== undefined) throw error
}

export interface OfTopic<T> {
  readonly topic: string
  readonly items: readonly T[]
}

/** The items topic by topic, as requests carry them. */
export function groupedByTopic<T extends { readonly topic: string }>(items: readonly T[]): OfTopic<T>[] {
  const byTopic = new Map<string, T[]>()
  for (const item of items) {
    const ofTopic = byTopic.get(item.topic)
    if (ofTopic === undefined) byTopic.set(item.topic, [item])
    else ofTopic.push(item)
  }
  return [...byTopic].map(([topic, ofTopic]) => ({ topic, items: ofTopic }))
}

/** Offsets that are to be committed, as requests carry them. */
export function committedTopics(offsets: readonly OffsetToCommit[]) {
  return groupedByTopic(offsets).map(({ topic, items }) => ({
    name: topic,
    partitions: items.map(({ partition, offset, leaderEpoch, metadata }) => ({
      index: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      committedMetadata: metadata,
    })),
  }))
}

/** For what a broker left out of its answer: neither done nor refused. */
export function unanswered({ topic, partition }: TopicPartition): never {
  throw new HoldfastError('UNKNOWN_SERVER_ERROR', `The broker said nothing of ${topic}/${partition}.`)
}

interface AnsweredTopic {
  readonly name: string
  readonly partitions: readonly { readonly index: number; readonly errorCode: number }[]
}

/** What became of each place, in their order. */
export function outcomesOf(
  topics: readonly AnsweredTopic[],
  places: readonly TopicPartition[],
): readonly (HoldfastError | undefined)[] {
  const codes = new Map<string, number>()
  for (const { name, partitions } of topics) {
    for (const { index, errorCode } of partitions) codes.set(`${name}/${index}`, errorCode)
  }
  return places.map((place) => errorOf(codes.get(`${place.topic}/${place.partition}`) ?? unanswered(place)))
}

/** That the coordinator is another one is said of every place; it is of the whole request. */
export function throwIfElsewhere(
  outcomes: readonly (HoldfastError | undefined)[],
): readonly (HoldfastError | undefined)[] {
  const refusal = outcomes.find(isStaleCoordinator)
  if (refusal !== undefined) throw refusal
  return outcomes
}
