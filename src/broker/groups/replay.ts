/**
 * Brings the groups back from `__consumer_offsets`: record after record, the last one of a key wins, a null value
 * deletes. Offsets that a transaction committed count when its marker says so, and as of the place they were written; those
 * of one that is still open stay pending.
 */

import { HoldfastError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import type { RecordBatch } from '../../records/batch.js'
import { endMarkerOf } from '../../records/end-marker.js'
import { readRecords } from '../../records/reader.js'
import type { StoredRecord } from '../../records/record.js'
import { Group } from './group.js'
import { Member } from './member.js'
import { decodeGroupValue, decodeKey, decodeOffsetValue, type OffsetsKey } from './offsets-format.js'
import { CommittingProducers } from './pending-offsets.js'

/** The log of the groups as it is read back: the broker's own, or one that lies in files. */
export interface StoredOffsetsLog {
  readonly partitionCount: number
  batches(partition: number): AsyncIterable<readonly RecordBatch[]>
}

type OffsetKey = Extract<OffsetsKey, { kind: 'offset' }>

/**
 * All groups of all partitions.
 * @throws INVALID_RECORD, CORRUPT_MESSAGE where a record cannot be understood, and what reading the log throws
 */
export async function replayGroups(log: StoredOffsetsLog, logger: Logger, now: number): Promise<Map<string, Group>> {
  const replay = new Replay(logger, now)
  for (let partition = 0; partition < log.partitionCount; partition++) {
    for await (const batches of log.batches(partition)) {
      for (const batch of batches) replay.apply(batch)
    }
    replay.endOfPartition()
  }
  return replay.groups()
}

class Replay {
  readonly #logger: Logger
  readonly #now: number
  /** Metadata is only decoded once it is known to be the last. */
  readonly #metadata = new Map<string, Buffer>()
  readonly #groups = new Map<string, Group>()
  #committing = new CommittingProducers()
  readonly #unknownVersions = new Set<number>()

  constructor(logger: Logger, now: number) {
    this.#logger = logger
    this.#now = now
  }

  apply(batch: RecordBatch): void {
    if (batch.isControl) {
      this.#endTransaction(batch)
      return
    }
    for (const record of readRecords(batch))
      this.#applyRecord(record, batch.isTransactional ? batch.producerId : undefined)
  }

  /** Transactions do not span partitions of this topic in the eyes of a reader. */
  endOfPartition(): void {
    this.#committing = new CommittingProducers()
  }

  groups(): Map<string, Group> {
    for (const [groupId, metadata] of this.#metadata) restoreMembers(this.#group(groupId), metadata)
    for (const [groupId, group] of this.#groups) {
      if (group.isUnused && !this.#metadata.has(groupId)) this.#groups.delete(groupId)
    }
    return this.#groups
  }

  #applyRecord(record: StoredRecord, producerId: number | undefined): void {
    if (record.key === null) {
      throw new HoldfastError(
        'INVALID_RECORD',
        `The record at offset ${record.offset} of __consumer_offsets has no key.`,
      )
    }
    const key = decodeKey(record.key)
    if (key.kind === 'offset') {
      this.#applyOffset(key, record, producerId)
    } else if (key.kind === 'group') {
      if (record.value === null) this.#metadata.delete(key.groupId)
      else this.#metadata.set(key.groupId, Buffer.from(record.value))
    } else if (!this.#unknownVersions.has(key.version)) {
      this.#unknownVersions.add(key.version)
      this.#logger.warn({ version: key.version }, 'records of __consumer_offsets with this key version are passed over')
    }
  }

  #applyOffset({ groupId, topic, partition }: OffsetKey, record: StoredRecord, producerId: number | undefined): void {
    const group = this.#group(groupId)
    const { value, offset: logOffset } = record
    const committed = value === null ? undefined : { topic, partition, ...decodeOffsetValue(value) }
    if (producerId !== undefined) {
      group.pendingOffsets.add(producerId, [{ topic, partition, logOffset, committed }])
      this.#committing.add(producerId, group)
      return
    }
    if (committed === undefined) group.pendingOffsets.forget(topic, partition, logOffset)
    group.offsets.begin(topic, partition)
    group.offsets.settle(topic, partition, logOffset, committed)
  }

  #endTransaction(batch: RecordBatch): void {
    const marker = endMarkerOf(batch)
    if (marker === undefined) return
    const { producerId, lastOffset } = batch
    for (const { pendingOffsets, offsets } of this.#committing.take(producerId, () => true)) {
      pendingOffsets.end(producerId, lastOffset, marker.outcome === 'COMMIT', offsets)
    }
  }

  #group(groupId: string): Group {
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      group = new Group(groupId, this.#now)
      this.#groups.set(groupId, group)
    }
    return group
  }
}

function restoreMembers(group: Group, metadata: Buffer): void {
  const stored = decodeGroupValue(metadata)
  group.generationId = stored.generationId
  group.protocolType = stored.protocolType
  group.protocolName = stored.protocolName ?? ''
  for (const each of stored.members) {
    const { clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, subscription } = each
    // Only the protocol that was chosen is stored; the member tells the others when it joins again.
    const protocols = [{ name: group.protocolName, metadata: subscription }]
    const restored = { clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols }
    const member = new Member(each.memberId, each.groupInstanceId, restored)
    member.assignment = each.assignment
    group.add(member)
  }
  if (stored.leaderId !== null && group.member(stored.leaderId) !== undefined) group.leaderId = stored.leaderId
  group.restore(group.size === 0 ? 'Empty' : 'Stable', stored.stateTimestamp)
}
