/**
 * The offsets of one group. What is shown is what was acknowledged; among the writes of one partition the one that lies
 * later in the log wins, whatever order the acknowledgements come in.
 */

import { invariant } from '../../core/invariant.js'
import type { CommittedOffset } from './contract.js'

interface Slot {
  readonly topic: string
  readonly partition: number
  committed: CommittedOffset | undefined
  /** Where the write that made `committed` what it is lies in `__consumer_offsets`. */
  logOffset: number
  /** Writes that were appended and are not settled yet. */
  inFlight: number
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export class CommittedOffsets {
  readonly #slots = new Map<string, Map<number, Slot>>()

  /** No offset is committed and none is on its way. */
  get isEmpty(): boolean {
    return this.#slots.size === 0
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.#slots.get(topic)?.get(partition)?.committed
  }

  /** All committed offsets. */
  all(): CommittedOffset[] {
    const found: CommittedOffset[] = []
    for (const partitions of this.#slots.values()) {
      for (const slot of partitions.values()) if (slot.committed !== undefined) found.push(slot.committed)
    }
    return found
  }

  /** The partitions that have an offset or are about to get one, of one topic or of all. */
  partitions(topic?: string): TopicPartition[] {
    const topics = topic === undefined ? [...this.#slots.values()] : [this.#slots.get(topic) ?? new Map<number, Slot>()]
    return topics.flatMap((partitions) =>
      [...partitions.values()].map((slot) => ({ topic: slot.topic, partition: slot.partition })),
    )
  }

  /** A write of this partition was appended; {@link settle} or {@link abandon} must follow. */
  begin(topic: string, partition: number): void {
    this.#slot(topic, partition).inFlight++
  }

  /** The write at `logOffset` is durable: the offset it commits, or undefined where it is a tombstone. */
  settle(topic: string, partition: number, logOffset: number, committed: CommittedOffset | undefined): void {
    this.#finish(topic, partition, (slot) => {
      if (logOffset < slot.logOffset) return
      slot.committed = committed
      slot.logOffset = logOffset
    })
  }

  /** The write failed. */
  abandon(topic: string, partition: number): void {
    this.#finish(topic, partition, () => {})
  }

  /** Puts in an offset that was read back from the log. */
  restore(committed: CommittedOffset, logOffset: number): void {
    this.begin(committed.topic, committed.partition)
    this.settle(committed.topic, committed.partition, logOffset, committed)
  }

  /** What is committed for a topic is not seen any more; writes that are on their way go on. */
  drop(topic: string): void {
    for (const { partition } of this.partitions(topic)) {
      this.begin(topic, partition)
      this.#finish(topic, partition, (slot) => {
        slot.committed = undefined
      })
    }
  }

  #finish(topic: string, partition: number, change: (slot: Slot) => void): void {
    const slot = this.#slot(topic, partition)
    invariant(slot.inFlight > 0, `a write of the offset of ${topic}-${partition} is settled once`)
    change(slot)
    slot.inFlight--
    // An empty slot stays while writes are on their way: it remembers which tombstone they lie before.
    if (slot.inFlight > 0 || slot.committed !== undefined) return
    const partitions = this.#slots.get(topic)
    partitions?.delete(partition)
    if (partitions?.size === 0) this.#slots.delete(topic)
  }

  #slot(topic: string, partition: number): Slot {
    let partitions = this.#slots.get(topic)
    if (partitions === undefined) {
      partitions = new Map()
      this.#slots.set(topic, partitions)
    }
    let slot = partitions.get(partition)
    if (slot === undefined) {
      slot = { topic, partition, committed: undefined, logOffset: -1, inFlight: 0 }
      partitions.set(partition, slot)
    }
    return slot
  }
}
