/**
 * What a workload asked for and what it was promised, each with the place in the record of the disk at which it happened.
 * A promise holds for every power cut at that place or behind it.
 */

/** The place of what has not happened. */
export const never = Number.POSITIVE_INFINITY

/**
 * plain: everything acknowledged stays. lazy: it is acknowledged before it is on the disk. compacted: the newest message of
 * each key stays. retained: the oldest go by themselves.
 */
export type TopicKind = 'plain' | 'lazy' | 'compacted' | 'retained'

export interface TopicFacts {
  readonly name: string
  /** The same name may be given again after the topic was deleted. */
  readonly incarnation: number
  readonly kind: TopicKind
  readonly partitions: number
  readonly createBegun: number
  created: number
  deleteBegun: number
  deleted: number
}

export interface MessageFacts {
  readonly id: number
  readonly topic: string
  readonly incarnation: number
  readonly partition: number
  readonly key: string | null
  readonly sizeInBytes: number
  /** The transaction that it belongs to; -1 where there is none. */
  readonly transaction: number
  readonly begun: number
  /** -1 while nobody knows. */
  offset: number
  /** From here on it has to be there. */
  durable: number
}

export interface TransactionFacts {
  readonly index: number
  readonly transactionalId: string
  readonly begun: number
  /** The offset that it commits for the group of its transactional id; -1 where it commits none. */
  offset: number
  commitBegun: number
  committed: number
}

/** An offset that a group commits, or before which the records of a partition are deleted. */
export interface OffsetFacts {
  /** Empty for a deletion. */
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly begun: number
  done: number
}

export interface History {
  readonly topics: TopicFacts[]
  readonly messages: MessageFacts[]
  readonly transactions: TransactionFacts[]
  readonly offsets: OffsetFacts[]
}

export const emptyHistory = (): History => ({ topics: [], messages: [], transactions: [], offsets: [] })

/**
 * What was known at a place in the record: whatever had happened has the place 0, and what was under way has not happened.
 * It is also what a workload begins with that goes on after a cut at that place.
 */
export function asOf(history: History, position: number): History {
  const had = (place: number) => (place <= position ? 0 : never)
  const known = <T>(all: readonly T[], begun: (one: T) => number) => all.filter((one) => begun(one) <= position)
  return {
    topics: known(history.topics, (one) => one.createBegun).map((one) => ({
      ...one,
      createBegun: 0,
      created: had(one.created),
      deleteBegun: had(one.deleteBegun),
      deleted: had(one.deleted),
    })),
    messages: known(history.messages, (one) => one.begun).map((one) => ({
      ...one,
      begun: 0,
      durable: had(one.durable),
    })),
    transactions: known(history.transactions, (one) => one.begun).map((one) => ({
      ...one,
      begun: 0,
      commitBegun: had(one.commitBegun),
      committed: had(one.committed),
    })),
    offsets: known(history.offsets, (one) => one.begun).map((one) => ({ ...one, begun: 0, done: had(one.done) })),
  }
}

/** What a message says: who it is, and bytes that tell it from all others. */
export function contentOf({ topic, incarnation, id, sizeInBytes }: MessageFacts): string {
  return `${topic}#${incarnation}/${id}/`.padEnd(sizeInBytes, `${id.toString(36)}.`)
}

/** The number of the message with that value; undefined where it is none of ours. */
export function idIn(value: string): number | undefined {
  const id = /^[^/]+\/(\d+)\//.exec(value)?.[1]
  return id === undefined ? undefined : Number(id)
}
