/**
 * Opens what a power cut left, as a program would that starts after it, and compares with what had been promised at that
 * moment: every message at its offset with its bytes, topics, positions of groups, transactions whole or not there. Then it
 * is used, closed, and verified.
 */

import assert from 'node:assert/strict'
import type { TopicDescription } from '../../src/broker/contract.js'
import { committedReader } from '../../src/cli/committed.js'
import { systemClock } from '../../src/core/clock.js'
import { resolveSettings } from '../../src/core/settings.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { verify } from '../../src/storage/inspect/verify.js'
import { checkMessages } from './check-messages.js'
import { checkGroups, checkTransactions } from './check-transactions.js'
import { type History, never, type TopicFacts } from './history.js'
import { type FoundPartition, readPartition } from './reading.js'
import { openSession, type Session } from './session.js'
import type { World } from './world.js'

/** How much there was to be compared. */
export interface Checked {
  readonly promised: number
  /** Found without a promise; allowed. */
  readonly unpromised: number
}

/** `history` as of the cut. @throws where a promise is broken */
export async function checkCut(dataDir: string, world: World, history: History): Promise<Checked> {
  const inThisProcess: World = { ...world, face: 'library' }
  const session = await openSession(dataDir, inThisProcess)
  let checked: Checked
  let after: ReadonlyMap<string, number>
  try {
    checked = await checkOpened(session, history)
    after = await useIt(session)
  } finally {
    await session.close()
  }
  await assertClean(dataDir, world)
  const again = await openSession(dataDir, inThisProcess)
  try {
    await checkOpened(again, history)
    await assertStillThere(again, after)
  } finally {
    await again.close()
  }
  return checked
}

async function checkOpened(session: Session, history: History): Promise<Checked> {
  const { service } = session
  const topics = (await service.describeTopics(null)).filter(({ isInternal }) => !isInternal)
  for (const { name, partitions } of topics) {
    for (const { partition, failure } of partitions) {
      assert.equal(failure, undefined, `${name}-${partition}: ${failure?.message}`)
    }
  }
  const present = presentTopics(topics, history)
  const found: FoundPartition[] = []
  for (const { facts, description } of present) {
    const mayHaveHoles = facts.kind === 'compacted'
    for (const partition of description.partitions) {
      found.push(await readPartition(service, facts.name, partition, 'uncommitted', mayHaveHoles))
    }
  }
  const checked = checkMessages(
    history,
    present.map(({ facts }) => facts),
    found,
  )
  // A program that comes back under its transactional id ends what it had left open.
  for (const transactionalId of new Set(history.transactions.map((one) => one.transactionalId))) {
    await service.initProducer({ transactionalId, producerId: -1, producerEpoch: -1 })
  }
  const committed = new Set<number>()
  for (const { facts, description } of present) {
    if (facts.name !== 'ledger' && facts.name !== 'lazy') continue
    for (const partition of description.partitions) {
      const { records } = await readPartition(service, facts.name, partition, 'committed', false)
      for (const { value } of records) committed.add(Number(value.split('/')[1]))
    }
  }
  const last = checkTransactions(history, committed)
  await checkGroups(service, history, last)
  return checked
}

interface PresentTopic {
  readonly facts: TopicFacts
  readonly description: TopicDescription
}

/** Each topic that is there was asked for and is not deleted; each that was promised is there. */
function presentTopics(topics: readonly TopicDescription[], history: History): PresentTopic[] {
  const present: PresentTopic[] = []
  for (const description of topics) {
    if (description.name === usedAfterwards) continue
    const facts = history.topics.findLast(({ name }) => name === description.name)
    assert.ok(facts !== undefined, `nobody has created the topic ${description.name}`)
    const before = history.topics.findLast(
      ({ name, incarnation }) => name === facts.name && incarnation < facts.incarnation,
    )
    // While the next topic of the name is being created, there may be neither, but not the one that was deleted.
    assert.ok(before === undefined || before.deleted === 0, `${facts.name} was created anew while it was there`)
    assert.ok(facts.deleted === never, `${facts.name} was deleted, and is there`)
    assert.equal(description.partitions.length, facts.partitions, `partitions of ${facts.name}`)
    present.push({ facts, description })
  }
  for (const { name, created, deleteBegun } of history.topics) {
    if (created === never || deleteBegun !== never) continue
    assert.ok(
      present.some(({ facts }) => facts.name === name),
      `the topic ${name} is gone`,
    )
  }
  return present
}

const usedAfterwards = 'afterwards'

/** The offset of each message that it has taken since, by partition. */
async function useIt({ queue, service }: Session): Promise<ReadonlyMap<string, number>> {
  const topics = (await service.describeTopics(null)).filter(({ isInternal }) => !isInternal)
  const sent = new Map<string, number>()
  const sends = [...topics.map(({ name }) => name), usedAfterwards].map(async (topic) => {
    const { offset } = await queue.send(topic, { key: 'after', value: 'after/the cut', partition: 0 })
    const description = topics.find(({ name }) => name === topic)
    const end = description?.partitions[0].highWatermark ?? 0
    assert.ok(
      offset >= end,
      `${topic}: a message that is sent after the cut got offset ${offset}, before the end ${end}`,
    )
    sent.set(topic, offset)
  })
  await Promise.all(sends)
  return sent
}

async function assertStillThere({ queue }: Session, sent: ReadonlyMap<string, number>): Promise<void> {
  for (const [topic, offset] of sent) {
    const found = await queue.get({ topic, partition: 0, offset })
    assert.equal(found?.text(), 'after/the cut', `${topic} at ${offset}, after it was opened again`)
  }
}

/** As `holdfast verify` judges: no error. Warnings are of hints, such as indexes, from which nothing is lost. */
async function assertClean(dataDir: string, { settings }: World): Promise<void> {
  const tools = { disk: nodeDisk, clock: systemClock, committedReader }
  const { findings } = await verify(dataDir, { ...tools, settings: resolveSettings(settings) })
  const wrong = findings.filter(({ severity }) => severity === 'error')
  assert.deepEqual(
    wrong.map(({ code, path, what }) => `${code} ${path}: ${what}`),
    [],
    'verify finds errors',
  )
}
