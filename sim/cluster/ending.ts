/** At the end of a world, when nothing befalls it any more: the nodes come together, and hold the same. */

import type { Settings } from '../../src/core/settings.js'
import { batchesIn } from '../../src/records/batch.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import type { Scheduler } from '../scheduler.js'
import { holds, Violation } from '../world/violation.js'
import { type ClusterMember, directory } from './member.js'
import { settingsOf } from './plan.js'

const patienceMs = 120_000

/** One leads, and all are in sync. @throws Violation */
export async function untilTogether(members: readonly ClusterMember[], scheduler: Scheduler): Promise<void> {
  const deadline = scheduler.monotonic() + patienceMs
  for (;;) {
    const leaders = members.filter(({ leads }) => leads)
    const inSync = leaders[0]?.node?.replicated.describe().inSync ?? []
    if (leaders.length === 1 && inSync.length === members.length) return
    if (scheduler.monotonic() > deadline) {
      const why = members.map(
        ({ id, node }) => `${id}: ${node === undefined ? 'does not run' : JSON.stringify(node.replicated.describe())}`,
      )
      throw new Violation('the nodes come together again', why.join('; '))
    }
    await scheduler.sleep(100)
  }
}

/** Of each log that is not compacted, which each node does for itself: batch for batch, from where all have it. */
export async function compareCopies(
  members: readonly ClusterMember[],
  settings: Settings,
  scheduler: Scheduler,
): Promise<void> {
  const found = await Promise.all(members.map((member) => batchesOf(member, settings, scheduler)))
  const [first, ...others] = found
  for (const [i, other] of others.entries()) {
    const who = `nodes ${members[0].id} and ${members[i + 1].id}`
    holds(
      [...first.keys()].sort().join() === [...other.keys()].sort().join(),
      'copies are equal',
      () => `${who} have the logs ${[...first.keys()]} and ${[...other.keys()]}`,
    )
    for (const [name, one] of first) compareLogs(`${name} of ${who}`, one, other.get(name) ?? one)
  }
}

interface Copy {
  readonly start: number
  readonly end: number
  readonly isCompacted: boolean
  /** By base offset. */
  readonly batches: ReadonlyMap<number, string>
}

function compareLogs(what: string, one: Copy, other: Copy): void {
  holds(one.end === other.end, 'copies are equal', () => `${what} end at ${one.end} and at ${other.end}`)
  if (one.isCompacted) return
  const start = Math.max(one.start, other.start)
  for (const [a, b] of [
    [one, other],
    [other, one],
  ])
    for (const [offset, text] of a.batches)
      holds(
        offset < start || b.batches.get(offset) === text,
        'copies are equal',
        () => `${what} hold at ${offset} ${text} and ${b.batches.get(offset)}`,
      )
}

async function batchesOf(
  { id, disk }: ClusterMember,
  settings: Settings,
  clock: Scheduler,
): Promise<Map<string, Copy>> {
  const store = await MessageStore.open(directory, { settings: settingsOf(settings, id), disk, clock })
  const copies = new Map<string, Copy>()
  for (const { name, partitions, config } of store.topics())
    for (let partition = 0; partition < partitions; partition++) {
      const log = store.log(name, partition)
      if (log === undefined) continue
      const isCompacted = config['cleanup.policy']?.includes('compact') === true
      copies.set(`${name}-${partition}`, await copyOf(log, isCompacted))
    }
  await store.close()
  return copies
}

async function copyOf(log: PartitionLog, isCompacted: boolean): Promise<Copy> {
  const { logStartOffset: start, logEndOffset: end } = log
  const batches = new Map<number, string>()
  for (let offset = start; offset < end; ) {
    const { records } = await log.read(offset, 1 << 20)
    const before = offset
    for (const bytes of records)
      for (const batch of batchesIn(bytes)) {
        const { baseOffset, partitionLeaderEpoch, lastOffset, producerId, baseSequence, crc } = batch
        const text = `up to ${lastOffset} in epoch ${partitionLeaderEpoch}, of ${producerId}/${baseSequence}, CRC ${crc}`
        batches.set(baseOffset, text)
        offset = batch.nextOffset
      }
    holds(offset > before, 'copies can be read', () => `${log.topic}-${log.partition} has nothing at ${offset}`)
  }
  return { start, end, isCompacted, batches }
}
