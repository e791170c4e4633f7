/** What another broker is to know of our groups: the records of `__consumer_offsets` that say where each is. */

import { HoldfastError } from '../../core/errors.js'
import { silentLogger } from '../../core/logger.js'
import type { GroupRecord } from '../../storage/export/contract.js'
import type { Group } from './group.js'
import { encodeGroupKey, encodeGroupValue, encodeOffsetKey, encodeOffsetValue } from './offsets-format.js'
import { replayGroups, type StoredOffsetsLog } from './replay.js'

/**
 * The groups that have committed an offset of one of these topics. Each is empty there, as nobody has joined it yet; it
 * entered that state now, so that its offsets do not expire before its members had time to come.
 * @throws EXPORT_REFUSED where a transaction that has committed offsets is open
 */
export async function carryGroups(
  log: StoredOffsetsLog,
  topics: ReadonlySet<string>,
  nowMs: number,
): Promise<readonly { groupId: string; records: readonly GroupRecord[] }[]> {
  const groups = await replayGroups(log, silentLogger, nowMs)
  return [...groups.values()].flatMap((group) => {
    const offsets = group.offsets.all().filter(({ topic }) => topics.has(topic))
    if ([...group.pendingOffsets.partitions.keys()].some((topic) => topics.has(topic))) refuseOpen(group)
    if (offsets.length === 0) return []
    const records: GroupRecord[] = offsets.map(({ topic, partition, ...value }) => ({
      key: encodeOffsetKey(group.groupId, topic, partition),
      // The leader epochs of here mean nothing there.
      value: encodeOffsetValue({ ...value, leaderEpoch: -1 }),
    }))
    // One that only ever committed, without members, has no more to say.
    if (group.protocolType !== '') records.push(metadataOf(group, nowMs))
    return { groupId: group.groupId, records }
  })
}

function metadataOf({ groupId, protocolType, generationId }: Group, stateTimestamp: number): GroupRecord {
  const empty = { protocolType, generationId, protocolName: null, leaderId: null, stateTimestamp, members: [] }
  return { key: encodeGroupKey(groupId), value: encodeGroupValue(empty) }
}

function refuseOpen({ groupId }: Group): never {
  throw new HoldfastError(
    'EXPORT_REFUSED',
    `Nothing was exported: a transaction that has committed offsets of group ${groupId} is open. Serve the data directory until it has ended, at the latest when its timeout is over.`,
  )
}
