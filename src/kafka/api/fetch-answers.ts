/** What the answers to fetches of readers and of replicas have in common. */

import type { FetchedPartition } from '../../broker/contract.js'
import { HoldfastError } from '../../core/errors.js'
import { uuidText } from '../../core/randomness.js'
import type { FetchResponse } from '../schemas/index.js'
import type { Call } from './handler.js'
import { storageAwareCode } from './refusals.js'

export type PartitionAnswer = FetchResponse['topics'][number]['partitions'][number]

/** The longest that a request waits. */
export const maxFetchWaitMs = 60_000

export const noRecords: readonly Buffer[] = []

/** One name for each topic of a request, undefined for an id that no topic has. */
export function namesOf(
  topics: readonly { readonly name: string; readonly topicId: Buffer }[],
  { broker, version }: Call,
): readonly (string | undefined)[] {
  return topics.map((topic) => (version < 13 ? topic.name : broker.topicName(topic.topicId)))
}

export function unknownTopicId(id: Uint8Array): HoldfastError {
  return new HoldfastError('UNKNOWN_TOPIC_ID', `There is no topic of the id ${uuidText(id)}.`)
}

export function partitionAnswer(partition: FetchedPartition, version: number): PartitionAnswer {
  const { highWatermark, lastStableOffset, logStartOffset, records, aborted } = partition
  return {
    index: partition.partition,
    errorCode: partition.error === undefined ? 0 : storageAwareCode(partition.error, version >= 6),
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions: aborted ?? null,
    records,
  }
}

export function failedPartition(index: number, error: unknown, version: number): PartitionAnswer {
  return { index, errorCode: storageAwareCode(error, version >= 6), highWatermark: -1, records: noRecords }
}
