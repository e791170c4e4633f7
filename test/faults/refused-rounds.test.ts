/**
 * A round that fails in the middle, and what is found afterwards: nothing of what was refused, whether the process dies
 * at once, the log heals and the power fails later, or the disk cannot even be cut at first.
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultDisk, type Verdict } from '../../sim/fault-disk.js'
import { ManualClock } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { Disk } from '../../src/files/disk.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { batchOf, readAll, recordingLogger, turns } from '../storage/support.js'
import { smallCommitLog, smallSettings } from './workload.js'

interface World {
  readonly flush: 'sync' | 'async'
  readonly supportsDsync: boolean
  readonly layout: 'segments' | 'commitlog'
}

const worlds: readonly World[] = (['segments', 'commitlog'] as const).flatMap((layout) => [
  { flush: 'sync', supportsDsync: true, layout },
  { flush: 'sync', supportsDsync: false, layout },
  { flush: 'async', supportsDsync: true, layout },
])

async function world({ flush, supportsDsync, layout }: World) {
  const memory = new MemoryDisk({ supportsDsync })
  const disk = new FaultDisk(memory)
  const clock = new ManualClock()
  const logger = recordingLogger()
  const settings = layout === 'segments' ? smallSettings(flush) : smallCommitLog(flush)
  const open = async (on: Disk, at = new ManualClock()) => {
    const store = await MessageStore.open('/data', { disk: on, settings, clock: at, logger })
    if (store.topic('orders') === undefined) await store.createTopic({ name: 'orders', partitions: 1 })
    return store.log('orders', 0) as PartitionLog
  }
  const log = await open(disk, clock)
  const told = new Map<number, string>()
  const send = async (count: number, label: string, length: number) => {
    const batches = Array.from({ length: count }, (_, i) => batchOf([`${label} ${i} ${'.'.repeat(length)}`]))
    const one = async (batch: (typeof batches)[number]) => {
      const receipt = log.append(batch)
      await receipt.acknowledged
      told.set(receipt.baseOffset, batch.bytes.toString('hex'))
    }
    return (await Promise.allSettled(batches.map(one))).filter(({ status }) => status === 'fulfilled').length
  }
  const assertFound = async (on: Disk, what: string) => {
    const found = await open(on)
    assert.equal(found.failure, undefined, `${what}: ${found.failure?.message}`)
    const batches = (await readAll(found)).map(({ baseOffset, bytes }) => [baseOffset, bytes.toString('hex')])
    assert.deepEqual(batches, [...told], what)
  }
  return { memory, disk, clock, logger, log, send, assertFound }
}

const named = ({ flush, supportsDsync, layout }: World) => `${layout}, ${flush}${supportsDsync ? '' : ' without dsync'}`

/** A segment, or a file of the commit log. */
const isLogFile = (path: string) => path.endsWith('.log') || /\/commitlog\/\d{20}$/.test(path)

describe('a round that fails', () => {
  for (const where of worlds) {
    for (const errno of ['EIO', 'ENOSPC'] as const) {
      test(`leaves nothing for a process that is started anew: ${errno}, ${named(where)}`, async () => {
        // In the first write, in later ones behind one roll or two, and while rolling itself.
        const faults = [1, 2, 3].map((nth) => ['write', nth] as const)
        for (const [operation, nth] of [...faults, ['syncDirectory', 1], ['open', 1]] as const) {
          const { memory, disk, log, send, assertFound } = await world(where)
          assert.equal(await send(3, 'kept', 60), 3)
          let calls = 0
          disk.judge = (call): Verdict => {
            // The commit log opens the file that it cuts: here the one that the round began in.
            const isCut = operation === 'open' && /\/0{20}$/.test(call.path) && where.layout === 'commitlog'
            const isOfLog = operation === 'syncDirectory' || (isLogFile(call.path) && !isCut)
            const isMeant = call.operation === operation && isOfLog
            if (isMeant) calls++
            // A file that could not be made ahead of its need is made when it is needed.
            const always = operation === 'open' || (operation === 'syncDirectory' && where.layout === 'commitlog')
            return isMeant && (calls === nth || always) ? errno : undefined
          }
          assert.equal(await send(14, 'refused', 60), 0, `${operation} ${nth}`)
          disk.judge = () => undefined
          assert.ok(log.failure)
          assert.deepEqual((await readAll(log)).length, 3)
          await assertFound(memory.afterKill(), `${operation} ${nth}`)
        }
      })
    }
  }

  for (const where of worlds.filter(({ supportsDsync }) => !supportsDsync)) {
    test(`at its sync leaves nothing either: ${named(where)}`, async () => {
      const { memory, disk, send, assertFound } = await world(where)
      await send(3, 'kept', 60)
      disk.judge = ({ operation, path }) => (operation === 'sync' && isLogFile(path) ? 'EIO' : undefined)
      assert.equal(await send(2, 'refused', 60), 0)
      await assertFound(memory.afterKill(), 'a sync')
    })
  }

  test('is told of with its own cause where it cannot be taken back, which is logged', async () => {
    const { disk, log, logger, send } = await world(worlds[0])
    await send(1, 'kept', 60)
    disk.judge = ({ operation }) => (operation === 'write' ? 'ENOSPC' : operation === 'truncate' ? 'EIO' : undefined)
    assert.equal(await send(1, 'refused', 60), 0)
    assert.equal(log.failure?.code, 'DISK_FULL')
    assert.ok(logger.said.some(({ level, message }) => level === 'error' && message.startsWith('Could not cut')))
  })
})

describe('a log that healed after a round that rolled', () => {
  for (const where of worlds.slice(0, 2)) {
    for (const cut of ['at once', 'by the recovery'] as const) {
      for (const length of [1, 60]) {
        test(`keeps what it acknowledged then when the power fails: cut ${cut}, ${named(where)}, ${length}`, async () => {
          for (let seed = 0; seed < 20; seed++) {
            const { memory, disk, clock, log, send, assertFound } = await world(where)
            await send(2, 'first', length)
            let writes = 0
            disk.judge = ({ operation, path }): Verdict => {
              // A segment that is made removes what lies under its name, too.
              if (operation === 'remove' && writes >= 3 && cut === 'by the recovery') return 'EIO'
              return operation === 'write' && path.endsWith('.log') && ++writes >= 3 ? 'ENOSPC' : undefined
            }
            assert.equal(await send(10, 'refused', 150), 0)
            assert.equal(log.failure?.code, 'DISK_FULL')
            disk.judge = () => undefined
            for (let i = 0; i < 50 && log.failure; i++) {
              await clock.run(200)
              await turns(20)
            }
            assert.equal(log.failure, undefined)
            // Without a roll, which would sync the directory by the way.
            for (let i = 0; i < 1 + (seed % 6) && log.sizeInBytes + 160 <= 700; i++) await send(1, `after ${i}`, length)
            await assertFound(memory.afterCrash(new SeededRandomness(seed)), `seed ${seed}`)
          }
        })
      }
    }
  }
})
