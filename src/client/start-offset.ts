/** From "where to begin" to an offset in each partition. */

import type { BrokerService, Isolation, OffsetQuery, TopicPartition } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import { placeKey } from '../core/place-key.js'
import { refuse } from './arguments.js'
import { shown } from './message.js'

/**
 * Where to begin: at the first message that is kept, behind the last, at an offset, or at the first message of that
 * time (milliseconds since 1970, or a Date) or later.
 */
export type StartPosition = 'earliest' | 'latest' | { readonly offset: number } | { readonly time: number | Date }

/** @throws INVALID_ARGUMENT */
export function checkStart(call: string, from: unknown): void {
  if (from === undefined || from === 'earliest' || from === 'latest') return
  if (typeof from === 'object' && from !== null) {
    if ('offset' in from && Number.isSafeInteger(from.offset) && Number(from.offset) >= 0) return
    if ('time' in from && Number.isSafeInteger(Number(from.time)) && from.time !== null) return
  }
  refuse(`${call}: from is ${shown(from)}; it must be 'earliest', 'latest', { offset } or { time }.`)
}

/** The offsets to begin at, in the order of `places`. */
export async function startOffsets(
  service: BrokerService,
  places: readonly TopicPartition[],
  from: StartPosition,
  isolation: Isolation,
): Promise<number[]> {
  if (typeof from === 'object' && 'offset' in from) return places.map(() => from.offset)
  const query = typeof from === 'object' ? Number(from.time) : from
  const offsets = await askOffsets(service, places, query, isolation)
  if (!offsets.includes(-1)) return offsets
  // Nothing is that late yet: what comes next is.
  const latest = await askOffsets(service, places, 'latest', isolation)
  return offsets.map((offset, index) => (offset === -1 ? latest[index] : offset))
}

/** The answer for each place, in order; -1 where nothing fits. Throws the first error. */
export async function askOffsets(
  service: BrokerService,
  places: readonly TopicPartition[],
  query: OffsetQuery,
  isolation: Isolation,
): Promise<number[]> {
  if (places.length === 0) return []
  const lookups = places.map(({ topic, partition }) => ({ topic, partition, query, currentLeaderEpoch: -1 }))
  const answers = await service.findOffsets(lookups, isolation)
  const found = new Map(answers.map((each) => [placeKey(each), each]))
  return places.map(({ topic, partition }) => {
    const answer = found.get(placeKey({ topic, partition }))
    if (answer?.error !== undefined) throw answer.error
    if (answer !== undefined) return answer.offset
    throw new HoldfastError('UNKNOWN_SERVER_ERROR', `The broker gave no offset for ${topic}-${partition}.`)
  })
}
