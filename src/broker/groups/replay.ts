/**
 * Brings the groups back from `__consumer_offsets`: record after record, the last one of a key wins, a null value
 * deletes. Offsets that a transaction committed count when its marker says so, and as of the place they were written.
 */

import { HoldfastError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import type { RecordBatch } from '../../records/batch.js'
import { readRecords } from '../../records/reader.js'
import type { StoredRecord } from '../../records/record.js'
import { Group } from './group.js'
import { Member } from './member.js'
import { decodeGroupValue, decodeKey, decodeOffsetValue, type OffsetsKey, type OffsetValue } from './offsets-format.js'
import type { OffsetsLog } from './offsets-log.js'

type OffsetKey = Extract<OffsetsKey, { kind: 'offset' }>

interface Write {
  readonly key: OffsetKey
  /** Undefined where it is a tombstone. */
  readonly value: OffsetValue | undefined
  readonly logOffset: number
}

/** Of a control record's key, after its version: https://kafka.apache.org/documentation/#controlbatch */
const commitMarker = 1

/**
 * All groups of all partitions.
 * @throws INVALID_RECORD, CORRUPT_MESSAGE where a record cannot be understood, and what reading the log throws
 */
export async function replayGroups(log: OffsetsLog, logger: Logger, now: number): Promise<Map<string, Group>> {
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
  readonly #unfinished = new Map<number, Write[]>()
  readonly #unknownVersions = new Set<number>()

  constructor(logger: Logger, now: number) {
    this.#logger = logger
    this.#now = now
  }

  apply(batch: RecordBatch): void {
    const records = readRecords(batch)
    if (batch.isControl) {
      this.#endTransaction(batch.producerId, records[0])
      return
    }
    for (const record of records) this.#applyRecord(record, batch.isTransactional ? batch.producerId : undefined)
  }

  /** Transactions do not span partitions of this topic in the eyes of a reader. */
  endOfPartition(): void {
    this.#unfinished.clear()
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
      const value = record.value === null ? undefined : decodeOffsetValue(record.value)
      const write = { key, value, logOffset: record.offset }
      if (producerId === undefined) this.#commit(write)
      else this.#transaction(producerId).push(write)
    } else if (key.kind === 'group') {
      if (record.value === null) this.#metadata.delete(key.groupId)
      else this.#metadata.set(key.groupId, Buffer.from(record.value))
    } else if (!this.#unknownVersions.has(key.version)) {
      this.#unknownVersions.add(key.version)
      this.#logger.warn({ version: key.version }, 'records of __consumer_offsets with this key version are passed over')
    }
  }

  #endTransaction(producerId: number, marker: StoredRecord | undefined): void {
    const writes = this.#unfinished.get(producerId) ?? []
    this.#unfinished.delete(producerId)
    const isCommit = marker?.key != null && marker.key.length >= 4 && marker.key.readInt16BE(2) === commitMarker
    if (isCommit) for (const write of writes) this.#commit(write)
  }

  #commit({ key: { groupId, topic, partition }, value, logOffset }: Write): void {
    const { offsets } = this.#group(groupId)
    offsets.begin(topic, partition)
    offsets.settle(topic, partition, logOffset, value === undefined ? undefined : { topic, partition, ...value })
  }

  #transaction(producerId: number): Write[] {
    let writes = this.#unfinished.get(producerId)
    if (writes === undefined) {
      writes = []
      this.#unfinished.set(producerId, writes)
    }
    return writes
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
