/** Where a group stands in partitions that a member has just been given. */

import type { BrokerService, TopicPartition } from '../broker/contract.js'
import type { CommittedOffset } from '../broker/groups/contract.js'
import type { Clock } from '../core/clock.js'
import { pause } from '../core/pause.js'

const pauseMs = 100

/**
 * The committed offsets of those places that have one. Where a transaction that is still open has an offset, it is waited
 * for: who began before it would work again on what that transaction has worked on. Undefined where the answer is not
 * `wanted` any more.
 */
export async function committedOffsets(
  service: BrokerService,
  clock: Clock,
  groupId: string,
  places: readonly TopicPartition[],
  wanted: () => boolean,
): Promise<readonly CommittedOffset[] | undefined> {
  for (;;) {
    const found = await service.fetchOffsets(groupId, places, { requireStable: true })
    if (!wanted()) return undefined
    const refusal = found.find(({ error }) => error !== undefined)?.error
    if (refusal === undefined) return found
    if (refusal.code !== 'UNSTABLE_OFFSET_COMMIT') throw refusal
    await pause(clock, pauseMs)
  }
}
