/**
 * The key index against a plain map, on a disk that loses power at every step: whatever happened, what is found is what
 * the log holds, no more and no less.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import { systemClock } from '../../../src/core/clock.js'
import { silentLogger } from '../../../src/core/logger.js'
import { batchesIn } from '../../../src/records/batch.js'
import { readRecords } from '../../../src/records/reader.js'
import type { HashInto } from '../../../src/storage/key-index/hash.js'
import type { KeyIndex } from '../../../src/storage/key-index/key-index.js'
import { SegmentLog } from '../../../src/storage/segments/segment-log.js'
import { sharedTables } from '../../../src/storage/shared-tables.js'
import { mib, readAll, settingsWith } from '../support.js'
import { byId, byKey, idHeader, type Keyed, keyedBatch, offsetsOf, openIndex } from './world.js'

const directory = '/data/log/orders-0'

async function openLogOn(disk: MemoryDisk, clean: boolean, flush: 'SYNC_FLUSH' | 'ASYNC_FLUSH'): Promise<SegmentLog> {
  const settings = settingsWith({ 'log.segment.bytes': mib, 'flush.disk.type': flush, 'file.preallocate': 'none' })
  return SegmentLog.open({
    topic: 'orders',
    partition: 0,
    directory,
    disk,
    tables: sharedTables({ disk, clock: systemClock, settings }),
    clock: systemClock,
    logger: silentLogger,
    settings,
    clean,
    recoveryPoint: 0,
    logStartOffset: 0,
  })
}

/** Few values of the hash, so that keys and ids collide all the time. */
const crowded: HashInto = (bytes, start, end, _kind, out) => {
  let sum = 0
  for (let at = start; at < end; at++) sum += bytes[at]
  out.hi = (sum % 5) * 0x33333333
  out.lo = 0
}

const keys = ['a', 'b', 'c', 'd', 'ab', 'ba']

/** That each key and id is found exactly where reading the whole log finds it. */
async function assertTruth(log: SegmentLog, index: KeyIndex): Promise<void> {
  const truth = new Map<string, number[]>()
  const note = (name: string, offset: number) => truth.set(name, [offset, ...(truth.get(name) ?? [])])
  for (const { bytes } of await readAll(log)) {
    for (const batch of batchesIn(bytes)) {
      for (const { offset, key, headers } of readRecords(batch)) {
        if (offset < log.logStartOffset) continue
        const named = headers.find((header) => header.key === 'KEYS')?.value?.toString() ?? ''
        const all = new Set([...named.split(' ').filter(Boolean), ...(key === null ? [] : [key.toString()])])
        for (const each of all) note(`key ${each}`, offset)
        const id = headers.find((header) => header.key === idHeader)
        if (id !== undefined) note(`id ${id.value}`, offset)
      }
    }
  }
  for (const name of keys) {
    assert.deepEqual(await offsetsOf(index, byKey(name)), truth.get(`key ${name}`) ?? [], `key ${name}`)
    assert.deepEqual(await offsetsOf(index, byId(name)), truth.get(`id ${name}`) ?? [], `id ${name}`)
  }
}

type Step =
  | { readonly do: 'append'; readonly records: readonly Keyed[] }
  | { readonly do: 'index' | 'write' | 'find' | 'reopen' | 'kill' }
  | { readonly do: 'trim'; readonly part: number }
  | { readonly do: 'lose' | 'rot'; readonly which: number }

const record = fc.record({
  key: fc.option(fc.constantFrom(...keys), { nil: null }),
  id: fc.option(fc.constantFrom(...keys), { nil: undefined }),
  keys: fc.option(fc.constantFrom('', 'a', 'a b', ' ab  a a ', 'ba c d'), { nil: undefined }),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      records: fc.array(record, { minLength: 1, maxLength: 9 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('index' as const, 'write' as const, 'find' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('reopen' as const, 'kill' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('trim' as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('lose' as const, 'rot' as const), which: fc.nat(20) }) },
)

test('whatever is done to log and index, the index finds what the log holds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), fc.boolean(), async (steps, isCrowded) => {
      let disk = new MemoryDisk()
      await disk.makeDirectory(directory)
      let log = await openLogOn(disk, true, 'SYNC_FLUSH')
      const opening = () => ({ disk, tableEntries: 8, hash: isCrowded ? crowded : undefined })
      let index = openIndex(undefined, log, opening())
      for (const each of steps) {
        if (each.do === 'append') await log.append(keyedBatch(each.records)).acknowledged
        else if (each.do === 'index') await index.catchUp(log.highWatermark)
        else if (each.do === 'write') await index.writeTable()
        else if (each.do === 'find') await assertTruth(log, index)
        else if (each.do === 'trim') {
          await log.deleteRecordsBefore(Math.floor(log.highWatermark * each.part))
          await index.tidy()
        } else {
          // The next process finds the files as they are now, or with one of them lost or changed.
          await index.close()
          if (each.do === 'kill') disk = disk.afterKill()
          else if (each.do === 'lose' || each.do === 'rot') await harm(disk, each)
          if (each.do === 'kill') log = await openLogOn(disk, false, 'SYNC_FLUSH')
          index = openIndex(undefined, log, opening())
        }
      }
      await assertTruth(log, index)
      await index.close()
      await log.close()
    }),
    { numRuns: 15 },
  )
})

async function harm(disk: MemoryDisk, { do: how, which }: Extract<Step, { which: number }>): Promise<void> {
  const names = ((await disk.list('/data/index/orders-0')) ?? []).map(({ name }) => name).sort()
  if (names.length === 0) return
  const path = `/data/index/orders-0/${names[which % names.length]}`
  if (how === 'lose') return disk.remove(path)
  const bytes = Buffer.from((await disk.readFile(path)) ?? '')
  bytes[(which * 977) % bytes.length] ^= 1
  await disk.replaceFile(path, bytes)
}

for (const flush of ['SYNC_FLUSH', 'ASYNC_FLUSH'] as const) {
  test(`power that fails at any step leaves an index that is brought up to date: ${flush}`, async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = new SeededRandomness(seed)
      const disk = new MemoryDisk()
      await disk.makeDirectory(directory)
      const crashed = disk.crashAfter(10 + random.below(700))
      await Promise.race([work(disk, random, flush), crashed])
      const found = disk.afterCrash(random)
      await found.makeDirectory(directory)
      const log = await openLogOn(found, false, flush)
      const index = openIndex(undefined, log, { disk: found, tableEntries: 8 })
      await assertTruth(log, index)
      // Offsets that the crash took away are given again, to other records.
      for (let i = 0; i < 3; i++) await log.append(keyedBatch([{ key: 'ba', id: 'ba' }])).acknowledged
      await assertTruth(log, index)
      await index.close()
      await log.close()
    }
  })
}

async function work(disk: MemoryDisk, random: SeededRandomness, flush: 'SYNC_FLUSH' | 'ASYNC_FLUSH'): Promise<void> {
  const log = await openLogOn(disk, true, flush)
  const index = openIndex(undefined, log, { disk, tableEntries: 8 })
  for (;;) {
    const records = Array.from({ length: 1 + random.below(5) }, () => ({
      key: keys[random.below(keys.length)],
      id: keys[random.below(keys.length)],
    }))
    await log.append(keyedBatch(records)).acknowledged
    if (random.once(2)) await index.catchUp(log.highWatermark)
    if (random.once(9)) await log.deleteRecordsBefore(random.below(log.highWatermark))
  }
}
