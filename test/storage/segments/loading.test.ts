/** What opening makes of the files that a crash, a kill or a hand left behind. */

import assert from 'node:assert/strict'
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { nodeDisk } from '../../../src/files/node-disk.js'
import type { RecordBatch } from '../../../src/records/batch.js'
import { appendAll, batchOf, bytesOf, readAll, recordingLogger, sizedBatch, until } from '../support.js'
import { closedLog, contentOf, filesIn, named, openLog } from './world.js'

const log0 = named(0, '.log')
const batches = (): RecordBatch[] => [batchOf(['a', 'b']), batchOf(['c']), batchOf(['d', 'e', 'f'])]

/** What a process that was killed leaves: the log, and indexes of an earlier day. */
async function killedLog(t: Parameters<typeof closedLog>[0], all: readonly RecordBatch[]): Promise<string> {
  const directory = await closedLog(t, all)
  for (const name of await filesIn(directory)) if (name.endsWith('.snapshot')) await rm(join(directory, name))
  return directory
}

/** Bytes up to the last one that is not zero: zeros behind them say nothing, they may have been there before. */
function contentLength(tail: Buffer): number {
  return tail.findLastIndex((byte) => byte !== 0) + 1
}

describe('opening a log after a crash', () => {
  test('a last batch that is torn at any byte is cut, and the log goes on', async (t) => {
    const all = batches()
    const directory = await killedLog(t, all)
    const whole = await readFile(join(directory, log0))
    const kept = all[0].sizeInBytes + all[1].sizeInBytes
    for (let length = kept; length < whole.length; length++) {
      await writeFile(join(directory, log0), whole.subarray(0, length))
      const log = await openLog(t, directory)
      assert.equal(log.failure, undefined)
      assert.equal(log.logEndOffset, 3)
      assert.equal(log.report.cutBytes, contentLength(whole.subarray(kept, length)))
      assert.deepEqual(await readAll(log), bytesOf(all.slice(0, 2)))
      const next = batchOf(['next'])
      await log.append(next).acknowledged
      assert.equal(next.baseOffset, 3)
      await log.close()
      assert.equal((await stat(join(directory, log0))).size, kept + next.sizeInBytes)
    }
  })

  test('a bit that is wrong anywhere in the last batch cuts it, where its checksum or its place tells', async (t) => {
    const all = batches()
    const directory = await killedLog(t, all)
    const whole = await readFile(join(directory, log0))
    const kept = all[0].sizeInBytes + all[1].sizeInBytes
    for (let at = kept; at < whole.length; at++) {
      const field = at - kept
      // The leader epoch lies outside the checksum; so does the base offset, which its place tells.
      if (field >= 12 && field < 16) continue
      const bytes = Buffer.from(whole)
      bytes[at] ^= 1 << (at % 8)
      await writeFile(join(directory, log0), bytes)
      const log = await openLog(t, directory)
      assert.equal(log.logEndOffset, 3, `byte ${field} of the batch`)
      assert.deepEqual(await readAll(log), bytesOf(all.slice(0, 2)))
      await log.close()
    }
  })

  const tails: Record<string, Buffer> = {
    'zeros, as a preallocated file has': Buffer.alloc(5000),
    'few zeros': Buffer.alloc(5),
    garbage: Buffer.alloc(5000, 0xa5),
    'a batch that begins again at an old offset': batchOf(['again']).bytes,
    'a length that reaches far beyond the file': Buffer.from(
      `00000000000000067fffff00ffffffff02${'00'.repeat(60)}`,
      'hex',
    ),
    'a negative length': Buffer.from(`0000000000000006ffffffffffffffff02${'00'.repeat(60)}`, 'hex'),
  }
  for (const [what, tail] of Object.entries(tails)) {
    test(`a tail of ${what} is cut`, async (t) => {
      const all = batches()
      const directory = await killedLog(t, all)
      const whole = await readFile(join(directory, log0))
      await writeFile(join(directory, log0), Buffer.concat([whole, tail]))
      const log = await openLog(t, directory)
      assert.deepEqual([log.logEndOffset, log.report.cutBytes, log.failure], [6, contentLength(tail), undefined])
      assert.deepEqual(await readAll(log), bytesOf(all))
      await log.close()
      assert.equal((await stat(join(directory, log0))).size, whole.length)
    })
  }

  test('an empty log file is an empty log', async (t) => {
    const directory = await killedLog(t, batches())
    await writeFile(join(directory, log0), '')
    const log = await openLog(t, directory)
    assert.equal(log.logEndOffset, 0)
    await log.append(batchOf(['first'])).acknowledged
    await log.close()
  })

  test('indexes are rebuilt, orphans and half-written files removed, what is not ours left alone', async (t) => {
    const all = Array.from({ length: 25 }, (_, i) => sizedBatch(100_000, `${i}`))
    const directory = await closedLog(t, all)
    const written = await contentOf(directory)
    await rm(join(directory, named(0, '.index')))
    await rm(join(directory, named(10, '.timeindex')))
    const orphans = [named(5, '.index'), named(5, '.timeindex'), named(77, '.txnindex'), `${named(0, '.index')}.tmp`]
    for (const name of orphans) await writeFile(join(directory, name), 'left over')
    for (const name of ['notes.txt', '5.log', `${named(3, '.log')}.quarantined`])
      await writeFile(join(directory, name), 'mine')
    await mkdir(join(directory, named(9, '.log')))
    const log = await openLog(t, directory)
    assert.deepEqual(await readAll(log), bytesOf(all))
    await log.close()
    await rm(join(directory, named(9, '.log')), { recursive: true })
    const {
      'notes.txt': notes,
      '5.log': five,
      [`${named(3, '.log')}.quarantined`]: aside,
      ...found
    } = await contentOf(directory)
    assert.deepEqual([notes, five, aside], Array(3).fill(Buffer.from('mine').toString('hex')))
    assert.deepEqual(Object.keys(found), Object.keys(written))
    assert.deepEqual(found, written)
  })

  test('snapshots beyond the end of the log are not believed', async (t) => {
    const producer = (baseSequence: number) => ({ producerId: 5, producerEpoch: 0, baseSequence })
    const all = [batchOf(['a'], producer(0)), batchOf(['b'], producer(1)), batchOf(['c'], producer(2))]
    const directory = await closedLog(t, all)
    assert.ok((await filesIn(directory)).includes(named(3, '.snapshot')))
    const kept = all[0].sizeInBytes + all[1].sizeInBytes
    await truncate(join(directory, log0), kept)
    for (const clean of [false, true]) {
      const log = await openLog(t, directory, { clean })
      assert.equal(log.logEndOffset, 2)
      const again = log.append(batchOf(['c'], producer(2)))
      assert.equal(again.duplicate, false, 'a batch that was lost is no duplicate')
      assert.equal(log.append(batchOf(['b'], producer(1))).duplicate, true)
      await log.close()
      await truncate(join(directory, log0), kept)
      assert.deepEqual(
        (await filesIn(directory)).filter((name) => name.endsWith('.snapshot')),
        [named(3, '.snapshot')],
      )
    }
  })

  test('a snapshot that is damaged is passed over; the batches tell', async (t) => {
    const producer = (baseSequence: number) => ({ producerId: 5, producerEpoch: 0, baseSequence })
    const directory = await closedLog(t, [batchOf(['a'], producer(0)), batchOf(['b'], producer(1))])
    await writeFile(join(directory, named(2, '.snapshot')), Buffer.alloc(56, 1))
    const log = await openLog(t, directory)
    assert.equal(log.append(batchOf(['b'], producer(1))).duplicate, true)
  })

  test('snapshots do not pile up with the times it is opened and closed', async (t) => {
    const directory = await closedLog(t, batches())
    for (let round = 0; round < 4; round++) {
      const log = await openLog(t, directory, { clean: round % 2 === 0 })
      await log.append(batchOf([`round ${round}`])).acknowledged
      await log.close()
    }
    assert.ok((await filesIn(directory)).filter((name) => name.endsWith('.snapshot')).length <= 2)
  })

  test('only segments from the recovery point on are read', async (t) => {
    const all = Array.from({ length: 45 }, (_, i) => sizedBatch(100_000, `${i}`))
    const directory = await closedLog(t, all)
    for (const [recoveryPoint, segments, endsRead] of [
      [0, 5, 0],
      // Up to there the index that lies beside a segment is believed, as of one that was marked on the way.
      [9, 4, 1],
      // Where a segment begins at that very offset, the one before it may have been left unsealed: its end is read.
      [10, 4, 1],
      [25, 2, 1],
      [40, 1, 1],
      [45, 0, 1],
    ]) {
      const disk = new FaultDisk(nodeDisk)
      const log = await openLog(t, directory, { disk, recoveryPoint })
      assert.equal(log.logEndOffset, 45)
      assert.equal(log.report.rebuiltSegments, segments)
      const read = new Set(disk.calls.filter(({ operation }) => operation === 'read').map(({ path }) => path))
      assert.equal(read.size, segments + endsRead, `from ${recoveryPoint} on`)
      const bytes = disk.calls.reduce((sum, { operation, bytes }) => sum + (operation === 'read' ? bytes : 0), 0)
      assert.ok(bytes <= (segments + endsRead) * 1_200_000, `${bytes} bytes were read for ${segments} segments`)
      await log.close()
    }
    const disk = new FaultDisk(nodeDisk)
    const log = await openLog(t, directory, { disk, clean: true })
    const bytes = disk.calls.reduce((sum, { operation, bytes }) => sum + (operation === 'read' ? bytes : 0), 0)
    assert.ok(bytes < 700_000, `${bytes} bytes were read after a clean end`)
    await log.close()
  })

  test('the recovery point follows the rolls once their indexes are on the disk', async (t) => {
    const directory = await closedLog(t, [])
    const disk = new FaultDisk(nodeDisk)
    const log = await openLog(t, directory, { disk, clean: true })
    await appendAll(
      log,
      Array.from({ length: 15 }, (_, i) => sizedBatch(100_000, `${i}`)),
    )
    await until(() => log.recoveryPoint === 15)
    disk.judge = ({ operation, path }) =>
      operation === 'replaceFile' && path.endsWith('.timeindex') ? 'EIO' : undefined
    await appendAll(
      log,
      Array.from({ length: 15 }, (_, i) => sizedBatch(100_000, `${i}`)),
    )
    // The segment from 10 on could not be sealed; the log goes on, and a crash would read from there.
    assert.equal(log.failure, undefined)
    assert.equal(log.recoveryPoint, 10)
    disk.judge = () => undefined
    await appendAll(
      log,
      Array.from({ length: 15 }, (_, i) => sizedBatch(100_000, `${i}`)),
    )
    // The next roll tried again.
    await until(() => log.recoveryPoint === 45)
    await log.close()
    const again = await openLog(t, directory, { clean: true })
    assert.equal((await readAll(again)).length, 45)
  })
})

