/** The copies of one fetch session: which logs the leader knows of, and where each goes on to be fetched. */

import type { TopicPartition } from '../../broker/contract.js'
import { placeKey } from '../../core/place-key.js'
import type { HeldBackLog } from '../../storage/log/held-back-log.js'
import type { MessageStore } from '../../storage/message-store.js'
import type { ReplicaPosition } from '../contract.js'
import { logsOf } from '../logs.js'

export interface Copy extends TopicPartition {
  readonly log: HeldBackLog
  /** What lies below was fetched; it may not be on the disk yet. */
  next: number
}

export class Copies {
  readonly #store: MessageStore
  readonly #known = new Map<string, Copy>()
  /** That go on elsewhere than the leader was told. */
  readonly #moved = new Set<Copy>()
  readonly #forgotten: TopicPartition[] = []
  /** There may be logs that the leader does not know. */
  #mayBeNew = true

  constructor(store: MessageStore) {
    this.#store = store
  }

  /** The topics are others than before. */
  noteTopics(): void {
    this.#mayBeNew = true
    for (const [key, copy] of this.#known) {
      if (this.#isThere(copy)) continue
      // The offsets of a topic that had the name before mean nothing in this one.
      this.#forgotten.push({ topic: copy.topic, partition: copy.partition })
      this.#moved.delete(copy)
      this.#known.delete(key)
    }
  }

  /** The copy of a log that is fetched; undefined where its topic is gone, or another has its name by now. */
  of(place: TopicPartition): Copy | undefined {
    const copy = this.#known.get(placeKey(place))
    return copy !== undefined && this.#isThere(copy) ? copy : undefined
  }

  /** Its topic may be gone here: the next report says so. */
  isFollowed(copy: Copy): boolean {
    return this.of(copy) === copy
  }

  moveTo(copy: Copy, next: number): void {
    copy.next = next
    this.#moved.add(copy)
  }

  /** The leader does not know it, and is told of it anew, unless it is gone here too. */
  lose(copy: Copy): void {
    this.#moved.delete(copy)
    this.#known.delete(placeKey(copy))
    this.#mayBeNew = true
  }

  /** What has changed since it was asked for the last time. */
  takeChanges(): { readonly positions: readonly ReplicaPosition[]; readonly forgotten: readonly TopicPartition[] } {
    if (this.#mayBeNew) this.#noteNew()
    const positions = [...this.#moved].map(({ topic, partition, next }) => ({ topic, partition, offset: next }))
    this.#moved.clear()
    return { positions, forgotten: this.#forgotten.splice(0) }
  }

  #noteNew(): void {
    this.#mayBeNew = false
    for (const log of logsOf(this.#store)) {
      const { topic, partition, own } = log
      const key = placeKey(log)
      if (this.#known.has(key)) continue
      const copy = { topic, partition, log, next: own.highWatermark }
      this.#known.set(key, copy)
      this.#moved.add(copy)
    }
  }

  #isThere({ topic, partition, log }: Copy): boolean {
    return this.#store.topic(topic) !== undefined && this.#store.heldBack(topic, partition) === log
  }
}
