/** What consumer groups have committed, through everything that can happen to it between us and RocketMQ. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { recordingLogger } from '../storage/support.js'
import { ExchangeWorld, emptyDirectory, rocketMqRuns, rocketMqWrites, type Table, tableIn } from './exchange-world.js'

const open = (disk: MemoryDisk) => ExchangeWorld.open(disk, recordingLogger())

async function committedAfterOpening(disk: MemoryDisk): Promise<Table> {
  const world = await open(disk)
  const committed = await world.committed()
  await world.close()
  return committed
}

test('many groups over many queues, there and back', async () => {
  const disk = new MemoryDisk()
  const world = await open(disk)
  await world.topic('orders', Array(700).fill(3))
  await world.close()
  const table: Record<string, Record<number, number>> = {}
  for (let group = 0; group < 300; group++) {
    table[`orders@group-${group}`] = { [group]: group % 4, [group + 7]: 1, [group * 2]: 2 }
  }
  table['orders@wide'] = Object.fromEntries(Array.from({ length: 700 }, (_, queueId) => [queueId, 1]))
  await rocketMqWrites(disk, table)
  assert.deepEqual(await committedAfterOpening(disk), table)
  assert.deepEqual(await tableIn(disk), table)
})

test('power fails at every step of writing: what groups have committed holds, and no file is broken', async () => {
  let hasCrashed = true
  for (let step = 1; hasCrashed; step++) {
    const disk = await emptyDirectory()
    const world = await open(disk)
    await world.commit('back', 'orders', { 0: 9 })
    await world.commit('deleted', 'orders', { 1: 5 })
    await world.write()
    await world.commit('back', 'orders', { 0: 2 })
    await world.commit('new', 'orders', { 1: 1 })
    await world.coordination.groups.deleteGroup('deleted')
    const crash = disk.crashAfter(step)
    hasCrashed = await Promise.race([crash.then(() => true), world.write().then(() => false)])
    for (let seed = 0; seed < 3; seed++) {
      const found = disk.afterCrash(new SeededRandomness(seed))
      const expected = { 'orders@back': { 0: 2 }, 'orders@new': { 1: 1 } }
      assert.deepEqual(await committedAfterOpening(found), expected, `step ${step}, seed ${seed}`)
      assert.deepEqual(await tableIn(found), expected)
    }
  }
})

/** What happens to one place of one group, or to the whole directory. */
const events = fc.oneof(
  fc.record({
    what: fc.constantFrom('commit' as const, 'rocketmq' as const),
    group: fc.constantFrom('a', 'b'),
    queueId: fc.nat(1),
    offset: fc.nat(12),
  }),
  fc.record({ what: fc.constant('delete' as const), group: fc.constantFrom('a', 'b') }),
  fc.record({ what: fc.constantFrom('write' as const, 'restart' as const, 'power cut' as const) }),
)

test('whatever order things happen in: no group goes back by RocketMQ, and none forward by a file of ours', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(events, { maxLength: 25 }), async (happened) => {
      let disk = await emptyDirectory()
      let world = await open(disk)
      const held = new Map<string, Map<number, number>>()
      const ofGroup = (group: string) => held.get(group) ?? held.set(group, new Map()).get(group) ?? new Map()
      const expected = (): Table =>
        Object.fromEntries(
          [...held]
            .filter(([, offsets]) => offsets.size > 0)
            .map(([group, offsets]) => [`orders@${group}`, Object.fromEntries(offsets)]),
        )
      for (const event of happened) {
        if (event.what === 'commit') {
          const offset = Math.min(event.offset, [10, 5][event.queueId])
          await world.commit(event.group, 'orders', { [event.queueId]: offset })
          ofGroup(event.group).set(event.queueId, offset)
        } else if (event.what === 'delete') {
          if (ofGroup(event.group).size > 0) await world.coordination.groups.deleteGroup(event.group)
          held.delete(event.group)
        } else if (event.what === 'write') {
          await world.write()
        } else if (event.what === 'power cut') {
          disk = disk.afterCrash(new SeededRandomness(happened.length))
          world = await open(disk)
        } else {
          await world.close()
          if (event.what === 'rocketmq') {
            await rocketMqRuns(disk, { [`orders@${event.group}`]: { [event.queueId]: event.offset } })
            const within = Math.min(event.offset, [10, 5][event.queueId])
            const offsets = ofGroup(event.group)
            offsets.set(event.queueId, Math.max(offsets.get(event.queueId) ?? 0, within))
          }
          world = await open(disk)
          assert.deepEqual(await tableIn(disk), expected())
        }
        assert.deepEqual(await world.committed(), expected())
      }
      await world.close()
    }),
    { numRuns: 60 },
  )
})
