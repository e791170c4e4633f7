/** The queues of a store by topic and id, each with what all its messages have in common. */

import { type PreparedQueue, prepareQueue } from './prepared-queue.js'
import type { QueueLog } from './queue-log.js'

export interface MessageIdentity {
  /** As `hostBytes` gives it. */
  readonly storeHost: Buffer
  /** Name of the header that is the id of a message. */
  readonly idHeader: string
}

export class QueueRegistry {
  readonly #identity: MessageIdentity
  readonly #topics = new Map<string, Map<number, QueueLog>>()
  readonly #prepared = new Map<QueueLog, PreparedQueue>()

  constructor(identity: MessageIdentity) {
    this.#identity = identity
  }

  get topics(): string[] {
    return [...this.#topics.keys()]
  }

  *all(): Iterable<QueueLog> {
    for (const queues of this.#topics.values()) yield* queues.values()
  }

  of(topic: string): ReadonlyMap<number, QueueLog> {
    return this.#topics.get(topic) ?? new Map<number, QueueLog>()
  }

  get(topic: string, queueId: number): QueueLog | undefined {
    return this.#topics.get(topic)?.get(queueId)
  }

  add(queue: QueueLog): QueueLog {
    const queues = this.#topics.get(queue.topic) ?? new Map<number, QueueLog>()
    this.#topics.set(queue.topic, queues.set(queue.partition, queue))
    return queue
  }

  /** Forgets the queues of a topic from `fromQueue` on, and returns them. */
  remove(topic: string, fromQueue: number): QueueLog[] {
    const queues = this.#topics.get(topic)
    const removed = [...(queues?.values() ?? [])].filter(({ partition }) => partition >= fromQueue)
    for (const queue of removed) {
      queues?.delete(queue.partition)
      this.#prepared.delete(queue)
    }
    if (queues?.size === 0) this.#topics.delete(topic)
    return removed
  }

  /** @throws INVALID_TOPIC_EXCEPTION where the topic is longer than a message can say */
  prepared(queue: QueueLog): PreparedQueue {
    let prepared = this.#prepared.get(queue)
    if (prepared === undefined) {
      prepared = prepareQueue({ topic: queue.topic, queueId: queue.partition, ...this.#identity })
      this.#prepared.set(queue, prepared)
    }
    return prepared
  }
}
