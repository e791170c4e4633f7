/** Who uses the queue while the disk is recorded: several at a time, each noting what it was promised. */

import type { Disk } from '../../src/files/disk.js'
import type { Dice } from '../crash/seeded.js'
import { admin, committer, keyed, lazy, plain, reader, retained, transactional } from './actors.js'
import { idIn, type TopicFacts, type TopicKind } from './history.js'
import type { Notes } from './notes.js'
import { openSession, type Session } from './session.js'
import type { World } from './world.js'

export interface WorkloadOptions {
  readonly dataDir: string
  readonly world: World
  readonly notes: Notes
  readonly dice: Dice
  /** What each of those who use the queue does before it ends. */
  readonly steps: number
  readonly disk?: Disk
}

/** What one of those who use the queue knows. */
export interface Stage {
  readonly session: Session
  readonly notes: Notes
  readonly dice: Dice
  readonly topics: Readonly<Record<TopicKind | 'ledger', TopicFacts>>
  readonly steps: number
  /** What is acknowledged to a topic of this kind is promised to be on the disk. */
  readonly promises: (kind: TopicKind) => boolean
}

const topicsOf = {
  plain: { kind: 'plain', partitions: 2, config: {} },
  ledger: { kind: 'plain', partitions: 2, config: {} },
  lazy: { kind: 'lazy', partitions: 1, config: { 'storage.layout': 'segments', 'flush.disk.type': 'ASYNC_FLUSH' } },
  compacted: {
    kind: 'compacted',
    partitions: 1,
    config: { 'storage.layout': 'segments', 'cleanup.policy': 'compact', 'segment.index.bytes': '96' },
  },
  retained: { kind: 'retained', partitions: 1, config: { 'storage.layout': 'segments', 'retention.bytes': '20000' } },
} as const

/** Everything at once, then a close in order, and the same again; a broker is also killed between. */
export async function runWorkload(options: WorkloadOptions): Promise<void> {
  const { dataDir, world, notes, dice, disk } = options
  const phases = dice.between(1, 3)
  for (let phase = 0; phase < phases; phase++) {
    const session = await openSession(dataDir, world, disk)
    const kill = session.isAnotherProcess && dice.next() < 0.5
    try {
      await lookAtEverything(session, notes)
      const topics = await topicsFor(session, notes)
      const steps = Math.ceil(options.steps / phases)
      const stage = { session, notes, dice, topics, steps, promises: (kind: TopicKind) => kind !== 'lazy' }
      await act(stage, kill)
    } finally {
      await (kill ? session.kill() : session.close())
    }
  }
}

async function act(stage: Stage, kill: boolean): Promise<void> {
  const actors = [plain, plain, plain, lazy, keyed, retained, transactional, transactional, committer, admin]
  const ends = new AbortController()
  const reading = reader(stage, ends.signal)
  const acting = Promise.all(actors.map((actor, index) => actor(stage, index)))
  if (!kill) {
    await acting
    ends.abort()
    await reading
    return
  }
  const dying = new Promise((resolve) => setTimeout(resolve, stage.dice.between(20, 400))).then(() =>
    stage.session.kill(),
  )
  // Who was cut off is told so by an error, and was promised nothing.
  await Promise.allSettled([acting, dying])
  ends.abort()
  await reading.catch(() => {})
}

/** What a reader finds after a recovery has to outlive the next power cut as well. */
async function lookAtEverything({ queue }: Session, notes: Notes): Promise<void> {
  const names = new Set((await queue.topics.list()).filter((one) => !one.isInternal).map((one) => one.name))
  const last = new Map(notes.history.topics.map((topic) => [topic.name, topic]))
  for (const { name, kind, partitions } of last.values()) {
    if (kind === 'lazy' || !names.has(name)) continue
    for (let partition = 0; partition < partitions; partition++) {
      for (const message of await queue.read(name, { partition, limit: 1_000_000, isolation: 'uncommitted' })) {
        const id = idIn(message.text())
        if (id !== undefined) notes.saw(id, message.offset)
      }
    }
  }
}

async function topicsFor({ queue }: Session, notes: Notes): Promise<Stage['topics']> {
  const there = new Set((await queue.topics.list()).map(({ name }) => name))
  const topics = Object.entries(topicsOf).map(async ([name, { kind, partitions, config }]) => {
    const known = notes.history.topics.find((one) => one.name === name)
    const topic = known ?? notes.createTopic(name, kind, partitions)
    if (!there.has(name)) await queue.topics.create(name, { partitions, config })
    topic.created = Math.min(topic.created, notes.position())
    return [name, topic]
  })
  return Object.fromEntries(await Promise.all(topics)) as Stage['topics']
}
