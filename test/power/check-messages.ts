/** Compares the messages that were found with those that were promised. */

import assert from 'node:assert/strict'
import { contentOf, type History, idIn, type MessageFacts, never, type TopicFacts } from './history.js'
import type { FoundPartition } from './reading.js'

export function checkMessages(
  history: History,
  topics: readonly TopicFacts[],
  found: readonly FoundPartition[],
): { promised: number; unpromised: number } {
  const byId = new Map(history.messages.map((message) => [message.id, message]))
  const seen = new Set<number>()
  let promised = 0
  for (const partition of found) {
    for (const { offset, value } of partition.records) {
      const id = idIn(value)
      if (id === undefined) {
        assert.equal(value, 'after/the cut', `${partition.topic} at ${offset}: bytes that nobody sent`)
        continue
      }
      const message = byId.get(id)
      const topic = topics.find(({ name }) => name === partition.topic)
      const label = `${partition.topic}-${partition.partition} at ${offset}: message ${id}`
      assert.ok(message !== undefined, `${label} was not sent`)
      assert.equal(value, contentOf(message), `${label} has other bytes`)
      assert.ok(
        message.topic === partition.topic &&
          message.partition === partition.partition &&
          message.incarnation === topic?.incarnation,
        `${label} was sent to ${message.topic}#${message.incarnation}-${message.partition}`,
      )
      assert.ok(!seen.has(id), `${label} is there twice`)
      seen.add(id)
    }
  }
  for (const topic of topics) {
    const messages = history.messages.filter(
      ({ topic: name, incarnation }) => name === topic.name && incarnation === topic.incarnation,
    )
    for (const partition of found.filter((one) => one.topic === topic.name)) {
      const wanted = messages.filter((one) => one.durable !== never && one.partition === partition.partition)
      checkStart(history, topic, partition)
      if (topic.kind === 'compacted') checkCompacted(wanted, partition)
      else checkAll(wanted, partition)
      promised += wanted.length
    }
  }
  return { promised, unpromised: Math.max(0, seen.size - promised) }
}

/** Every one lies at its offset, but for those before the start of the log. */
function checkAll(
  wanted: readonly MessageFacts[],
  { topic, partition, logStartOffset, endOffset, records }: FoundPartition,
) {
  const byOffset = new Map(records.map((record) => [record.offset, record.value]))
  for (const message of wanted) {
    const label = `${topic}-${partition}: message ${message.id}, promised at offset ${message.offset}`
    assert.ok(message.offset < endOffset, `${label}, is gone: the log ends at ${endOffset}`)
    if (message.offset < logStartOffset) continue
    const there = byOffset.get(message.offset)
    assert.ok(there !== undefined, `${label}, is gone; the log holds ${logStartOffset} to ${endOffset}`)
    assert.equal(there, contentOf(message), `${label}, where something else lies`)
  }
}

/** Of each key the newest one that was promised is there, or a newer one. */
function checkCompacted(wanted: readonly MessageFacts[], { topic, endOffset, records }: FoundPartition): void {
  const newest = new Map(records.map(({ key, offset }) => [key, offset]))
  for (const { key, offset, id } of wanted) {
    assert.ok(
      offset < endOffset,
      `${topic}: message ${id}, promised at ${offset}, is gone: the log ends at ${endOffset}`,
    )
    const found = newest.get(key) ?? -1
    assert.ok(
      found >= offset,
      `${topic}: of ${key} message ${id} was promised at ${offset}, the newest one lies at ${found}`,
    )
  }
}

/** The log begins where it was told to, or where it was being told to. */
function checkStart(history: History, { kind, name }: TopicFacts, { partition, logStartOffset }: FoundPartition): void {
  const deletions = history.offsets.filter(
    (one) => one.group === '' && one.topic === name && one.partition === partition,
  )
  const done = Math.max(0, ...deletions.filter((one) => one.done !== never).map((one) => one.offset))
  const begun = kind === 'retained' ? never : Math.max(0, ...deletions.map((one) => one.offset))
  assert.ok(
    logStartOffset >= done && logStartOffset <= begun,
    `${name}-${partition} begins at ${logStartOffset}; records were deleted before ${done}, at most ${begun}`,
  )
}
