/**
 * Fails the Nth call to the disk, for every N, of which each run takes some: once, or that one and all after it. Whatever is acknowledged then must be
 * found when the store is opened on a healthy disk: as the files are, and, under sync, also after the power failed.
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultDisk, type Verdict } from '../../sim/fault-disk.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { seedFor, strideFor } from '../crash/seeded.js'
import { assertKept, live, smallCommitLog, smallSettings } from './workload.js'

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

/** A life on the commit log has several times the calls. */
const strides = { segments: strideFor(4), commitlog: strideFor(20) }

describe('failing every call to the disk in turn', () => {
  for (const { flush, supportsDsync, layout } of worlds) {
    for (const errno of ['EIO', 'ENOSPC'] as const) {
      for (const onwards of [false, true]) {
        const how = `${errno}, ${onwards ? 'from then on' : 'once'}, ${layout}, ${flush}${supportsDsync ? '' : ' without dsync'}`
        test(how, async (t) => {
          const seed = seedFor('HOLDFAST_TEST_SEED')
          const stride = strides[layout]
          t.diagnostic(`seed ${seed} (HOLDFAST_TEST_SEED=${seed} fails the same calls)`)
          const settings = layout === 'segments' ? smallSettings(flush) : smallCommitLog(flush)
          for (let number = 1 + (seed % stride); ; number += stride) {
            const what = `call ${number}, ${how}`
            const memory = new MemoryDisk({ supportsDsync })
            const disk = new FaultDisk(memory, (call): Verdict => {
              const fails = onwards ? call.number >= number : call.number === number
              return fails ? errno : undefined
            })
            const acknowledged = await live(disk, settings)
            assert.equal(disk.openFiles, 0, `${what}: files stay open`)
            const failed = disk.calls[number - 1]
            const told = `${what} (${failed?.operation} ${failed?.path})`
            if (flush === 'sync') {
              const found = memory.afterCrash(new SeededRandomness(number))
              await assertKept(found, settings, acknowledged, `${told}, after the power failed`)
            }
            await assertKept(memory, settings, acknowledged, told)
            if (failed === undefined) {
              assert.ok(number > 80, `only ${number} calls were failed`)
              assert.equal(acknowledged.size, 16)
              return
            }
          }
        })
      }
    }
  }
})
