/** Which topics are taken over from a commit log that RocketMQ has written to. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandomness } from '../../src/core/randomness.js'
import { adoptedTopics, type FoundTopic } from '../../src/storage/commit-log-adoption.js'
import type { Topic } from '../../src/storage/topic-catalog.js'
import { recordingLogger } from './support.js'

const id = Buffer.alloc(16, 1)
const known: readonly Topic[] = [
  { name: 'ours', id, partitions: 4, config: { 'max.message.bytes': '5000' }, layout: 'commitlog', since: 77 },
  { name: 'segments', id, partitions: 1, config: {} },
  { name: 'dying', id, partitions: 1, config: {}, layout: 'commitlog', deleting: true },
]

function adopted(found: readonly FoundTopic[], inConfig: Readonly<Record<string, number>> = {}) {
  const logger = recordingLogger()
  const topics = adoptedTopics(found, {
    queuesInConfig: (topic) => inConfig[topic],
    deletedUpTo: (topic) => (topic === 'again' ? 500 : 0),
    known: (topic) => known.find(({ name }) => name === topic),
    randomness: systemRandomness,
    logger,
  })
  return { topics, logger }
}

test('a topic has as many partitions as it has queues on the disk, or in the configuration of RocketMQ', () => {
  const { topics } = adopted(
    [
      { topic: 'one', queues: [0] },
      { topic: 'holes', queues: [5, 2] },
      { topic: 'more', queues: [0, 1] },
      { topic: 'again', queues: [0] },
    ],
    { more: 8, holes: 4, absent: 3 },
  )
  assert.deepEqual(
    topics.map(({ name, partitions, layout, since, config }) => [name, partitions, layout, since, config]),
    [
      ['one', 1, 'commitlog', 0, {}],
      ['holes', 6, 'commitlog', 0, {}],
      ['more', 8, 'commitlog', 0, {}],
      // Its name was another topic's, whose messages lie in the log as well.
      ['again', 1, 'commitlog', 500, {}],
    ],
  )
  assert.equal(new Set(topics.map((topic) => topic.id.toString('hex'))).size, 4)
})

test('a topic of ours that has got more queues grows, and is otherwise what it was', () => {
  const { topics } = adopted([{ topic: 'ours', queues: [0, 1, 2, 3, 4] }])
  assert.deepEqual(topics, [{ ...known[0], partitions: 5 }])
  assert.deepEqual(adopted([{ topic: 'ours', queues: [1] }], { ours: 3 }).topics, [])
  assert.deepEqual(adopted([{ topic: 'ours', queues: [] }], { ours: 6 }).topics[0]?.partitions, 6)
})

test('what cannot be a topic here, or is one of segments, or being deleted, is left alone; that is told once', () => {
  const names = ['%RETRY%group', '%DLQ%group', 'SCHEDULE_TOPIC_XXXX', 'RMQ_SYS_TRANS_HALF_TOPIC', 'rmq_sys_x', 'TBW102']
  const { topics, logger } = adopted([...names, 'segments', 'dying'].map((topic) => ({ topic, queues: [0, 1] })))
  assert.deepEqual(topics, [])
  assert.equal(logger.said.length, 1)
  assert.deepEqual(logger.said[0].fields, { topics: 7, first: [...names, 'segments'] })
  assert.equal(adopted([{ topic: 'one', queues: [0] }]).logger.said.length, 0)
})
