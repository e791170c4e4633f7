/** Whatever file is harmed: the store survives it, nothing is served that was not written, and repair mends it. */

import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { ManualClock } from '../../../sim/manual-clock.js'
import type { MemoryDisk } from '../../../sim/memory-disk.js'
import { diskWith, type Files, filesOf, withFile } from '../../../sim/stored-files.js'
import { HoldfastError } from '../../../src/core/errors.js'
import { batchesIn } from '../../../src/records/batch.js'
import { crc32c } from '../../../src/records/crc32c.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import type { LogSlice } from '../../../src/storage/partition-log.js'
import { type RepairOptions, type RepairReport, repair } from '../../../src/storage/repair/repair.js'
import { cutHarms, fieldHarms, type Harm, otherHarms } from '../inspect/harms.js'
import { brief, check, dataPath, partitionPath, storeFiles, storeTools } from '../inspect/world.js'
import { logOf, mib, readAll, sizedBatch } from '../support.js'

let closed: Files
let written: ReadonlyMap<number, string>

before(async () => {
  closed = await storeFiles()
  const store = await MessageStore.open(dataPath, storeTools(await diskWith(closed)))
  written = new Map((await readAll(logOf(store))).map(({ baseOffset, bytes }) => [baseOffset, hash(bytes)]))
  await store.close()
})

const hash = (bytes: Buffer): string => `${bytes.length} ${crc32c(bytes)}`

const mend = (disk: MemoryDisk, options: Partial<RepairOptions> = {}): Promise<RepairReport> =>
  repair(dataPath, { disk, clock: new ManualClock(), apply: true, ...options })

function harmed({ path, apply }: Harm): Files {
  return withFile(closed, path, apply(closed.get(path) as Buffer))
}

/** Reads as far as the log can be read; every batch is one that was written. */
async function assertNothingInvented(store: MessageStore): Promise<void> {
  const log = store.log('orders', 0)
  if (log === undefined) return
  for (let offset = log.logStartOffset; offset < log.highWatermark; ) {
    const slice: LogSlice | undefined = await log.read(offset, mib).catch((error: unknown) => {
      assert.ok(error instanceof HoldfastError && error.code === 'LOG_DAMAGED', String(error))
      return undefined
    })
    if (slice === undefined || slice.records.length === 0) return
    for (const batch of slice.records.flatMap((bytes) => [...batchesIn(bytes)])) {
      // The leader epoch lies outside the CRC, and leads nobody astray who has one broker.
      batch.stamp(batch.baseOffset, 0)
      assert.equal(hash(batch.bytes), written.get(batch.baseOffset), `offset ${batch.baseOffset}`)
      offset = batch.nextOffset
    }
  }
}

for (const [group, harms] of Object.entries({
  'a flipped bit': fieldHarms,
  'a file cut short': cutHarms,
  'and what else can happen': otherHarms,
})) {
  describe(`${group}:`, () => {
    test('the store opens, or says which file it cannot understand, and serves nothing that was not written', async () => {
      for (const harm of harms) {
        const disk = await diskWith(harmed(harm))
        // Without a full scan, a start after a close in order reads no message, and its readers check the CRCs.
        const plain = await MessageStore.open(dataPath, storeTools(await diskWith(harmed(harm)))).catch(() => undefined)
        await plain?.close()
        const store = await MessageStore.open(dataPath, { ...storeTools(disk), fullScan: true }).catch(
          (error: unknown) => {
            assert.ok(error instanceof HoldfastError && error.code === 'DATA_DIR_DAMAGED', `${harm.name}: ${error}`)
            return undefined
          },
        )
        if (store === undefined) continue
        await assertNothingInvented(store)
        await store.close()
      }
    })

    test('repair mends it: afterwards verify finds nothing, and the store takes messages', async () => {
      for (const harm of harms) {
        for (const choice of ['skip', 'cut'] as const) {
          const isLostStart = harm.path.endsWith('00000000000000000000.log')
          if (isLostStart && choice === 'cut') continue
          const disk = await diskWith(harmed(harm))
          const { findings } = await mend(disk, { choice })
          const left = findings.filter(({ severity }) => severity !== 'note')
          // What the next start makes anew.
          const isStarts = /holdfast\.json|meta\.properties|topics\.json$/.test(harm.path)
          if (!isStarts) assert.deepEqual(brief({ findings: left }), [], `${harm.name}, --${choice}`)
          const store = await MessageStore.open(dataPath, storeTools(disk))
          const log = logOf(store)
          assert.equal(log.failure, undefined, harm.name)
          await log.append(sizedBatch(1000)).acknowledged
          await store.close()
          assert.deepEqual(
            brief(await check(disk)).filter((line) => line.startsWith('error')),
            [],
            harm.name,
          )
        }
      }
    })
  })
}

