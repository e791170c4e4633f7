/** What groups have committed for a topic goes when the topic does, or its next one of the name would begin there. */

import type { Logger } from '../../core/logger.js'
import type { Group } from './group.js'
import type { GroupStore } from './group-store.js'

/**
 * Deletes what a group has committed for a topic. Where the topic `isGone` already, that is not seen any more from now
 * on, whether the deletion can be written or not.
 * @throws COORDINATOR_NOT_AVAILABLE where it could not be written; it can be tried again
 */
export async function forgetOffsets(group: Group, store: GroupStore, topic: string, isGone: boolean): Promise<void> {
  const pending = [...(group.pendingOffsets.partitions.get(topic) ?? [])].map((partition) => ({ topic, partition }))
  const partitions = [...group.offsets.partitions(topic), ...pending]
  if (partitions.length === 0) return
  if (isGone) drop(group, topic)
  try {
    await store.deleteOffsets(group, partitions)
    // The topic goes for good: were they to come back with the loss of power, they would hold for the next one of its name.
    await store.makeDurable(group)
  } finally {
    // Also what was on its way before.
    if (isGone) drop(group, topic)
  }
}

function drop({ offsets, pendingOffsets }: Group, topic: string): void {
  offsets.drop(topic)
  pendingOffsets.drop(topic)
}

/**
 * Right after loading: offsets of topics that went without them, since a write failed or the process ended between the
 * two. Where their deletion cannot be written now, the next start finds them again.
 */
export function forgetOffsetsOfMissingTopics(
  groups: Iterable<Group>,
  store: GroupStore,
  exists: (topic: string) => boolean,
  logger: Logger,
  onForgotten: (group: Group) => void,
): void {
  for (const group of groups) {
    const pending = group.pendingOffsets.partitions.keys()
    const topics = new Set([...group.offsets.partitions().map(({ topic }) => topic), ...pending])
    for (const topic of topics) {
      if (exists(topic)) continue
      logger.info({ group: group.groupId, topic }, 'offsets of a topic that does not exist are dropped')
      forgetOffsets(group, store, topic, true)
        .catch((err: unknown) =>
          logger.warn({ group: group.groupId, topic, err }, 'these offsets could not be deleted'),
        )
        .finally(() => onForgotten(group))
    }
  }
}
