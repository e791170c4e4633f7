/**
 * Questions about partitions: each goes to the leader of its partition, those for one leader together, and the answers
 * come back in the order of the questions. Where a leader turns out to be another one, or is gone, the cluster is asked
 * again who it is, and the question goes there.
 */

import type { TopicPartition } from '../../broker/contract.js'
import { HoldfastError } from '../../core/errors.js'
import type { WirePool } from '../wire-pool.js'
import type { Cluster } from './cluster.js'
import { isConnectionFailure, isStaleLeader } from './staleness.js'

export interface Answer extends TopicPartition {
  readonly error?: HoldfastError
}

/** A question, and the epoch of the leader that it goes to; -1 where that is not known. */
export interface Routed<I> {
  readonly item: I
  readonly leaderEpoch: number
}

export interface LeaderQuestion<I extends TopicPartition, A extends Answer> {
  readonly items: readonly I[]
  /** Asks one leader; the answers come in the order of `routed`. */
  readonly ask: (wire: WirePool, routed: readonly Routed<I>[]) => Promise<readonly A[]>
  /** The answer where a leader cannot be asked. */
  readonly refuse: (item: I, error: HoldfastError) => A
}

/** What one leader is asked. */
export interface Share<I> {
  readonly wire: WirePool
  readonly routed: Routed<I>[]
  /** Where the answers go. */
  readonly places: number[]
}

/** One answer for each item, in order. @throws what a whole request is refused with */
export async function askLeaders<I extends TopicPartition, A extends Answer>(
  cluster: Cluster,
  { items, ask, refuse }: LeaderQuestion<I, A>,
): Promise<A[]> {
  const answers: A[] = []
  const patience = cluster.patience()
  let open = items.map((_, place) => place)
  for (;;) {
    const { shares, leaderless } = await shareOut(cluster, items, open)
    for (const place of leaderless) answers[place] = refuse(items[place], noLeader(items[place]))
    await Promise.all(
      shares.map(async ({ wire, routed, places }) => {
        const found = await ask(wire, routed).catch((error: unknown) => {
          if (!isConnectionFailure(error)) throw error
          return routed.map(({ item }) => refuse(item, error))
        })
        for (const [index, place] of places.entries()) answers[place] = found[index]
      }),
    )
    open = open.filter((place) => isOutdated(cluster, answers[place]))
    if (open.length === 0) return answers
    const topics = [...new Set(open.map((place) => items[place].topic))]
    const isElsewhere = await renew(
      cluster,
      topics,
      open.map((place) => items[place]),
    )
    if (patience.isOver && !isElsewhere) return answers
    await patience.pause()
  }
}

/** Whether somebody else is to be asked. A partition that the cluster lists may be unknown to its leader for a moment. */
export function isOutdated(cluster: Cluster, answer: Answer | undefined): boolean {
  if (answer?.error === undefined) return false
  const { topic, partition, error } = answer
  if (error.code === 'UNKNOWN_TOPIC_OR_PARTITION') return cluster.leaders.of(topic, partition) !== undefined
  return isStaleLeader(error)
}

/** Asks the cluster again who leads these topics; whether another broker leads one of the places since. */
export async function renew(
  cluster: Cluster,
  topics: readonly string[],
  places: readonly TopicPartition[],
): Promise<boolean> {
  const before = places.map(({ topic, partition }) => cluster.leaders.of(topic, partition))
  try {
    await cluster.refresh(topics)
  } catch (error) {
    if (!isConnectionFailure(error)) throw error
    return false
  }
  const isElsewhere = places.some(({ topic, partition }, index) => {
    const now = cluster.leaders.of(topic, partition)
    return now?.nodeId !== before[index]?.nodeId || now?.epoch !== before[index]?.epoch
  })
  if (!isElsewhere) cluster.turnToAnother()
  return isElsewhere
}

/** By the leaders that are known, after asking for those that are not. */
export async function shareOut<I extends TopicPartition>(
  cluster: Cluster,
  items: readonly I[],
  open: readonly number[],
): Promise<{ shares: readonly Share<I>[]; leaderless: readonly number[] }> {
  const unheard = open.filter((place) => cluster.leaders.of(items[place].topic, items[place].partition) === undefined)
  if (unheard.length > 0) await cluster.refresh([...new Set(unheard.map((place) => items[place].topic))])
  const shares = new Map<WirePool, Share<I>>()
  const leaderless: number[] = []
  for (const place of open) {
    const known = cluster.knownLeaderOf(items[place])
    if (known === undefined) {
      leaderless.push(place)
      continue
    }
    const { wire, leader } = known
    let share = shares.get(wire)
    if (share === undefined) {
      share = { wire, routed: [], places: [] }
      shares.set(wire, share)
    }
    share.routed.push({ item: items[place], leaderEpoch: leader.epoch })
    share.places.push(place)
  }
  return { shares: [...shares.values()], leaderless }
}

export function noLeader({ topic, partition }: TopicPartition): HoldfastError {
  return new HoldfastError('LEADER_NOT_AVAILABLE', `Nobody leads ${topic}-${partition} at the moment.`)
}
