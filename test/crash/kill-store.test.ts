/**
 * SIGKILL of a program that writes, rolls, deletes and recycles, under every flush policy on either engine: an
 * acknowledgement promises at least the page cache, which outlives a process, so that nothing acknowledged may be gone.
 * What is left of the files afterwards is looked at too. A few kills each here, many under `npm run test:kill`.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { resolveSettings, type Settings, type SettingsInput } from '../../src/core/settings.js'
import { libc } from '../../src/files/libc.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { batchesIn } from '../../src/records/batch.js'
import { readRecords } from '../../src/records/reader.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { readAll } from '../storage/support.js'
import { programArguments } from '../support/child-program.js'
import { dice, seedFor } from './seeded.js'

/** Kills between two looks at the store: the program itself recovers what the one before it left. */
const killsInARow = 2

type World = Pick<Settings, 'flush.disk.type' | 'file.engine' | 'storage.layout'>

const combinations: readonly World[] = [
  ...(['SYNC_FLUSH', 'BATCH_FLUSH', 'ASYNC_FLUSH'] as const).flatMap((flush) =>
    (['disk', 'mmap'] as const).map(
      (engine): World => ({ 'flush.disk.type': flush, 'file.engine': engine, 'storage.layout': 'segments' }),
    ),
  ),
  { 'flush.disk.type': 'SYNC_FLUSH', 'file.engine': 'disk', 'storage.layout': 'commitlog' },
  { 'flush.disk.type': 'BATCH_FLUSH', 'file.engine': 'mmap', 'storage.layout': 'commitlog' },
  { 'flush.disk.type': 'ASYNC_FLUSH', 'file.engine': 'disk', 'storage.layout': 'commitlog' },
]

const worlds = combinations.map((combination) => ({
  ...combination,
  'file.preallocate': 'zero' as const,
  'log.segment.bytes': 1 << 20,
  'mapped.file.size.commitlog': 1 << 20,
  'mapped.file.size.consumequeue': 4000,
  'max.hash.slot.num': 1000,
  'max.index.num': 1000,
  'flush.batch.size': 10,
  'flush.interval.ms': 2,
  'flush.commitlog.interval': 50,
  'log.flush.offset.checkpoint.interval.ms': 20,
}))
/** Of all worlds together. */
const kills = Number(process.env['HOLDFAST_TEST_KILLS'] ?? 12)

interface Told {
  /** By offset. */
  readonly acknowledged: Map<number, string>
  deletedBefore: number
}

async function writeUntilKilled(dataDir: string, tag: string, settings: SettingsInput, afterMs: number, told: Told) {
  const program = join(import.meta.dirname, 'store-writer.ts')
  const args = [...programArguments(program), dataDir, tag, JSON.stringify(settings)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
  const exited = once(child, 'exit')
  let text = ''
  let errors = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  const closed = once(child.stdout, 'close')
  await Promise.race([once(child.stdout, 'data'), exited])
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  child.kill('SIGKILL')
  await Promise.all([exited, closed])
  assert.equal(errors, '')
  // The last line may be cut off.
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    const [first, second] = line.split(' ')
    if (first === 'delete') told.deletedBefore = Number(second)
    else if (second !== undefined) told.acknowledged.set(Number(first), second)
  }
}

async function assertFound(dataDir: string, settings: SettingsInput, told: Told): Promise<void> {
  const store = await MessageStore.open(dataDir, { settings: resolveSettings(settings) })
  try {
    const log = store.log('t', 0) as PartitionLog | undefined
    if (log === undefined) return assert.equal(told.acknowledged.size, 0)
    assert.equal(log.failure, undefined, log.failure?.message)
    assert.ok(log.logStartOffset <= told.deletedBefore, 'what nobody deleted is gone from the start')
    const stored = new Map<number, string>()
    for (const { bytes } of await readAll(log)) {
      const [batch] = [...batchesIn(bytes)]
      for (const record of readRecords(batch)) {
        if (record.offset >= log.logStartOffset) stored.set(record.offset, record.value?.toString().split('.')[0] ?? '')
      }
    }
    assert.equal(stored.size, log.logEndOffset - log.logStartOffset, 'offsets have no holes')
    assert.equal(new Set(stored.values()).size, stored.size, 'nothing is stored twice')
    for (const [offset, value] of told.acknowledged) {
      if (offset >= log.logStartOffset) assert.equal(stored.get(offset), value, `what was acknowledged at ${offset}`)
      else assert.ok(offset < told.deletedBefore)
    }
    for (const offset of told.acknowledged.keys()) if (offset < log.logStartOffset) told.acknowledged.delete(offset)
  } finally {
    await store.close()
  }
}

const partition = (dataDir: string) => join(dataDir, 'log/t-0')

/** However often it was killed, it leaves a spare and a segment that was being removed, not one for each life. */
async function assertFewSpares(dataDir: string): Promise<void> {
  const names = await readdir(partition(dataDir)).catch(() => [])
  const spares = names.filter((name) => name.endsWith('.deleted'))
  assert.ok(spares.length <= 3, `spares are left: ${spares.join(', ')}`)
}

/** After a close in order each log file ends with its last batch, and nothing lies beside what belongs to the log. */
async function assertTidy(dataDir: string): Promise<void> {
  const names = await readdir(partition(dataDir)).catch(() => [])
  assert.deepEqual(
    names.filter(
      (name) => !/^\d{20}\.(log|index|timeindex|snapshot)$|^(partition\.metadata|leader-epoch.*)$/.test(name),
    ),
    [],
  )
  for (const name of names.filter((one) => one.endsWith('.log'))) {
    const bytes = await readFile(join(partition(dataDir), name))
    const size = [...batchesIn(bytes)].reduce((sum, batch) => sum + batch.sizeInBytes, 0)
    assert.equal(bytes.length, size, `${name} ends with its last batch`)
  }
}

describe(`${kills} kills of a program that writes to a store lose nothing that was acknowledged`, () => {
  for (const settings of worlds) {
    const name = `${settings['storage.layout']}, ${settings['flush.disk.type']}, ${settings['file.engine']}`
    const skip = settings['file.engine'] === 'mmap' && libc() === undefined
    test(name, { skip, timeout: 60_000 + kills * 10_000 }, async (t) => {
      const seed = seedFor('HOLDFAST_TEST_SEED')
      t.diagnostic(`seed ${seed} (HOLDFAST_TEST_SEED=${seed} repeats the moments of the kills)`)
      const chance = dice(seed)
      const told: Told = { acknowledged: new Map(), deletedBefore: 0 }
      const directory = await makeTemporaryDirectory('holdfast-kill-store-')
      let acknowledged = 0
      try {
        for (let round = 0; round < kills / worlds.length / killsInARow; round++) {
          for (let kill = 0; kill < killsInARow; kill++) {
            const tag = `r${round}k${kill}`
            // Now and then in the middle of the opening, mostly in full flight.
            await writeUntilKilled(directory.path, tag, settings, chance.between(0, 300), told)
            await assertFewSpares(directory.path)
          }
          acknowledged = Math.max(acknowledged, ...told.acknowledged.keys())
          await assertFound(directory.path, settings, told)
          await assertTidy(directory.path)
        }
        t.diagnostic(`acknowledged up to offset ${acknowledged}, deleted before ${told.deletedBefore}`)
      } finally {
        await directory.remove()
      }
    })
  }
})
