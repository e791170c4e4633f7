/**
 * Offsets that transactions which are still open have committed for a group. They hold when the transaction's COMMIT
 * marker lies behind them in the log, as of the place where they lie themselves; with an ABORT they are gone.
 */

import type { CommittedOffsets, TopicPartition } from './committed-offsets.js'
import type { CommittedOffset } from './contract.js'
import type { Group } from './group.js'

export interface PendingOffset extends TopicPartition {
  /** Where it lies in `__consumer_offsets`. */
  readonly logOffset: number
  /** Undefined where it is a tombstone. */
  readonly committed: CommittedOffset | undefined
}

export class PendingOffsets {
  /** In the order in which they lie in the log. */
  readonly #byProducer = new Map<number, PendingOffset[]>()

  get isEmpty(): boolean {
    return this.#byProducer.size === 0
  }

  get producerIds(): Iterable<number> {
    return this.#byProducer.keys()
  }

  /** The partitions that have one, by topic. */
  get partitions(): ReadonlyMap<string, ReadonlySet<number>> {
    const found = new Map<string, Set<number>>()
    for (const { topic, partition } of [...this.#byProducer.values()].flat()) {
      const ofTopic = found.get(topic) ?? new Set()
      found.set(topic, ofTopic.add(partition))
    }
    return found
  }

  add(producerId: number, pending: readonly PendingOffset[]): void {
    const before = this.#byProducer.get(producerId)
    if (before === undefined) this.#byProducer.set(producerId, [...pending])
    else for (const each of pending) before.push(each)
  }

  /** They did not get into the log. */
  abandon(producerId: number, pending: readonly PendingOffset[]): void {
    const gone = new Set(pending)
    this.#keep(producerId, (each) => !gone.has(each))
  }

  /** A tombstone of this partition lies at `logOffset`: what lies before it will not hold any more. */
  forget(topic: string, partition: number, logOffset: number): void {
    const isForgotten = (each: PendingOffset): boolean =>
      each.topic === topic && each.partition === partition && each.logOffset < logOffset
    for (const producerId of [...this.#byProducer.keys()]) this.#keep(producerId, (each) => !isForgotten(each))
  }

  /** The topic is gone. */
  drop(topic: string): void {
    for (const producerId of [...this.#byProducer.keys()]) this.#keep(producerId, (each) => each.topic !== topic)
  }

  /** The transaction ended with a marker at `markerOffset`: what lies before it holds, or not. */
  end(producerId: number, markerOffset: number, commit: boolean, into: CommittedOffsets): void {
    const ended = (this.#byProducer.get(producerId) ?? []).filter(({ logOffset }) => logOffset < markerOffset)
    this.#keep(producerId, ({ logOffset }) => logOffset > markerOffset)
    if (!commit) return
    for (const { topic, partition, logOffset, committed } of ended) {
      into.begin(topic, partition)
      into.settle(topic, partition, logOffset, committed)
    }
  }

  #keep(producerId: number, isKept: (pending: PendingOffset) => boolean): void {
    const kept = (this.#byProducer.get(producerId) ?? []).filter(isKept)
    if (kept.length === 0) this.#byProducer.delete(producerId)
    else this.#byProducer.set(producerId, kept)
  }
}

/** Which groups the open transactions have committed for, so that a marker need not look through all groups. */
export class CommittingProducers {
  readonly #groups = new Map<number, Set<Group>>()

  add(producerId: number, group: Group): void {
    const groups = this.#groups.get(producerId) ?? new Set()
    this.#groups.set(producerId, groups.add(group))
  }

  /** The producer's groups that a marker concerns, which are not its groups any more. */
  take(producerId: number, isConcerned: (group: Group) => boolean): readonly Group[] {
    const groups = this.#groups.get(producerId) ?? new Set()
    const taken = [...groups].filter(isConcerned)
    for (const group of taken) groups.delete(group)
    if (groups.size === 0) this.#groups.delete(producerId)
    return taken
  }
}
