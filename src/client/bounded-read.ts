/** Reads a bounded run of messages of one partition and comes back, without waiting for more. */

import type { BrokerService, Isolation } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import { batchesIn } from '../records/batch.js'
import { prepareCodec } from '../records/compression/index.js'
import { readRecords } from '../records/reader.js'
import { tagsOf } from '../records/tags-and-keys.js'
import type { TagFilter } from '../storage/partition-log.js'
import { AbortedFilter } from './aborted-filter.js'
import { refuse } from './arguments.js'
import { idHeaderOf, Message } from './message.js'
import { type StartPosition, startOffsets } from './start-offset.js'
import { describeTopic } from './topics.js'

export interface BoundedRead {
  readonly topic: string
  readonly partition: number | undefined
  readonly from: StartPosition
  readonly limit: number
  readonly isolation: Isolation
  /** Only messages with these tags; all where absent. */
  readonly tags?: TagFilter
  /** No batch more is opened once so many bytes of messages were found. */
  readonly maxBytes?: number
  /** Nothing from here on is read. */
  readonly endOffset?: number
  readonly signal?: AbortSignal
}

export interface MessageRun {
  readonly messages: readonly Message[]
  /** Where a reader goes on: all before it was looked at. */
  readonly nextOffset: number
}

/** What a message is taken to need; where that is too little, another fetch follows. */
const guessedMessageBytes = 1024
const leastFetchBytes = 16 * 1024
const mostFetchBytes = 1024 * 1024

/** @throws UNKNOWN_TOPIC_OR_PARTITION, OFFSET_OUT_OF_RANGE, LOG_DAMAGED, or the signal's reason */
export async function readBounded(service: BrokerService, read: BoundedRead): Promise<Message[]> {
  return [...(await readRun(service, read)).messages]
}

/** As {@link readBounded}, and tells where to go on. */
export async function readRun(service: BrokerService, read: BoundedRead): Promise<MessageRun> {
  const { topic, from, limit, isolation, tags, signal, maxBytes = Number.POSITIVE_INFINITY } = read
  const { endOffset = Number.POSITIVE_INFINITY } = read
  signal?.throwIfAborted()
  const partition = read.partition ?? (await onlyPartition(service, topic))
  const [start] = await startOffsets(service, [{ topic, partition }], from, isolation)
  const messages: Message[] = []
  const fetchBytes = Math.min(mostFetchBytes, maxBytes, Math.max(leastFetchBytes, limit * guessedMessageBytes))
  const idHeader = idHeaderOf(service)
  let offset = start
  let bytesFound = 0
  while (messages.length < limit && offset < endOffset) {
    signal?.throwIfAborted()
    const position = { topic, partition, offset, maxBytes: fetchBytes, currentLeaderEpoch: -1 }
    const bounds = { maxBytes: fetchBytes, minBytes: 0, maxWaitMs: 0 }
    const [answer] = await service.fetch({ positions: [position], ...bounds, isolation, tags })
    if (answer.error !== undefined) throw answer.error
    const before = offset
    const filter = new AbortedFilter(answer.aborted ?? [])
    for (const bytes of answer.records) {
      for (const batch of batchesIn(bytes)) {
        if (!batch.crcMatches()) {
          throw new HoldfastError(
            'CORRUPT_MESSAGE',
            `The batch at offset ${batch.baseOffset} of ${topic}-${partition} fails its CRC.`,
          )
        }
        offset = batch.nextOffset
        if (filter.isAborted(batch) || batch.isControl) continue
        await prepareCodec(batch.codec)
        for (const record of readRecords(batch)) {
          if (record.offset < start) continue
          if (record.offset >= endOffset || messages.length >= limit || bytesFound >= maxBytes) {
            return { messages, nextOffset: record.offset }
          }
          if (tags !== undefined && !tags.matches(tagsOf(record.headers))) continue
          messages.push(new Message(topic, partition, record, idHeader))
          bytesFound += (record.key?.length ?? 0) + (record.value?.length ?? 0)
        }
        if (messages.length >= limit || bytesFound >= maxBytes) return { messages, nextOffset: offset }
      }
    }
    offset = Math.max(offset, answer.nextOffset ?? 0)
    if (offset === before) break
  }
  return { messages, nextOffset: offset }
}

async function onlyPartition(service: BrokerService, topic: string): Promise<number> {
  const { partitions } = await describeTopic(service, topic, false)
  if (partitions.length === 1) return partitions[0].partition
  return refuse(`read: topic ${topic} has ${partitions.length} partitions; say which one with { partition }.`)
}
