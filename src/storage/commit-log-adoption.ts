/**
 * Topics that lie in the commit log's directory though no catalog names them, or with more queues than it says: RocketMQ
 * has been there. Its own machinery, and names that no topic can have here, are left alone.
 */

import type { Logger } from '../core/logger.js'
import { type Randomness, randomUuid } from '../core/randomness.js'
import { isTopicName, type Topic } from './topic-catalog.js'

/** RocketMQ's own (TopicValidator), which mean something to its broker alone. */
const systemTopics: ReadonlySet<string> = new Set([
  'TBW102',
  'SCHEDULE_TOPIC_XXXX',
  'RMQ_SYS_TRANS_HALF_TOPIC',
  'RMQ_SYS_TRANS_OP_HALF_TOPIC',
  'RMQ_SYS_TRACE_TOPIC',
  'TRANS_CHECK_MAX_TIME_TOPIC',
  'SELF_TEST_TOPIC',
  'OFFSET_MOVED_EVENT',
  'BenchmarkTest',
  'CHECKPOINT_TOPIC',
])
const systemPrefix = /^rmq_sys_/i

/** Names of topics in what is logged. */
const namesShown = 10

export interface FoundTopic {
  readonly topic: string
  readonly queues: readonly number[]
}

export interface Adoption {
  /** How many queues RocketMQ's `topics.json` gives a topic; undefined where it does not name it. */
  queuesInConfig(topic: string): number | undefined
  /** Where the messages of a topic of that name begin that is not the deleted one; 0 where none was deleted. */
  deletedUpTo(topic: string): number
  known(topic: string): Topic | undefined
  readonly randomness: Randomness
  readonly logger: Logger
}

/** Whether what RocketMQ calls so can be a topic here. */
export function mayBeTopic(name: string): boolean {
  return isTopicName(name) && !systemTopics.has(name) && !systemPrefix.test(name)
}

/** The rows that the catalog needs for what was found, new and changed ones. */
export function adoptedTopics(found: readonly FoundTopic[], adoption: Adoption): Topic[] {
  const { known, logger, randomness, deletedUpTo, queuesInConfig } = adoption
  const adopted: Topic[] = []
  const leftAlone: string[] = []
  for (const { topic: name, queues } of found) {
    const topic = known(name)
    const isForeign = topic === undefined && !mayBeTopic(name)
    if (isForeign || (topic !== undefined && topic.layout !== 'commitlog')) {
      leftAlone.push(name)
      continue
    }
    const greatest = queues.reduce((most, queueId) => Math.max(most, queueId), -1)
    const partitions = Math.max(topic?.partitions ?? 1, greatest + 1, queuesInConfig(name) ?? 0)
    if (topic?.deleting || partitions === topic?.partitions) continue
    if (topic === undefined) {
      const since = deletedUpTo(name)
      adopted.push({ name, id: randomUuid(randomness), partitions, config: {}, layout: 'commitlog', since })
    } else adopted.push({ ...topic, partitions })
  }
  if (leftAlone.length > 0) {
    const fields = { topics: leftAlone.length, first: leftAlone.slice(0, namesShown) }
    logger.info(
      fields,
      'Left topics of the commit log alone that are those of RocketMQ itself or cannot be topics here.',
    )
  }
  return adopted
}
