/** Makes the topics of a replica those of its leader. */

import { isDeepStrictEqual } from 'node:util'
import type { MessageStore } from '../../storage/message-store.js'
import type { CatalogTopic } from '../contract.js'

/** All of it is durable when this resolves. @throws what the store refuses */
export async function takeOverTopics(store: MessageStore, catalog: readonly CatalogTopic[]): Promise<void> {
  const wanted = new Map(catalog.map((topic) => [topic.name, topic]))
  for (const { name, id } of store.topics()) {
    // Another topic that has the name by now shares nothing with it.
    if (wanted.get(name)?.id.equals(id) !== true) await store.deleteTopic(name)
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
