/**
 * Fails the Nth call to the disk, for every N: once, or that one and all after it. Whatever is acknowledged then must be
 * found when the store is opened on a healthy disk: as the files are, and, under sync, also after the power failed.
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultDisk, type Verdict } from '../../sim/fault-disk.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { assertKept, live, smallSettings } from './workload.js'

interface World {
  readonly flush: 'sync' | 'async'
  readonly supportsDsync: boolean
}

const worlds: readonly World[] = [
  { flush: 'sync', supportsDsync: true },
  { flush: 'sync', supportsDsync: false },
  { flush: 'async', supportsDsync: true },
]

describe('failing every call to the disk in turn', () => {
  for (const { flush, supportsDsync } of worlds) {
    for (const errno of ['EIO', 'ENOSPC'] as const) {
      for (const onwards of [false, true]) {
        const how = `${errno}, ${onwards ? 'from then on' : 'once'}, ${flush}${supportsDsync ? '' : ' without dsync'}`
        test(how, async () => {
          const settings = smallSettings(flush)
          for (let number = 1; ; number++) {
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
