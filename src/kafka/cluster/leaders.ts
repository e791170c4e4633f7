/** Who leads which partition, as far as it was heard, and since which epoch. */

import type { metadata, ResponseOf } from '../schemas/index.js'

type TopicMetadata = ResponseOf<typeof metadata>['topics'][number]

export interface Leader {
  /** -1 while there is none. */
  readonly nodeId: number
  /** -1 where the cluster does not tell. */
  readonly epoch: number
}

interface KnownTopic {
  readonly id: string
  readonly leaders: Map<number, Leader>
}

export class Leaders {
  readonly #topics = new Map<string, KnownTopic>()

  /** Undefined where the topic or the partition was not heard of. */
  of(topic: string, partition: number): Leader | undefined {
    return this.#topics.get(topic)?.leaders.get(partition)
  }

  /** What a broker says of a topic. One that has fallen behind does not take back a later epoch that another told. */
  learn({ name, topicId, errorCode, partitions }: TopicMetadata): void {
    if (name === null) return
    if (errorCode !== 0) {
      this.#topics.delete(name)
      return
    }
    const id = topicId.toString('hex')
    const before = this.#topics.get(name)
    const leaders = new Map<number, Leader>()
    for (const { index, leaderId, leaderEpoch } of partitions) {
      const known = before?.id === id ? before.leaders.get(index) : undefined
      const isOlder = known !== undefined && leaderEpoch >= 0 && leaderEpoch < known.epoch
      leaders.set(index, isOlder ? known : { nodeId: leaderId, epoch: leaderEpoch })
    }
    this.#topics.set(name, { id, leaders })
  }
}
