/**
 * The power goes at some of the writes that the engine asks of a real file system, and whatever the file system makes of
 * that is mounted, opened and held against what was promised. `npm run test:power` does it some thousand times.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seedFor } from '../crash/seeded.js'
import { newFileSystem, withoutRecordedDisk } from '../support/block-device/file-systems.js'
import { makePowerDirectory } from '../support/block-device/undoing.js'
import { type CampaignResult, campaign } from './campaign.js'
import { BrokenPromise } from './cutting.js'
import type { WorldChoice } from './world.js'

async function cut(choice: WorldChoice, seed: number, cuts: number): Promise<CampaignResult> {
  const directory = makePowerDirectory()
  try {
    const newDisk = newFileSystem(directory.path, 'ext4')
    return await campaign({ directory: directory.path, newDisk, seed, choice, cuts, steps: 10, followed: 1 })
  } finally {
    directory.remove()
  }
}

test('what was acknowledged survives', { skip: withoutRecordedDisk('ext4') }, async (t) => {
  const seed = seedFor('HOLDFAST_TEST_SEED')
  t.diagnostic(`seed ${seed}`)
  const { cuts, promised } = await cut({ face: 'library' }, seed, 9)
  assert.ok(cuts > 0)
  t.diagnostic(`${cuts} cuts, ${promised} promises kept`)
})

test('a queue that acknowledges before it has flushed is caught', { skip: withoutRecordedDisk('ext4') }, async () => {
  const settings = {
    'flush.disk.type': 'ASYNC_FLUSH',
    'flush.interval.ms': 10_000,
    'flush.commitlog.interval': 100_000,
  }
  await assert.rejects(async () => {
    for (let seed = 1; seed <= 4; seed++) await cut({ face: 'library', settings }, seed, 20)
  }, BrokenPromise)
})