describe('staged files, as Kafka finishes them', () => {
  test('deleted and cleaned files vanish, complete swaps take the place of what they replace', async (t) => {
    // Recorded in facts/formats.md, A11: 0.*, 0.*.swap, 500.*.cleaned, 700.*.swap, 300.*.deleted; 0.*.swap wins.
    const old = await closedLog(t, batches())
    const compacted = [sizedBatch(300, 'compacted')]
    const source = await closedLog(t, compacted)
    const place = async (suffix: string, target: string) => copyFile(join(source, named(0, suffix)), join(old, target))
    for (const suffix of ['.log', '.index', '.timeindex']) {
      await place(suffix, `${named(0, suffix)}.swap`)
      await place(suffix, `${named(500, suffix)}.cleaned`)
      await place(suffix, `${named(700, suffix)}.swap`)
      await place(suffix, `${named(300, suffix)}.deleted`)
    }
    const log = await openLog(t, old)
    assert.equal(log.logEndOffset, 1)
    assert.deepEqual(await readAll(log), bytesOf(compacted))
    await log.close()
    const names = (await readdir(old)).filter(
      (name) => /\.(deleted|cleaned|swap)$/.test(name) || /^0+[357]00\./.test(name),
    )
    assert.deepEqual(names, [])
  })

  test('a swap without its log, or a second opening in the middle, harms nothing', async (t) => {
    const directory = await closedLog(t, batches())
    await rename(join(directory, named(0, '.index')), join(directory, `${named(0, '.index')}.swap`))
    const log = await openLog(t, directory)
    assert.deepEqual(await readAll(log), bytesOf(batchesStamped()))
    await log.close()
  })
})