describe('repair', () => {
  const harm = fieldHarms.find(({ name }) => name.includes('records of')) as Harm

  test('without --apply changes nothing, and without a choice touches no message', async () => {
    const disk = await diskWith(harmed(harm))
    const beforeRepair = await filesOf(disk, dataPath)
    const { steps, applied } = await mend(disk, { apply: false, choice: 'cut' })
    assert.equal(applied, false)
    assert.ok(steps.some(({ kind, path }) => kind === 'do' && path === harm.path))
    const { steps: undecided } = await mend(disk)
    assert.deepEqual(
      undecided.map(({ kind }) => kind),
      ['choose'],
    )
    assert.deepEqual(await filesOf(disk, dataPath), beforeRepair)
  })

  test('with a choice outstanding leaves the end of the log as it was known, also where it mends something else', async () => {
    const last = `${partitionPath}/00000000000000000020.log`
    const bytes = closed.get(last) as Buffer
    for (const mark of ['kept', 'gone']) {
      let files = withFile(closed, last, bytes.subarray(0, 150_000))
      files = withFile(files, `${partitionPath}/notes.txt`, Buffer.from('x'))
      if (mark === 'gone') files = withFile(files, `${dataPath}/log/.kafka_cleanshutdown`, undefined)
      const disk = await diskWith(files)
      const { steps, quarantine } = await mend(disk)
      assert.deepEqual(steps.map(({ kind }) => kind).sort(), ['choose', 'do'], mark)
      assert.ok(quarantine)
      const store = await MessageStore.open(dataPath, storeTools(disk))
      assert.equal(logOf(store).failure?.code, 'LOG_DAMAGED')
      await store.close()
      assert.equal((await disk.readFile(last))?.length, 150_000)
    }
  })

  test('with --cut ends the log before the damage; what it takes out is kept', async () => {
    const disk = await diskWith(harmed(harm))
    const { quarantine } = await mend(disk, { choice: 'cut' })
    const kept = await filesOf(disk, quarantine as string)
    assert.equal(
      kept.get(`${quarantine}/log/orders-0/00000000000000000010.log.bytes-200000-to-1000000`)?.length,
      800_000,
    )
    assert.deepEqual(
      kept.get(`${quarantine}/log/orders-0/00000000000000000020.log`),
      closed.get(`${partitionPath}/00000000000000000020.log`),
    )
    assert.match(String(kept.get(`${quarantine}/README.txt`)), /holdfast repair --apply/)
    const store = await MessageStore.open(dataPath, storeTools(disk))
    assert.equal(logOf(store).logEndOffset, 12)
    assert.equal((await readAll(logOf(store))).length, 12)
    await store.close()
  })

  test('with --skip keeps both sides, at this start and at every later one', async () => {
    const disk = await diskWith(harmed(harm))
    await mend(disk, { choice: 'skip' })
    for (let start = 0; start < 2; start++) {
      const store = await MessageStore.open(dataPath, storeTools(disk))
      const log = logOf(store)
      assert.deepEqual([log.logEndOffset, log.failure], [26 + start, undefined])
      const found = (await readAll(log)).map(({ baseOffset }) => baseOffset)
      assert.deepEqual(
        found.slice(0, 25),
        [...Array(26).keys()].filter((offset) => offset !== 12),
      )
      await log.append(sizedBatch(1000)).acknowledged
      await store.close()
    }
  })

  test('puts a wrong header right without losing a message', async () => {
    for (const one of fieldHarms.filter(({ name }) =>
      /(base offset|length|magic|leader epoch) of a \.log/.test(name),
    )) {
      const disk = await diskWith(harmed(one))
      await mend(disk)
      assert.deepEqual(await disk.readFile(one.path), closed.get(one.path), one.name)
    }
  })

  test('moves foreign files out of the way, which a start leaves where they are', async () => {
    const foreign = ['log/orders-0/notes.txt', 'log/notes.txt', 'log/backup/notes.txt']
    let files = closed
    for (const file of foreign) files = withFile(files, `${dataPath}/${file}`, Buffer.from(file))
    const disk = await diskWith(files)
    const store = await MessageStore.open(dataPath, storeTools(disk))
    assert.equal((await readAll(logOf(store))).length, 26)
    await store.close()
    const { quarantine, findings } = await mend(disk)
    assert.deepEqual(findings, [])
    for (const file of foreign) assert.equal(String(await disk.readFile(`${quarantine}/${file}`)), file)
  })

  test('says --skip where the first segment is gone', async () => {
    const disk = await diskWith(withFile(closed, `${partitionPath}/00000000000000000000.log`, undefined))
    const { steps } = await mend(disk)
    assert.ok(steps.some(({ kind, what }) => kind === 'choose' && what.includes('--skip')))
    await mend(disk, { choice: 'skip' })
    const store = await MessageStore.open(dataPath, storeTools(disk))
    assert.deepEqual([logOf(store).logStartOffset, logOf(store).failure], [10, undefined])
    await store.close()
  })
})

test('a store whose config directory is gone as a whole is mended, and takes messages', async () => {
  const kept = [...closed].filter(([path]) => !path.startsWith(`${dataPath}/config/`))
  const disk = await diskWith(new Map(kept))
  await mend(disk)
  const store = await MessageStore.open(dataPath, storeTools(disk))
  await logOf(store).append(sizedBatch(1000)).acknowledged
  await store.close()
})
