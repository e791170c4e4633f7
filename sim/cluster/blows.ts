/** What befalls the nodes of a world: processes die, stop and are held up, ways are cut, directories are emptied, the lead is moved. */

import type { DiskOperation } from '../disk/faults.js'
import type { Scheduler } from '../scheduler.js'
import type { SeededRandomness } from '../seeded-randomness.js'
import { pick } from '../world/scene.js'
import type { ClusterMember } from './member.js'
import type { Network } from './network.js'
import type { Blow } from './plan.js'
import type { Watching } from './watching.js'

export interface Stage {
  readonly members: readonly ClusterMember[]
  readonly network: Network
  readonly scheduler: Scheduler
  readonly watching: Watching
  /** Starts a process that does not run, again and again until it does. */
  readonly bringUp: (member: ClusterMember) => void
  readonly died: () => void
}

type Deed = (stage: Stage, random: SeededRandomness) => Promise<void>

/** Moves of names and lengths, and syncs: between their steps an end does the most harm. */
const turningPoints: readonly DiskOperation[] = [
  'rename',
  'remove',
  'truncate',
  'makeDirectory',
  'syncDirectory',
  'sync',
  'write',
]

const deeds: Record<Blow, Deed> = {
  kill: (stage, random) => end(stage, random, 'kill'),
  power: (stage, random) => end(stage, random, 'power'),
  site,
  stop,
  pause: async ({ members }, random) => pick(random, members).life.pauseFor(random.below(random.once(2) ? 500 : 6000)),
  cut: async ({ members, network }, random) => {
    const names = [...members.map(({ name }) => name), 'clients']
    const from = pick(random, names)
    const to = pick(random, names)
    const forMs = 100 + random.below(6000)
    network.cut(from, to, forMs)
    if (!random.once(3)) network.cut(to, from, forMs)
  },
  apart: async ({ members, network }, random) => {
    const { name } = members.find(({ leads }) => leads) ?? pick(random, members)
    const forMs = 500 + random.below(8000)
    // Clients go on reaching it.
    const others = [...members.map((member) => member.name), ...(random.once(4) ? [] : ['etcd'])]
    for (const other of others) {
      network.cut(name, other, forMs)
      network.cut(other, name, forMs)
    }
  },
  etcd: async ({ members, network }, random) => {
    const { name } = pick(random, members)
    const forMs = 100 + random.below(8000)
    if (!random.once(3)) network.cut(name, 'etcd', forMs)
    if (!random.once(3)) network.cut('etcd', name, forMs)
  },
  loss: async ({ network, scheduler }, random) => {
    network.lossRate = [0, 0.02, 0.2][random.below(3)]
    network.slowestMs = [2, 30, 400, 2500][random.below(4)]
    scheduler.schedule(random.below(5000), () => {
      network.lossRate = 0
      network.slowestMs = 2
    })
  },
  wipe,
  promote: async ({ members }, random) => {
    const { node } = pick(random, members)
    node?.promote().catch(() => {})
  },
}

export function strike(stage: Stage, random: SeededRandomness, blow: Blow): Promise<void> {
  return deeds[blow](stage, random)
}

async function end(stage: Stage, random: SeededRandomness, how: 'kill' | 'power'): Promise<void> {
  if (random.once(4)) await decision(stage, random)
  const member = chosen(stage, random)
  if (member.life.isOver) return
  if (random.once(3)) await member.end(how)
  else await endAtAStep(member, random, how)
  stage.died()
  await later(stage, random, member)
}

async function endAtAStep(member: ClusterMember, random: SeededRandomness, how: 'kill' | 'power'): Promise<void> {
  const kinds = random.once(2) ? turningPoints : [pick(random, turningPoints)]
  let left = random.below(1 + random.below(40))
  await member.endAt(how, (operation) => kinds.includes(operation) && left-- <= 0, 3000)
}

/** All lose power, when a step of the disk of one of them comes. */
async function site(stage: Stage, random: SeededRandomness): Promise<void> {
  const first = chosen(stage, random)
  if (first.life.isOver) return
  await endAtAStep(first, random, 'power')
  stage.died()
  const others = stage.members.filter((member) => member !== first && !member.life.isOver)
  await Promise.all(
    others.map(async (member) => {
      await member.end('power')
      stage.died()
    }),
  )
  await Promise.all([first, ...others].map((member) => later(stage, random, member)))
}

async function stop(stage: Stage, random: SeededRandomness): Promise<void> {
  const member = chosen(stage, random)
  if (member.node === undefined) return
  await member.stop()
  await later(stage, random, member)
}

/** A directory may be lost where another node has all: not the leader's, and no other before it is whole again. */
async function wipe(stage: Stage, random: SeededRandomness): Promise<void> {
  const { watching, members } = stage
  const { decided } = watching
  if (decided === undefined || decided.leaderId < 0 || watching.wiped.size > 0) return
  const member = pick(random, members)
  if (member.id === decided.leaderId || member.life.isOver) return
  if (decided.inSync.includes(member.id)) watching.wiped.add(member.id)
  await member.end('kill')
  member.wipe()
  stage.died()
  await later(stage, random, member)
}

/** Until shortly after who leads, or who is in sync, has been decided anew: what was decided has to be true at once. */
async function decision({ watching, scheduler }: Stage, random: SeededRandomness): Promise<void> {
  const before = watching.decided
  for (let leftMs = 3000; leftMs > 0 && watching.decided === before; leftMs--) await scheduler.sleep(1)
  await scheduler.sleep(random.next() * 20)
}

/** Mostly the leader. */
function chosen({ members }: Stage, random: SeededRandomness): ClusterMember {
  const leader = members.find(({ leads }) => leads)
  return leader !== undefined && random.once(2) ? leader : pick(random, members)
}

/** The process comes again, at once or when the others have noticed that it is gone. */
async function later({ scheduler, bringUp }: Stage, random: SeededRandomness, member: ClusterMember): Promise<void> {
  await scheduler.sleep(random.below(random.once(2) ? 50 : 8000))
  bringUp(member)
}
