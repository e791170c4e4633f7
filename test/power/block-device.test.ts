/** The disk of our own, tried with a few bytes: what was synced survives a cut at any write, what was not may be gone. */

import assert from 'node:assert/strict'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { dice, seedFor } from '../crash/seeded.js'
import { newFileSystem, withoutRecordedDisk } from '../support/block-device/file-systems.js'
import { mountImage } from '../support/block-device/image-mount.js'
import { PowerCuts, survivals } from '../support/block-device/power-cut.js'
import { mountRecorded } from '../support/block-device/recorded-disk.js'
import { makePowerDirectory } from '../support/block-device/undoing.js'

for (const kind of ['ext4', 'xfs'] as const) {
  test(`${kind}: what was synced survives a power cut at any write`, { skip: withoutRecordedDisk(kind) }, async (t) => {
    const seed = seedFor('HOLDFAST_TEST_SEED')
    t.diagnostic(`seed ${seed}`)
    const chance = dice(seed)
    const directory = makePowerDirectory()
    try {
      const base = newFileSystem(directory.path, kind)
      const disk = await mountRecorded(directory.path, { image: base, kind })
      const syncedAt: number[] = []
      const file = openSync(join(disk.path, 'synced'), 'w')
      for (let line = 0; line < 10; line++) {
        writeSync(file, `line ${line}\n`)
        fsyncSync(file)
        syncedAt.push(disk.position())
      }
      writeSync(file, 'never synced\n')
      const beforeEnd = disk.position()
      closeSync(file)
      const record = await disk.end()
      assert.ok(record.some((entry) => entry.kind === 'flush'))
      const cuts = new PowerCuts(base, record)
      let lost = 0
      for (let position = 0; position <= beforeEnd; position++) {
        const image = cuts.at(position, survivals[chance.between(0, survivals.length - 1)], chance)
        const mounted = mountImage(directory.path, image, kind)
        const path = join(mounted.path, 'synced')
        const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
        mounted.end()
        const promised = syncedAt.filter((at) => at <= position).length
        assert.ok(
          text.split('\n').length > promised,
          `${promised} lines were synced at ${position}: ${JSON.stringify(text)}`,
        )
        if (!text.includes('never')) lost++
      }
      t.diagnostic(`${beforeEnd + 1} cuts`)
      assert.equal(lost, beforeEnd + 1, 'nothing made the last line durable')
    } finally {
      directory.remove()
    }
  })
}
