/** A directory whose sync failed, or whose maker died before it, is there; its name is not on the disk for all that. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { type Acknowledged, appendWaves, assertKept, openStore, smallCommitLog, smallSettings } from './workload.js'

const layouts = { segments: smallSettings('sync'), commitlog: smallCommitLog('sync') }

for (const [layout, settings] of Object.entries(layouts)) {
  for (const dies of [false, true]) {
    test(`what is written after a sync of a directory failed is found: ${layout}${dies ? ', by another process' : ''}`, async () => {
      let failed = true
      for (let failing = 1; failed; failing++) {
        failed = false
        let isOver = false
        let syncs = 0
        const fault = { errno: 'EMFILE', effect: 'none' } as const
        const ask = (operation: string) => {
          if (isOver || operation !== 'syncDirectory' || ++syncs !== failing) return undefined
          failed = true
          return fault
        }
        let disk = new MemoryDisk({ faults: { ask, evicts: () => false, below: () => 0 } })
        let store = await openStore(disk, settings).catch(() => undefined)
        await store?.createTopic({ name: 'orders', partitions: 1 }).catch(() => {})
        isOver = true
        if (store === undefined || dies) {
          disk = disk.afterKill()
          store = await openStore(disk, settings)
        }
        if (store.topic('orders') === undefined) await store.createTopic({ name: 'orders', partitions: 1 })
        const known: Acknowledged = new Map()
        await appendWaves(store, 1, known)
        for (let seed = 1; seed <= 4; seed++) {
          const found = disk.afterCrash(new SeededRandomness(seed))
          await assertKept(found, settings, new Map(known), `sync ${failing} of a directory failed`)
        }
        assert.ok(known.size > 0)
      }
    })
  }
}
