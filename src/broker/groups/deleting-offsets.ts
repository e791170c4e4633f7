/**
 * Deletes committed offsets of a group (OffsetDelete, KIP-496), but for those of topics that a member reads. A group without members reads none; members of another protocol than the consumers' do not tell what they read.
 */

import { HoldfastError } from '../../core/errors.js'
import { placeKey } from '../../core/place-key.js'
import type { TopicPartition } from './committed-offsets.js'
import { requireAlive } from './committing.js'
import type { Group } from './group.js'
import type { GroupStore } from './group-store.js'
import { consumerProtocolType, subscribedTopics } from './subscription.js'

/**
 * Deletes what the group has committed for these places; for each of them why it was not, or undefined.
 * @throws NON_EMPTY_GROUP; COORDINATOR_NOT_AVAILABLE also where it could not be written
 */
export async function deleteOffsets(
  group: Group,
  store: GroupStore,
  places: readonly TopicPartition[],
): Promise<readonly (HoldfastError | undefined)[]> {
  const read = topicsRead(group)
  const refused = places.map(({ topic }) =>
    // A subscription that makes no sense to us may name any topic.
    read.some((topics) => topics?.has(topic) ?? true)
      ? new HoldfastError('GROUP_SUBSCRIBED_TO_TOPIC', `Members of group ${group.groupId} read ${topic}.`)
      : undefined,
  )
  const committed = new Set(group.offsets.partitions().map(placeKey))
  const deletable = places.filter((place, i) => refused[i] === undefined && committed.has(placeKey(place)))
  if (deletable.length > 0) await store.deleteOffsets(group, deletable)
  return refused
}

function topicsRead(group: Group): readonly (ReadonlySet<string> | undefined)[] {
  requireAlive(group)
  const members = [...group.members]
  if (members.length > 0 && group.protocolType !== consumerProtocolType) {
    throw new HoldfastError('NON_EMPTY_GROUP', `Group ${group.groupId} has members, and does not tell what they read.`)
  }
  return members.flatMap(({ subscription }) => subscription.protocols.map(({ metadata }) => subscribedTopics(metadata)))
}