function batchesStamped(): RecordBatch[] {
  const all = batches()
  let offset = 0
  for (const batch of all) {
    batch.stamp(offset, 0)
    offset = batch.nextOffset
  }
  return all
}

describe('a hole in the middle of a log', () => {
  const many = () => Array.from({ length: 30 }, (_, i) => sizedBatch(100_000, `${i}`))

  test('under sync is damage: read up to it, nothing appended, nothing cut', async (t) => {
    const all = many()
    const directory = await closedLog(t, all)
    await flip(join(directory, log0), 550_000)
    const before = await contentOf(directory)
    const logger = recordingLogger()
    for (let opening = 0; opening < 3; opening++) {
      const log = await openLog(t, directory, { logger, recoveryPoint: opening })
      assert.equal(log.failure?.code, 'LOG_DAMAGED')
      assert.equal(log.isClosed, false)
      assert.deepEqual(await readAll(log), bytesOf(all.slice(0, 5)))
      for (const offset of [5, 9, 10, 29, 30]) await assert.rejects(log.read(offset, 100), { code: 'LOG_DAMAGED' })
      assert.throws(() => log.append(batchOf(['more'])), { code: 'LOG_DAMAGED' })
      assert.ok(log.recoveryPoint < 10, 'the next opening looks at it again')
      await log.close()
      const after = await contentOf(directory)
      for (const name of Object.keys(before)) if (name.endsWith('.log')) assert.equal(after[name], before[name], name)
    }
    assert.ok(
      logger.said.some(({ level, message }) => level === 'error' && message.includes('2 later segments follow')),
    )
  })

  test('under async ends the log; later segments are set aside, never deleted', async (t) => {
    const all = many()
    const directory = await closedLog(t, all)
    await flip(join(directory, log0), 550_000)
    const later = [
      await readFile(join(directory, named(10, '.log'))),
      await readFile(join(directory, named(20, '.log'))),
    ]
    const settings = { 'flush.disk.type': 'ASYNC_FLUSH' }
    const log = await openLog(t, directory, { settings })
    assert.deepEqual([log.failure, log.logEndOffset], [undefined, 5])
    await appendAll(log, many())
    assert.equal(log.logEndOffset, 35)
    await log.close()
    const aside = (offset: number) => readFile(join(directory, `${named(offset, '.log')}.quarantined`))
    assert.deepEqual([await aside(10), await aside(20)], later)
    // Once more: what was set aside first is still there afterwards.
    await flip(join(directory, log0), 250_000)
    const again = await openLog(t, directory, { settings })
    assert.equal(again.logEndOffset, 2)
    await again.close()
    assert.deepEqual([await aside(10), await aside(20)], later)
  })

  test('a segment that ends whole but too early is a hole too, unless Kafka’s compaction made it', async (t) => {
    const all = many()
    const directory = await closedLog(t, all)
    await truncate(join(directory, log0), 700_000)
    const damaged = await openLog(t, directory)
    assert.equal(damaged.failure?.code, 'LOG_DAMAGED')
    assert.equal((await readAll(damaged)).length, 7)
    await damaged.close()
    const compacted = await openLog(t, directory, { mayHaveHoles: true })
    assert.equal(compacted.failure, undefined)
    assert.deepEqual(await readAll(compacted), bytesOf([...all.slice(0, 7), ...all.slice(10)]))
    await compacted.close()
    const ended = await openLog(t, directory, { settings: { 'flush.disk.type': 'ASYNC_FLUSH' } })
    assert.equal(ended.logEndOffset, 7)
  })

  test('a segment that was named while the round before it was lost goes, also where compaction makes holes', async (t) => {
    for (const mayHaveHoles of [false, true]) {
      const all = batches()
      const directory = await closedLog(t, all)
      await writeFile(join(directory, named(9, '.log')), '')
      const log = await openLog(t, directory, { mayHaveHoles })
      assert.deepEqual([log.failure, log.logEndOffset], [undefined, 6])
      assert.deepEqual(await readAll(log), bytesOf(all))
      await log.close()
      // What the recovery point has passed was there, and the log ends behind it.
      await writeFile(join(directory, named(9, '.log')), '')
      const durable = await openLog(t, directory, { mayHaveHoles, recoveryPoint: 9 })
      assert.deepEqual(
        [durable.failure?.code, durable.logEndOffset],
        mayHaveHoles ? [undefined, 9] : ['LOG_DAMAGED', 6],
      )
      await durable.close()
    }
  })

  test('several segments that hold nothing, with holes before them, are what the loss of power left', async (t) => {
    const settings = { 'flush.disk.type': 'ASYNC_FLUSH' }
    const all = batches()
    const directory = await closedLog(t, all)
    for (const base of [9, 12, 15]) await writeFile(join(directory, named(base, '.log')), '')
    const log = await openLog(t, directory, { mayHaveHoles: true, settings })
    assert.deepEqual([log.failure, log.logEndOffset], [undefined, 6])
    await appendAll(log, [batchOf(['next'])])
    assert.equal((await readAll(log)).length, all.length + 1)
    await log.close()
  })

  test('what was durable is never cut, not even at the end of the log', async (t) => {
    for (const opening of [{ clean: true }, { clean: false, recoveryPoint: 6 }, { clean: true, recoveryPoint: 6 }]) {
      const all = batches()
      const directory = await closedLog(t, all)
      await flip(join(directory, log0), all[0].sizeInBytes + 40)
      const before = await readFile(join(directory, log0))
      const log = await openLog(t, directory, opening)
      assert.equal(log.failure?.code, 'LOG_DAMAGED')
      assert.deepEqual(await readAll(log), bytesOf(all.slice(0, 1)))
      const { recoveryPoint } = log
      await log.close()
      assert.deepEqual(await readFile(join(directory, log0)), before)
      // The next opening is not a clean one, and must not take it for a torn tail.
      const again = await openLog(t, directory, { recoveryPoint })
      assert.equal(again.failure?.code, 'LOG_DAMAGED')
      await again.close()
    }
  })

  test('a log that ends before what was durable is damaged: its offsets are not given again', async (t) => {
    const all = batches()
    const directory = await closedLog(t, all)
    await truncate(join(directory, log0), all[0].sizeInBytes)
    const log = await openLog(t, directory, { recoveryPoint: 6 })
    assert.equal(log.failure?.code, 'LOG_DAMAGED')
    assert.deepEqual(await readAll(log), bytesOf(all.slice(0, 1)))
    await log.close()
    for (const name of await filesIn(directory)) await rm(join(directory, name))
    const gone = await openLog(t, directory, { recoveryPoint: 6 })
    assert.equal(gone.failure?.code, 'LOG_DAMAGED')
  })

  test('an index that leads astray cuts nothing from a log that was closed in order', async (t) => {
    const all = Array.from({ length: 40 }, (_, i) => sizedBatch(1000, `${i}`))
    const directory = await closedLog(t, all)
    const path = join(directory, named(0, '.index'))
    const index = await readFile(path)
    index.writeInt32BE(index.readInt32BE(index.length - 4) + 1, index.length - 4)
    await writeFile(path, index)
    const log = await openLog(t, directory, { clean: true, recoveryPoint: 40 })
    assert.deepEqual([log.failure, log.logEndOffset], [undefined, 40])
    assert.equal((await stat(join(directory, log0))).size, 40_000)
  })
})

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[at] ^= 0x10
  await writeFile(path, bytes)
}
