/** Finds messages by key or id in the partitions of a topic, through what each of them has for that. */

import { HoldfastError } from '../core/errors.js'
import type { StoredRecord } from '../records/record.js'
import type { Search } from '../storage/message-finder.js'
import type { MessageStore } from '../storage/message-store.js'
import type { FindRequest, FoundMessage } from './contract.js'
import { unknownTopic } from './topics.js'

/**
 * Each partition gives its messages the newest first; of the next ones of all partitions the one with the greatest
 * timestamp comes first.
 * @throws UNKNOWN_TOPIC_OR_PARTITION, KEY_INDEX_OFF, INVALID_REQUEST; what reading the logs throws
 */
export async function findMessages(store: MessageStore, request: FindRequest): Promise<readonly FoundMessage[]> {
  const { topic } = request
  const search = searchOf(request)
  const found = await Promise.all(
    partitionsOf(store, request).map(async (partition) => {
      const finder = store.finder(topic, partition)
      if (finder === undefined) {
        throw new HoldfastError(
          'KEY_INDEX_OFF',
          `Topic ${topic} keeps no key index: "holdfast topics alter ${topic} --config key.index.enable=true" lets it have one.`,
        )
      }
      return { partition, records: await finder.find(search) }
    }),
  )
  return newest(topic, found, search.limit)
}

function partitionsOf(store: MessageStore, { topic: name, partition }: FindRequest): number[] {
  const topic = store.topic(name)
  if (topic === undefined) throw unknownTopic(name)
  // Where a key lies is the sender's choice: another client, or another number of partitions, may have chosen otherwise.
  if (partition === undefined) return Array.from({ length: topic.partitions }, (_, index) => index)
  if (store.log(name, partition) !== undefined) return [partition]
  throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', `Topic ${name} has no partition ${partition}.`)
}

function searchOf(request: FindRequest): Search {
  const { key, id, limit } = request
  const bytes = key ?? id
  if (bytes === undefined || (key !== undefined && id !== undefined)) {
    throw new HoldfastError('INVALID_REQUEST', 'A search is for a key or for an id, for one of them.')
  }
  return {
    kind: key === undefined ? 'id' : 'key',
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    minOffset: request.minOffset ?? 0,
    endOffset: request.endOffset ?? Number.MAX_SAFE_INTEGER,
    minTimestamp: request.minTimestamp ?? Number.NEGATIVE_INFINITY,
    endTimestamp: request.endTimestamp ?? Number.POSITIVE_INFINITY,
    limit,
  }
}

function newest(
  topic: string,
  found: readonly { readonly partition: number; readonly records: StoredRecord[] }[],
  limit: number,
): FoundMessage[] {
  const taken = found.map(() => 0)
  const messages: FoundMessage[] = []
  while (messages.length < limit) {
    let newestAt = -1
    for (const [at, { records }] of found.entries()) {
      const head = records[taken[at]]
      if (head === undefined) continue
      const best = newestAt < 0 ? undefined : found[newestAt].records[taken[newestAt]]
      if (best === undefined || head.timestamp > best.timestamp) newestAt = at
    }
    if (newestAt < 0) break
    const { partition, records } = found[newestAt]
    messages.push({ topic, partition, record: records[taken[newestAt]++] })
  }
  return messages
}
