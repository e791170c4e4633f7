/** What of a group is durable: turns its metadata and offsets into records and waits until the log has them. */

import type { TransactionMarker } from '../../storage/partition-log.js'
import type { ProducerIdentity } from '../contract.js'
import type { InternalRecord } from '../internal-log.js'
import type { CommittedOffsets, TopicPartition } from './committed-offsets.js'
import type { CommittedOffset } from './contract.js'
import type { Group } from './group.js'
import {
  encodeGroupKey,
  encodeGroupValue,
  encodeOffsetKey,
  encodeOffsetValue,
  type StoredGroup,
} from './offsets-format.js'
import type { OffsetsLog } from './offsets-log.js'

/** Tombstones in one batch, some 100 bytes each: far below the largest batch that any setting allows. */
const tombstonesPerBatch = 500

export class GroupStore {
  readonly #log: OffsetsLog
  readonly #onOffsetsChanged: (groupId: string) => void

  constructor(log: OffsetsLog, onOffsetsChanged: (groupId: string) => void) {
    this.#log = log
    this.#onOffsetsChanged = onOffsetsChanged
  }

  /** Writes the group as it is now, with these assignments. Appends before it returns its promise. */
  async saveGroup(group: Group, assignments: ReadonlyMap<string, Buffer>): Promise<void> {
    const value = encodeGroupValue(storedForm(group, assignments))
    await this.#log.append(group.groupId, [{ key: encodeGroupKey(group.groupId), value }])
  }

  /** Commits offsets: visible in the group once they are durable. Appends before it returns its promise. */
  async commit(group: Group, offsets: readonly CommittedOffset[]): Promise<void> {
    const records = offsets.map((offset) => offsetRecord(group, offset))
    const baseOffset = await this.#appendForOffsets(group, offsets, records)
    offsets.forEach((offset, i) => {
      group.offsets.settle(offset.topic, offset.partition, baseOffset + i, offset)
    })
    this.#onOffsetsChanged(group.groupId)
  }

  /**
   * Commits offsets in the name of a producer whose transaction is open: pending from now on, and visible when that is
   * committed. Appends before it returns its promise.
   */
  async commitPending(group: Group, offsets: readonly CommittedOffset[], producer: ProducerIdentity): Promise<void> {
    const { producerId } = producer
    const records = offsets.map((offset) => offsetRecord(group, offset))
    const { baseOffset, acknowledged } = this.#log.appendNow(group.groupId, records, {
      ...producer,
      isTransactional: true,
    })
    const pending = offsets.map((committed, i) => {
      const { topic, partition } = committed
      return { topic, partition, committed, logOffset: baseOffset + i }
    })
    group.pendingOffsets.add(producerId, pending)
    try {
      await acknowledged
    } catch (error) {
      group.pendingOffsets.abandon(producerId, pending)
      throw error
    }
  }

  /** Writes the marker that ends a transaction into a partition; where it lies, once it is durable. */
  async endTransaction(partition: number, marker: TransactionMarker): Promise<number> {
    const { baseOffset, acknowledged } = this.#log.log(partition).endTransaction(marker)
    await this.#log.track(acknowledged, `${partition}`)
    return baseOffset
  }

  /** Deletes offsets, whether visible or on their way, in order. */
  async deleteOffsets(group: Group, partitions: readonly TopicPartition[]): Promise<void> {
    for (let from = 0; from < partitions.length; from += tombstonesPerBatch) {
      const some = partitions.slice(from, from + tombstonesPerBatch)
      const records = some.map(({ topic, partition }) => ({
        key: encodeOffsetKey(group.groupId, topic, partition),
        value: null,
      }))
      const baseOffset = await this.#appendForOffsets(group, some, records)
      some.forEach(({ topic, partition }, i) => {
        group.pendingOffsets.forget(topic, partition, baseOffset + i)
        group.offsets.settle(topic, partition, baseOffset + i, undefined)
      })
      this.#onOffsetsChanged(group.groupId)
    }
  }

  /** Resolves when all that was written of the group is on the disk, whatever the flush policy. */
  makeDurable({ groupId }: Group): Promise<void> {
    return this.#log.track(this.#log.log(this.#log.partitionOf(groupId)).flush(), groupId)
  }

  /** Deletes the group's metadata and all its offsets. The group must be kept from changing meanwhile. */
  async deleteGroup(group: Group): Promise<void> {
    await this.deleteOffsets(group, group.offsets.partitions())
    await this.#log.append(group.groupId, [{ key: encodeGroupKey(group.groupId), value: null }])
  }

  async #appendForOffsets(
    group: Group,
    partitions: readonly TopicPartition[],
    records: readonly InternalRecord[],
  ): Promise<number> {
    const { offsets }: { offsets: CommittedOffsets } = group
    for (const { topic, partition } of partitions) offsets.begin(topic, partition)
    try {
      return await this.#log.append(group.groupId, records)
    } catch (error) {
      for (const { topic, partition } of partitions) offsets.abandon(topic, partition)
      throw error
    }
  }
}

function offsetRecord({ groupId }: Group, offset: CommittedOffset): InternalRecord {
  return { key: encodeOffsetKey(groupId, offset.topic, offset.partition), value: encodeOffsetValue(offset) }
}

function storedForm(group: Group, assignments: ReadonlyMap<string, Buffer>): StoredGroup {
  return {
    protocolType: group.protocolType,
    generationId: group.generationId,
    protocolName: group.protocolName === '' ? null : group.protocolName,
    leaderId: group.leaderId === '' ? null : group.leaderId,
    stateTimestamp: group.stateTimestamp,
    members: [...group.members].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.subscription.clientId,
      clientHost: member.subscription.clientHost,
      rebalanceTimeoutMs: member.subscription.rebalanceTimeoutMs,
      sessionTimeoutMs: member.subscription.sessionTimeoutMs,
      subscription: member.metadata(group.protocolName),
      assignment: assignments.get(member.memberId) ?? member.assignment,
    })),
  }
}
