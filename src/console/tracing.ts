/**
 * The trail of one message: found by key, id or offset, where it lies to the byte, who wrote it, when and by which flush it
 * became durable, and which groups have read past it.
 */

import type { BrokerService } from '../broker/contract.js'
import { readRun } from '../client/bounded-read.js'
import { findMessages } from '../client/finding.js'
import type { Message } from '../client/queue.js'
import { HoldfastError } from '../core/errors.js'
import type { RecordBatch } from '../records/batch.js'
import type { PartitionLog } from '../storage/partition-log.js'
import type { StoredLogs } from '../storage/stored-logs.js'
import type { Trail } from './api-types.js'
import type { FlushTrail } from './flush-trail.js'
import { commitLogName, logName } from './log-names.js'
import { invalid } from './refusals.js'
import { browsed } from './shown-messages.js'

export interface TraceTarget {
  readonly topic: string
  /** With `offset`; may be left out where the topic has one partition. */
  readonly partition?: number
  readonly offset?: number
  readonly key?: string
  readonly id?: string
}

export interface TracedBroker extends BrokerService {
  readonly stored: StoredLogs
}

const mostGroups = 500

/**
 * @param flushes what is remembered of flushes; nothing where the log was opened just now
 * @throws INVALID_ARGUMENT, UNKNOWN_TOPIC_OR_PARTITION, OFFSET_OUT_OF_RANGE where there is no such message, KEY_INDEX_OFF
 */
export async function traceMessage(broker: TracedBroker, target: TraceTarget, flushes: FlushTrail): Promise<Trail> {
  const message = await messageOf(broker, target)
  const { topic, partition, offset } = message
  const [log, place] = [broker.stored.log(topic, partition), await broker.stored.placeOf(topic, partition, offset)]
  if (log === undefined || place === undefined) throw gone(target)
  const { batch } = place
  const name = place.layout === 'commitlog' ? commitLogName : logName(topic, partition)
  const flush = flushes.covering(name, place.endPosition ?? offset + 1)
  return {
    topic,
    partition,
    offset,
    message: browsed(message),
    place: {
      layout: place.layout,
      file: place.path,
      position: place.position,
      sizeInBytes: place.sizeInBytes,
      batch: batchOf(batch),
    },
    messageId: (await broker.messageIdOf?.({ topic, partition, offset })) ?? null,
    durable: log.durableOffset > offset,
    flush:
      flush === undefined ? null : { timeMs: flush.timeMs, durationMs: flush.durationMs, messages: flush.messages },
    committedState: stateOf(log, batch, offset),
    groups: await groupsPast(broker, message),
    replicas: 0,
    removableAtMs: place.removableAtMs,
  }
}

async function messageOf(broker: TracedBroker, target: TraceTarget): Promise<Message> {
  const { topic, partition, offset, key, id } = target
  if ([offset, key, id].filter((given) => given !== undefined).length !== 1) {
    throw invalid('Say which message: by offset, by key or by id, one of them.')
  }
  const message =
    offset !== undefined ? await messageAt(broker, topic, partition, offset) : await newestOf(broker, target)
  if (message === undefined) throw gone(target)
  return message
}

/** Whatever became of its transaction; undefined where the partition holds no such offset. */
async function messageAt(
  broker: TracedBroker,
  topic: string,
  partition: number | undefined,
  offset: number,
): Promise<Message | undefined> {
  const bounds = { limit: 1, maxBytes: 1, endOffset: offset + 1, isolation: 'uncommitted' } as const
  try {
    const { messages } = await readRun(broker, { topic, partition, from: { offset }, ...bounds })
    return messages.find((message) => message.offset === offset)
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'OFFSET_OUT_OF_RANGE') return undefined
    throw error
  }
}

async function newestOf(
  broker: TracedBroker,
  { topic, partition, key, id }: TraceTarget,
): Promise<Message | undefined> {
  const wanted = key === undefined ? { id: id as string } : { key }
  const [newest] = await findMessages(broker, topic, wanted, { partition, limit: 1 })
  return newest
}

function gone({ topic, partition, offset, key, id }: TraceTarget): HoldfastError {
  const what =
    offset !== undefined
      ? `offset ${offset}`
      : key !== undefined
        ? `key ${JSON.stringify(key)}`
        : `id ${JSON.stringify(id)}`
  const where = partition === undefined ? topic : `${topic}-${partition}`
  return new HoldfastError('OFFSET_OUT_OF_RANGE', `${where} holds no message with ${what}, or none any more.`)
}

function batchOf(batch: RecordBatch): Trail['place']['batch'] {
  return {
    baseOffset: batch.baseOffset,
    lastOffset: batch.lastOffset,
    codec: batch.codec,
    producerId: batch.hasProducerId ? batch.producerId : null,
    producerEpoch: batch.hasProducerId ? batch.producerEpoch : null,
    transactional: batch.isTransactional,
  }
}

function stateOf(log: PartitionLog, batch: RecordBatch, offset: number): Trail['committedState'] {
  if (!batch.isTransactional) return 'committed'
  if (offset >= log.lastStableOffset) return 'open'
  const aborted = log.abortedTransactions(offset, offset + 1)
  return aborted.some(({ producerId }) => producerId === batch.producerId) ? 'aborted' : 'committed'
}

async function groupsPast(broker: BrokerService, { topic, partition, offset }: Message): Promise<Trail['groups']> {
  const groups: { id: string; committed: number; hasPassed: boolean }[] = []
  for (const { groupId } of (await broker.listGroups()).slice(0, mostGroups)) {
    const [found] = await broker.fetchOffsets(groupId, [{ topic, partition }])
    if (found !== undefined && found.offset >= 0) {
      groups.push({ id: groupId, committed: found.offset, hasPassed: found.offset > offset })
    }
  }
  return groups
}
