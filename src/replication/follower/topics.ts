/** Makes the topics of a replica those of its leader. */

import { isDeepStrictEqual } from 'node:util'
import type { MessageStore } from '../../storage/message-store.js'
import type { CatalogTopic } from '../contract.js'

/** All of it is durable when this resolves. @throws what the store refuses */
export async function takeOverTopics(store: MessageStore, catalog: readonly CatalogTopic[]): Promise<void> {
  const wanted = new Map(catalog.map((topic) => [topic.name, topic]))
  for (const { name, id, partitions } of store.topics()) {
    const there = wanted.get(name)
    // Another topic that has the name by now shares nothing with it. And one that grew here, under a leader whom nobody
    // followed any more, is copied anew: a partition alone does not go, and what it holds would be there when it comes.
    const isSame = there?.id.equals(id) === true && partitions <= there.partitions
    if (!isSame) await store.deleteTopic(name)
  }
  for (const topic of catalog) await takeOver(store, topic)
}

async function takeOver(store: MessageStore, topic: CatalogTopic): Promise<void> {
  const { name, id, partitions, config, largestBatchBytes } = topic
  const present = store.topic(name)
  if (present === undefined) {
    const copyOf = { id, ...(largestBatchBytes > 0 && { largestBatchBytes }) }
    await store.createTopic({ name, partitions, config, copyOf })
    return
  }
  if (present.partitions < partitions) await store.addPartitions(name, partitions)
  if (!isDeepStrictEqual({ ...present.config }, { ...config })) await store.alterTopic(name, () => config)
}
