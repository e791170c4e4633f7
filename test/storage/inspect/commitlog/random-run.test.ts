/** What a random run leaves of a commit log, closed, killed or after a power failure, is sound, and verify agrees. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../../sim/seeded-randomness.js'
import { checkStore } from '../../../../src/storage/inspect/commitlog/check-store.js'
import { Findings } from '../../../../src/storage/inspect/findings.js'
import { append, smallFiles, storeWorld } from '../../commitlog/store-world.js'
import { batchOf, settingsWith } from '../../support.js'
import { keyed } from './world.js'

type Step =
  | { readonly kind: 'append'; readonly queue: number; readonly count: number; readonly batch: number }
  | { readonly kind: 'checkpoint' | 'delete' | 'close' | 'kill' | 'crash' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      queue: fc.nat(3),
      count: fc.integer({ min: 1, max: 40 }),
      batch: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('checkpoint', 'delete', 'close', 'kill', 'crash') }) },
)

const settings = settingsWith(smallFiles)
const [storePath, snapshotPath] = ['/data/store', '/data/queues.snapshot']

async function verified(disk: MemoryDisk): Promise<string[]> {
  const findings = new Findings()
  const request = { storePath, snapshotPath, settings, sinceOf: () => 0, onBytes: () => {} }
  await checkStore(disk, request, findings)
  return findings.all
    .filter(({ severity }) => severity !== 'note')
    .map(({ code, path, what }) => `${code} ${path}: ${what}`)
}

test('whatever was done to a store, and however it ended, verify finds nothing that a start does not see to', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), fc.nat(), async (steps, seed) => {
      const random = new SeededRandomness(seed)
      let disk = new MemoryDisk()
      let world = storeWorld(disk, '/data', { clock: new ManualClock() })
      let store = await world.open()
      let written = 0
      const reopened = async (left: MemoryDisk): Promise<void> => {
        const found = await verified(left)
        assert.deepEqual(
          found.filter((one) => !one.startsWith('torn-tail')),
          [],
        )
        disk = left
        world = storeWorld(disk, '/data', { clock: new ManualClock() })
        store = await world.open()
      }
      for (const one of [...steps, { kind: 'close' } as const]) {
        if (one.kind === 'append') {
          const queue = store.ensureQueue('orders', one.queue)
          for (let i = 0; i < one.count; i++) await append(queue, one.batch === 1 ? keyed(written++) : many(one.batch))
        } else if (one.kind === 'checkpoint') await store.checkpoint()
        else if (one.kind === 'delete') await store.deleteFilesBefore(store.endPosition - 70_000)
        else if (one.kind === 'close') {
          await store.close()
          await reopened(disk)
        } else await reopened(one.kind === 'kill' ? disk.afterKill() : disk.afterCrash(random))
      }
      await store.close()
    }),
    { numRuns: 25 },
  )
})

function many(count: number) {
  return batchOf(Array.from({ length: count }, (_, i) => `${i}`.padEnd(300, '.')))
}
