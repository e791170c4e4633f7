/**
 * What a program does with a queue while a call of its system fails: a little of everything. It goes on after each refusal,
 * as programs do, and what it is promised is noted.
 */

import type { BrokerService } from '../../src/broker/contract.js'
import type { Queue } from '../../src/client/queue.js'
import { contentOf, idIn, type MessageFacts, never, type TopicFacts } from '../power/history.js'
import type { Notes } from '../power/notes.js'
import { type Answers, isRefusal } from './answers.js'

export interface Life {
  readonly service: BrokerService
  readonly queue: Queue
  readonly notes: Notes
  readonly answers: Answers
  /** Messages of which the sender was told that the disk did not take them. */
  readonly refused: Set<number>
}

const noMember = { memberId: '', groupInstanceId: null, generationId: -1 }
const small = 60
/** More than what a log must have been given before zeros are put in front of its writer. */
const large = 90_000

/** What a life finds: topics with a few segments, a group, a transaction that nobody ended. */
export async function prepare(life: Life): Promise<void> {
  await createTopic(life, 'plain', 2)
  await createTopic(life, 'ledger', 2)
  await createTopic(life, 'compacted', 1)
  for (let count = 0; count < 8; count++) await send(life, 'plain', { partition: count % 2 })
  for (let count = 0; count < 8; count++) await send(life, 'compacted', { key: `key-${count % 3}` })
  await commitOffset(life, 1)
  await transaction(life, 'commits')
  await transaction(life, 'stays open')
}

export async function live(life: Life): Promise<void> {
  await look(life)
  for (let count = 0; count < 3; count++) await send(life, 'plain')
  await Promise.all(Array.from({ length: 8 }, (_, index) => send(life, 'plain', { partition: index % 2 })))
  await commitOffset(life, 2)
  await transaction(life, 'commits')
  await transaction(life, 'aborts')
  await createTopic(life, 'phoenix', 1)
  await send(life, 'phoenix', { size: large })
  await send(life, 'phoenix')
  for (let count = 0; count < 6; count++) await send(life, 'compacted', { key: `key-${count % 3}` })
  await life.answers.of('compact', async () => life.service.compactTopic?.('compacted'))
  await deleteRecords(life)
  await deleteTopic(life, 'phoenix')
  await life.answers.of('alter', () => life.queue.topics.alter('plain', { config: { 'retention.ms': '100000000' } }))
  for (let count = 0; count < 4; count++) await send(life, 'plain')
  await look(life)
}

function topicOf({ notes }: Life, name: string): TopicFacts | undefined {
  return notes.history.topics.findLast((topic) => topic.name === name)
}

export async function send(
  life: Life,
  name: string,
  { partition = 0, key = null, size = small }: { partition?: number; key?: string | null; size?: number } = {},
): Promise<boolean> {
  const topic = topicOf(life, name)
  // It could not be made.
  if (topic === undefined || topic.created === never) return false
  const facts = life.notes.send(topic, { partition, key, sizeInBytes: size, transaction: -1 })
  return store(life, facts, (message) => life.queue.send(name, message))
}

interface Sent {
  readonly key: string | null
  readonly value: string
  readonly partition: number
}

async function store(
  { notes, answers, refused }: Life,
  facts: MessageFacts,
  how: (message: Sent) => Promise<{ readonly offset: number }>,
): Promise<boolean> {
  const { topic, key, partition } = facts
  const receipt = await answers.of(`a send to ${topic}`, () =>
    how({ key, value: contentOf(facts), partition }).catch((error) => {
      if (isRefusal(error)) refused.add(facts.id)
      throw error
    }),
  )
  if (receipt === undefined) return false
  notes.stored(facts, receipt.offset)
  return true
}

async function createTopic(life: Life, name: string, partitions: number): Promise<void> {
  const { notes, answers, queue } = life
  const kind = name === 'compacted' ? 'compacted' : 'plain'
  const config = kind === 'compacted' ? { 'storage.layout': 'segments', 'cleanup.policy': 'compact' } : undefined
  const topic = notes.createTopic(name, kind, partitions)
  const created = await answers.of(`the creation of ${name}`, () => queue.topics.create(name, { partitions, config }))
  if (created !== undefined) topic.created = notes.position()
}

async function deleteTopic({ notes, answers, queue }: Life, name: string): Promise<void> {
  const topic = notes.history.topics.findLast((one) => one.name === name)
  if (topic === undefined) return
  topic.deleteBegun = notes.position()
  const deleted = await answers.of(`the deletion of ${name}`, () => queue.topics.delete(name).then(() => true))
  if (deleted) topic.deleted = notes.position()
}

async function transaction(life: Life, end: 'commits' | 'aborts' | 'stays open'): Promise<void> {
  const { notes, answers, queue } = life
  const ledger = topicOf(life, 'ledger')
  if (ledger === undefined) return
  // One that is left open belongs to a program that does not come back.
  const id = end === 'stays open' ? 'gone' : 'writer'
  const facts = notes.beginTransaction(id)
  let opened = () => {}
  const isOpen = new Promise<void>((resolve) => {
    opened = resolve
  })
  const work = queue.transaction(id, async (open) => {
    for (const partition of [0, 1]) {
      const one = notes.send(ledger, { partition, key: null, sizeInBytes: small, transaction: facts.index })
      if (!(await store(life, one, (message) => open.send('ledger', message)))) throw new TakenBack()
    }
    if (end === 'stays open') {
      opened()
      await new Promise(() => {})
    }
    facts.offset = facts.index + 1
    await open.commitOffsets(id, [{ topic: 'plain', partition: 0, offset: facts.index }])
    if (end === 'aborts') throw new TakenBack()
    facts.commitBegun = notes.position()
  })
  if (end === 'stays open') return isOpen
  const done = work.then(
    () => true,
    (error) => {
      if (error instanceof TakenBack) return false
      throw error
    },
  )
  if (await answers.of('a transaction', () => done)) facts.committed = notes.position()
}

/** Whoever works in a transaction changed their mind. */
class TakenBack extends Error {}

async function commitOffset({ notes, answers, service }: Life, offset: number): Promise<void> {
  const facts = notes.offset({ group: 'group', topic: 'plain', partition: 1, offset })
  const place = { topic: 'plain', partition: 1, offset, leaderEpoch: -1, metadata: '' }
  const done = await answers.of('a commit of an offset', async () => {
    const [refusal] = await service.commitOffsets({ groupId: 'group', ...noMember, offsets: [place] })
    if (refusal !== undefined) throw refusal
    return true
  })
  if (done) facts.done = notes.position()
}

async function deleteRecords({ notes, answers, service }: Life): Promise<void> {
  const facts = notes.offset({ group: '', topic: 'plain', partition: 0, offset: 3 })
  const done = await answers.of('the deletion of records', () =>
    service.deleteRecords({ topic: 'plain', partition: 0 }, facts.offset),
  )
  if (done !== undefined) facts.done = notes.position()
}

/** Reads everything; a reader has seen it then. Whether all could be read. */
export async function look({ notes, answers, queue }: Life): Promise<boolean> {
  let whole = true
  for (const { name, created, deleteBegun, partitions } of notes.history.topics) {
    if (created === never || deleteBegun !== never) continue
    for (let partition = 0; partition < partitions; partition++) {
      const options = { partition, limit: 1_000_000, isolation: 'uncommitted' } as const
      const messages = await answers.of(`reading ${name}`, () => queue.read(name, options))
      whole &&= messages !== undefined
      for (const message of messages ?? []) {
        const id = idIn(message.text())
        if (id !== undefined) notes.saw(id, message.offset)
      }
    }
  }
  return whole
}
