/** Offsets that a group has committed elsewhere, for topics that have come here since. */

import { requireAlive } from './committing.js'
import type { OffsetToCommit } from './contract.js'
import type { Group } from './group.js'
import type { GroupStore } from './group-store.js'

/** In one batch, some 150 bytes each: far below the largest batch that the settings allow by default. */
const offsetsPerBatch = 500

/**
 * Commits those for whose partition the group has none, or an older one, whoever its members are; how many, once they are
 * durable.
 * @throws COORDINATOR_NOT_AVAILABLE
 */
export async function takeOver(
  group: Group,
  store: GroupStore,
  offsets: readonly OffsetToCommit[],
  now: number,
): Promise<number> {
  requireAlive(group)
  const newer = offsets.filter(({ topic, partition, offset }) => {
    const known = group.offsets.get(topic, partition)
    return known === undefined || known.offset < offset
  })
  for (let from = 0; from < newer.length; from += offsetsPerBatch) {
    const some = newer.slice(from, from + offsetsPerBatch)
    await store.commit(
      group,
      some.map((offset) => ({ ...offset, commitTimestamp: now })),
    )
  }
  return newer.length
}
