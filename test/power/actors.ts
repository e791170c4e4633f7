/** Those who use the queue in a recording. What one of them is promised is noted at the moment of the promise. */

import type { MessageFacts, TopicFacts } from './history.js'
import { contentOf, idIn, never } from './history.js'
import type { Stage } from './workload.js'

export type Actor = (stage: Stage, index: number) => Promise<void>

const noMember = { memberId: '', groupInstanceId: null, generationId: -1 }

/** Mostly small, now and then as large as several blocks. */
function someSize({ dice }: Stage): number {
  const draw = dice.next()
  if (draw < 0.7) return dice.between(20, 300)
  return draw < 0.95 ? dice.between(300, 5000) : dice.between(5000, 40_000)
}

function message(stage: Stage, topic: TopicFacts, key: string | null = null, transaction = -1): MessageFacts {
  const partition = stage.dice.between(0, topic.partitions - 1)
  return stage.notes.send(topic, { partition, key, sizeInBytes: someSize(stage), transaction })
}

const inputOf = (facts: MessageFacts) => ({ key: facts.key, value: contentOf(facts), partition: facts.partition })

async function send(stage: Stage, topic: TopicFacts, key: string | null = null): Promise<MessageFacts> {
  const facts = message(stage, topic, key)
  const { offset } = await stage.session.queue.send(topic.name, inputOf(facts))
  if (stage.promises(topic.kind)) stage.notes.stored(facts, offset)
  return facts
}

export const plain: Actor = async (stage) => {
  for (let step = 0; step < stage.steps; step++) {
    await Promise.all(Array.from({ length: stage.dice.between(1, 4) }, () => send(stage, stage.topics.plain)))
  }
}

/** Acknowledged early, but for those that ask for the disk: these are on it with all that lies before them. */
export const lazy: Actor = async (stage) => {
  const { session, notes, topics } = stage
  const before: [MessageFacts, number][] = []
  for (let step = 0; step < stage.steps; step++) {
    const facts = message(stage, topics.lazy)
    const isSync = session.service.flushesOnDemand === true && stage.dice.next() < 0.2
    const options = isSync ? ({ flush: 'sync' } as const) : undefined
    const { offset } = await session.queue.send('lazy', inputOf(facts), options)
    before.push([facts, offset])
    if (isSync) for (const [one, at] of before.splice(0)) notes.stored(one, at)
  }
}

export const keyed: Actor = async (stage) => {
  const { session, dice, topics, steps } = stage
  for (let step = 0; step < steps; step++) {
    await send(stage, topics.compacted, `key-${dice.between(0, 7)}`)
    if (session.service.compactTopic !== undefined && dice.next() < 0.05) {
      // It may be at it already.
      await session.queue.topics.compact('compacted').catch(() => {})
    }
  }
}

export const retained: Actor = async (stage) => {
  for (let step = 0; step < stage.steps; step++) await send(stage, stage.topics.retained)
}

/** Writes to several partitions and commits an offset, or takes it back. */
export const transactional: Actor = async (stage, index) => {
  const { session, notes, dice, topics } = stage
  const transactionalId = `writer-${index}`
  for (let step = 0; step < stage.steps / 3; step++) {
    const facts = notes.beginTransaction(transactionalId)
    const stored: [MessageFacts, number][] = []
    const aborts = dice.next() < 0.3
    const work = session.queue.transaction(transactionalId, async (transaction) => {
      for (let count = dice.between(1, 4); count > 0; count--) {
        const topic = dice.next() < 0.7 ? topics.ledger : topics.lazy
        const one = message(stage, topic, null, facts.index)
        const { offset } = await transaction.send(topic.name, inputOf(one))
        if (topic.kind === 'lazy') stored.push([one, offset])
        else notes.stored(one, offset)
      }
      if (dice.next() < 0.7) {
        facts.offset = facts.index + 1
        await transaction.commitOffsets(transactionalId, [{ topic: 'plain', partition: 0, offset: facts.index }])
      }
      if (aborts) throw new Error('taken back')
      facts.commitBegun = notes.position()
    })
    if (aborts) {
      await work.then(
        () => {},
        (error: Error) => {
          if (error.message !== 'taken back') throw error
        },
      )
      continue
    }
    await work
    facts.committed = notes.position()
    for (const [one, offset] of stored) notes.stored(one, offset)
  }
}

/** Commits, without being a member, how far a group has come; always further. */
export const committer: Actor = async (stage, index) => {
  const { session, notes, dice } = stage
  const groupId = `group-${index}`
  const before = notes.history.offsets.filter((one) => one.group === groupId)
  let offset = Math.max(0, ...before.map((one) => one.offset))
  for (let step = 0; step < stage.steps; step++) {
    offset += dice.between(1, 3)
    const facts = notes.offset({ group: groupId, topic: 'plain', partition: 1, offset })
    const place = { topic: 'plain', partition: 1, offset, leaderEpoch: -1, metadata: '' }
    const [refusal] = await session.service.commitOffsets({ groupId, ...noMember, offsets: [place] })
    if (refusal !== undefined) throw refusal
    facts.done = notes.position()
  }
}

/** Creates and deletes a topic whose name comes back, and deletes records. */
export const admin: Actor = async (stage) => {
  const { session, notes, dice } = stage
  for (let step = 0; step < stage.steps / 8; step++) {
    const phoenix = await createPhoenix(stage)
    for (let count = dice.between(0, 5); count > 0; count--) await send(stage, phoenix)
    await deleteRecords(stage)
    if (dice.next() < 0.3) continue
    phoenix.deleteBegun = notes.position()
    await session.queue.topics.delete('phoenix')
    phoenix.deleted = notes.position()
  }
}

async function createPhoenix({ session, notes, dice }: Stage): Promise<TopicFacts> {
  const present = notes.history.topics.findLast((one) => one.name === 'phoenix')
  const isThere = (await session.queue.topics.list()).some(({ name }) => name === 'phoenix')
  if (present !== undefined && isThere) {
    present.created = Math.min(present.created, notes.position())
    if (present.deleteBegun === never) return present
    // Whoever began to delete it died of it.
    await session.queue.topics.delete('phoenix')
  }
  if (present !== undefined) present.deleted = Math.min(present.deleted, notes.position())
  const topic = notes.createTopic('phoenix', 'plain', dice.between(1, 3))
  await session.queue.topics.create('phoenix', { partitions: topic.partitions })
  topic.created = notes.position()
  return topic
}

async function deleteRecords({ session, notes }: Stage): Promise<void> {
  const known = notes.history.messages.filter((one) => one.topic === 'plain' && one.partition === 0 && one.offset >= 0)
  const offset = Math.max(0, Math.max(-1, ...known.map((one) => one.offset)) - 10)
  const facts = notes.offset({ group: '', topic: 'plain', partition: 0, offset })
  await session.service.deleteRecords({ topic: 'plain', partition: 0 }, offset)
  facts.done = notes.position()
}

/** Follows a topic as a member of a group, and says now and then how far it has come. */
export async function reader({ session, notes, dice }: Stage, signal: AbortSignal): Promise<void> {
  try {
    for await (const one of session.queue.consume('plain', { group: 'readers', signal })) {
      const id = idIn(one.text())
      if (id !== undefined) notes.saw(id, one.offset)
      if (dice.next() > 0.1) continue
      const { topic, partition, offset } = one
      const facts = notes.offset({ group: 'readers', topic, partition, offset: offset + 1 })
      await one.ack()
      facts.done = notes.position()
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
