/**
 * Takes the power away from a commit log at random steps, or its process, several times in a life, and again while it
 * recovers. What was promised is found, once, and nothing else; whatever a crash left behind the end never comes back.
 *
 * A failure prints its seed; HOLDFAST_TEST_SEED=<seed> runs that one alone.
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import type { SettingsInput } from '../../../src/core/settings.js'
import { CommitLogStore } from '../../../src/storage/commitlog/commit-log-store.js'
import { movesUntil } from '../support.js'
import { fileBytes } from './damage-world.js'
import { StoreLife } from './store-life.js'
import { smallFiles } from './store-world.js'

const crashes = 5
const seedsEach = Number(process.env['HOLDFAST_TEST_SEEDS'] ?? 3)

interface World {
  readonly settings: SettingsInput
  readonly supportsDsync?: boolean
  readonly isFaulty?: boolean
}

async function livesAndCrashes(seed: number, { settings, supportsDsync = true, isFaulty }: World): Promise<void> {
  const random = new SeededRandomness(seed)
  const life = new StoreLife(random, { ...smallFiles, ...settings }, { isFaulty })
  let disk = new MemoryDisk({ supportsDsync })
  for (let crash = 0; crash < crashes; crash++) {
    await movesUntil(disk, [disk.crashAfter(1 + random.below(400)), life.liveOn(disk)])
    life.dies()
    let killed = random.once(2)
    disk = killed ? disk.afterKill() : disk.afterCrash(random)
    if (random.once(2)) {
      const again = disk.crashAfter(1 + random.below(40))
      const opened = await movesUntil(disk, [again, life.open(disk)])
      if (opened instanceof CommitLogStore) await movesUntil(disk, [again, opened.close()])
      disk = disk.afterCrash(random)
      killed = false
    }
    await assertSizes(disk)
    const store = await life.open(disk)
    await life.assertFound(store, { killed })
    await life.append(store)
    if (random.once(2)) assert.equal(await store.close(), true)
    else disk = disk.afterKill()
  }
}

/** RocketMQ opens files of full length alone, and an empty last one; a crash in a cut leaves one that only we make whole. */
async function assertSizes(disk: MemoryDisk): Promise<void> {
  const directory = '/data/store/commitlog'
  const names = ((await disk.list(directory)) ?? []).map(({ name }) => name).sort()
  for (const [i, name] of names.entries()) {
    const length = (await disk.stat(`${directory}/${name}`))?.sizeInBytes ?? -1
    const isLast = i === names.length - 1
    assert.ok(isLast ? length <= fileBytes : length === fileBytes, `${name} has ${length} bytes`)
  }
}

describe('when the power fails under a commit log', () => {
  const one = process.env['HOLDFAST_TEST_SEED']
  const seeds =
    one === undefined ? Array.from({ length: seedsEach }, () => Math.floor(Math.random() * 2 ** 31)) : [Number(one)]
  const batch: SettingsInput = { 'flush.disk.type': 'BATCH_FLUSH', 'flush.batch.size': 1 }
  const async: SettingsInput = { 'flush.disk.type': 'ASYNC_FLUSH', 'flush.commitlog.interval': 3 }
  const worlds: Record<string, World> = {
    sync: { settings: {} },
    'sync, a disk without dsync': { settings: {}, supportsDsync: false },
    'sync, reserved ahead': { settings: { 'file.preallocate': 'fallocate' } },
    'sync, zeros ahead': { settings: { 'file.preallocate': 'zero' } },
    'sync, mapped': { settings: { 'file.engine': 'mmap' } },
    batch: { settings: batch },
    async: { settings: async },
    'async, mapped': { settings: { ...async, 'file.engine': 'mmap' } },
    'sync, a disk that refuses now and then': { settings: {}, isFaulty: true },
    'the same without dsync': { settings: {}, supportsDsync: false, isFaulty: true },
    'async, a disk that refuses now and then': { settings: async, isFaulty: true },
  }
  for (const [how, world] of Object.entries(worlds)) {
    test(`what was promised is found: ${how}`, async () => {
      for (const seed of seeds) {
        await livesAndCrashes(seed, world).catch((cause: unknown) => {
          throw new Error(`seed ${seed} (HOLDFAST_TEST_SEED=${seed}): ${(cause as Error).message}`, { cause })
        })
      }
    })
  }
})
