/** What belongs to one partition: the batch that gathers, those that are full, and how many are on their way. */

import type { Timer } from '../core/clock.js'
import { BatchBuilder } from '../records/builder.js'
import type { TopicCompression } from './compressing.js'
import { BatchWaiters } from './waiters.js'

/** A batch in the making, and who waits for it. */
export class Batch {
  readonly builder: BatchBuilder
  readonly waiters = new BatchWaiters()
  /** One of those who wait does so for stable storage, and the others with it. */
  isDurable = false
  /** It has gathered for as long as it should, and goes when its turn comes. */
  isRipe = false

  constructor(buffer: Buffer | undefined) {
    this.builder = new BatchBuilder({}, buffer)
  }
}

export interface PartitionEvents {
  /** A batch takes no more messages. */
  readonly onClosed: (partition: number) => void
  readonly onRefused: (error: unknown) => void
  /** Sends what may go now. */
  readonly drain: (queue: PartitionQueue) => void
}

export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  /** The largest batch that the topic accepts. */
  maxBatchBytes: number
  /** That of the topic, shared by its queues. */
  readonly compression: TopicCompression
  readonly onClosed: (partition: number) => void
  readonly onRefused: (error: unknown) => void
  /** Bound to this queue once, so that scheduling it makes no closure. */
  readonly drain: () => void
  gathering: Batch | undefined
  readonly full: Batch[] = []
  inFlight = 0
  /** Whether {@link drain} is under way, in a microtask. */
  scheduled = false
  /** Ends the lingering of the batch that gathers. */
  lingering: Timer | undefined
  /** What batches come to of late: the next one is given room for as much from the start. */
  usualBytes = 0

  constructor(
    place: { topic: string; partition: number; maxBatchBytes: number; compression: TopicCompression },
    events: PartitionEvents,
  ) {
    this.topic = place.topic
    this.partition = place.partition
    this.maxBatchBytes = place.maxBatchBytes
    this.compression = place.compression
    this.onClosed = events.onClosed
    this.onRefused = events.onRefused
    this.drain = () => events.drain(this)
  }

  /** Takes the batch that gathers; what comes from here on is for another one. */
  close(): Batch | undefined {
    const batch = this.gathering
    this.gathering = undefined
    this.lingering?.cancel()
    this.lingering = undefined
    if (batch !== undefined) this.onClosed(this.partition)
    return batch
  }
}
