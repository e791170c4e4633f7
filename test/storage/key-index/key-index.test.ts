/** What the key index finds, how its files come and go, and what it does with files that are not as they were. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { batchesIn } from '../../../src/records/batch.js'
import { prepareCodec } from '../../../src/records/compression/index.js'
import { pageBytes, sealPage } from '../../../src/storage/key-index/format.js'
import type { KeyIndex } from '../../../src/storage/key-index/key-index.js'
import type { SegmentLog } from '../../../src/storage/segments/segment-log.js'
import { named, openLog } from '../segments/world.js'
import { appendAll, readAll, recordingLogger, turns } from '../support.js'
import { byId, byKey, indexDirectory, type Keyed, keyedBatch, type Opening, offsetsOf, openIndex } from './world.js'

const logDirectory = '/data/log/orders-0'

async function openSmallLog(t: TestContext, disk: MemoryDisk): Promise<SegmentLog> {
  await disk.makeDirectory(logDirectory)
  return openLog(t, logDirectory, { disk, clean: true })
}

async function world(t: TestContext, opening: Partial<Opening> = {}) {
  const disk = new MemoryDisk()
  const log = await openSmallLog(t, disk)
  return { disk, log, index: openIndex(t, log, { disk, ...opening }) }
}

async function append(log: SegmentLog, records: readonly Keyed[]): Promise<void> {
  await log.append(keyedBatch(records)).acknowledged
}

/** Sixty-four keys over and over, in batches of four. */
async function fill(log: SegmentLog, count: number, prefix = 'k'): Promise<void> {
  const record = (at: number): Keyed => ({ key: `${prefix}${at % 64}`, id: `id-${prefix}${at}` })
  const batches = Array.from({ length: count / 4 }, (_, batch) =>
    keyedBatch(Array.from({ length: 4 }, (_, i) => record(batch * 4 + i))),
  )
  await appendAll(log, batches)
}

const filesOf = async (disk: MemoryDisk): Promise<string[]> =>
  ((await disk.list(indexDirectory)) ?? []).map(({ name }) => name).sort()

test('finds by key and by id, the newest first, in tables and files alike', async (t) => {
  const { log, index } = await world(t)
  await fill(log, 200)
  assert.deepEqual(await offsetsOf(index, byKey('k3')), [195, 131, 67, 3])
  assert.deepEqual(await offsetsOf(index, byId('id-k70')), [70])
  assert.deepEqual(await offsetsOf(index, byKey('id-k70')), [], 'an id is no key')
  assert.deepEqual(await offsetsOf(index, byKey('absent')), [])
  const [record] = await index.find(byId('id-k70'))
  assert.equal(record.key?.toString(), 'k6')
  assert.equal(record.value?.toString(), 'v')
  assert.ok(index.status.files > 0)
  assert.equal(index.status.indexedTo, 200)
})

test('bounds and limits', async (t) => {
  const { log, index } = await world(t)
  await append(log, [
    { key: 'a', timestamp: 100 },
    { key: 'a', timestamp: 300 },
    { key: 'a', timestamp: 200 },
    { key: 'b', timestamp: 250 },
  ])
  assert.deepEqual(await offsetsOf(index, byKey('a', { limit: 2 })), [2, 1])
  assert.deepEqual(await offsetsOf(index, byKey('a', { minOffset: 1 })), [2, 1])
  assert.deepEqual(await offsetsOf(index, byKey('a', { endOffset: 2 })), [1, 0])
  assert.deepEqual(await offsetsOf(index, byKey('a', { minTimestamp: 200 })), [2, 1])
  assert.deepEqual(await offsetsOf(index, byKey('a', { endTimestamp: 200 })), [0])
})

test('a record without a key is found by its id alone; an empty key is a key; a header without a value is no id', async (t) => {
  const { log, index } = await world(t)
  await append(log, [{ key: null, id: 'x' }, { key: '' }, { key: null }])
  assert.deepEqual(await offsetsOf(index, byId('x')), [0])
  assert.deepEqual(await offsetsOf(index, byKey('')), [1])
  assert.deepEqual(await offsetsOf(index, byId('')), [])
})

test('compressed batches', async (t) => {
  const { log, index } = await world(t)
  await prepareCodec('zstd')
  await log.append(keyedBatch([{ key: 'a' }, { key: 'b' }], { codec: 'gzip' })).acknowledged
  await log.append(keyedBatch([{ key: 'a' }, { key: 'b' }], { codec: 'zstd' })).acknowledged
  assert.deepEqual(await offsetsOf(index, byKey('b')), [3, 1])
})

test('a batch whose records cannot be read is passed over, and said', async (t) => {
  const disk = new MemoryDisk()
  const log = await openSmallLog(t, disk)
  await fill(log, 8)
  await log.close()
  const path = `${logDirectory}/${named(0, '.log')}`
  const bytes = Buffer.from((await disk.readFile(path)) ?? '')
  // The codec of the first batch becomes one that there is not, and its CRC right for that.
  const [first] = [...batchesIn(bytes)]
  first.bytes[22] |= 7
  first.bytes.writeUInt32BE(first.computeCrc(), 17)
  await disk.replaceFile(path, bytes)
  const logger = recordingLogger()
  const rotten = await openLog(t, logDirectory, { disk, clean: true })
  const index = openIndex(t, rotten, { disk, logger })
  assert.deepEqual(await offsetsOf(index, byKey('k1')), [])
  assert.deepEqual(await offsetsOf(index, byKey('k5')), [5])
  assert.equal(logger.said.filter(({ message }) => message.includes('cannot be read')).length, 1)
})

test('of transactions only what is committed, once it is decided', async (t) => {
  const { log, index } = await world(t)
  const transactional = (key: string, producerId: number, baseSequence: number) =>
    log.append(keyedBatch([{ key }], { producerId, producerEpoch: 0, baseSequence, isTransactional: true }))
      .acknowledged
  const end = (producerId: number, commit: boolean) =>
    log.endTransaction({ producerId, producerEpoch: 0, coordinatorEpoch: 0, commit }).acknowledged
  await append(log, [{ key: 'a' }])
  await transactional('a', 1, 0)
  await transactional('a', 2, 0)
  await append(log, [{ key: 'a' }])
  assert.deepEqual(await offsetsOf(index, byKey('a')), [0], 'nothing behind what is open')
  await end(1, false)
  await end(2, true)
  await transactional('a', 1, 1)
  await end(1, true)
  assert.deepEqual(await offsetsOf(index, byKey('a')), [6, 3, 2, 0])
  await index.writeTable()
  assert.deepEqual(await offsetsOf(index, byKey('a')), [6, 3, 2, 0])
})

test('everything under one hash is told apart by the records themselves', async (t) => {
  const { log, index } = await world(t, {
    hash: (_bytes, _start, _end, _kind, out) => {
      out.hi = 5
      out.lo = 5
    },
  })
  await fill(log, 200)
  assert.deepEqual(await offsetsOf(index, byKey('k3')), [195, 131, 67, 3])
  assert.deepEqual(await offsetsOf(index, byId('id-k70')), [70])
  assert.deepEqual(await offsetsOf(index, byKey('absent')), [])
})

test('files follow each other, few of them, and are there again after a close', async (t) => {
  const { disk, log, index } = await world(t)
  await fill(log, 2000)
  await index.catchUp(2000)
  await index.close()
  const names = await filesOf(disk)
  assert.ok(names.length <= 16, `there are ${names.length} files`)
  let end = 0
  for (const name of names) {
    assert.equal(Number(name.slice(0, 20)), end)
    end = Number(name.slice(21, 41))
  }
  assert.equal(end, 2000, 'a close leaves everything in files')
  const again = openIndex(t, log, { disk })
  const reads = countingReads(log)
  assert.deepEqual((await offsetsOf(again, byKey('k9'))).length, 32)
  assert.ok(
    reads.offsets.every((offset) => offset % 64 >= 8 && offset % 64 <= 9),
    'nothing was indexed again',
  )
})

/** Watches at which offsets the log is read. */
function countingReads(log: SegmentLog): { offsets: number[] } {
  const seen = { offsets: [] as number[] }
  const read = log.read.bind(log)
  log.read = (offset, ...rest) => {
    seen.offsets.push(offset)
    return read(offset, ...rest)
  }
  return seen
}

test('files below the start of the log go; what is below is not found', async (t) => {
  const { disk, log, index } = await world(t)
  await fill(log, 400)
  await index.catchUp(400)
  await index.writeTable()
  await log.deleteRecordsBefore(250)
  assert.deepEqual(await offsetsOf(index, byKey('k3')), [387, 323, 259])
  await index.tidy()
  assert.ok((await filesOf(disk)).every((name) => Number(name.slice(21, 41)) > 250))
  await index.close()
  const again = openIndex(t, log, { disk })
  assert.deepEqual(await offsetsOf(again, byKey('k3')), [387, 323, 259])
})

test('files of another topic of that name, or of other ids, are not believed', async (t) => {
  const { disk, log, index } = await world(t)
  await fill(log, 100)
  await index.catchUp(100)
  await index.close()
  for (const opening of [{ topicId: Buffer.alloc(16, 8) }, { idHeader: 'other' }]) {
    const other = openIndex(t, log, { disk, ...opening })
    await other.catchUp(1)
    assert.equal(other.status.files < 7, true)
    assert.deepEqual(await offsetsOf(other, byKey('k3')), [67, 3])
    assert.deepEqual(await offsetsOf(other, byId('id-k7')), opening.idHeader === undefined ? [7] : [])
    await other.close()
  }
})

test('files of the version before, which lack the keys of the header KEYS, are built again', async (t) => {
  const { disk, log, index } = await world(t)
  await log.append(keyedBatch([{ key: 'k', keys: 'one two' }, { keys: 'two' }])).acknowledged
  assert.deepEqual(await offsetsOf(index, byKey('two')), [1, 0])
  await index.close()
  for (const name of await filesOf(disk)) {
    const bytes = Buffer.from((await disk.readFile(`${indexDirectory}/${name}`)) ?? '')
    bytes.writeUInt32BE(1, 8)
    sealPage(bytes, 0)
    await disk.replaceFile(`${indexDirectory}/${name}`, bytes)
  }
  const again = openIndex(t, log, { disk })
  await again.ready()
  assert.deepEqual([again.status.files, again.status.indexedTo], [0, 0])
  assert.deepEqual(await offsetsOf(again, byKey('two')), [1, 0])
})

test('a record is found by its key and by each of the keys in its header, once', async (t) => {
  const { log, index } = await world(t)
  const records = [{ key: 'a', keys: 'a b b' }, { keys: ' c  b ' }, { key: 'b c', keys: 'bc' }, { key: '', keys: '' }]
  await log.append(keyedBatch(records)).acknowledged
  const found = async (key: string) => offsetsOf(index, byKey(key))
  assert.deepEqual(await found('a'), [0])
  assert.deepEqual(await found('b'), [1, 0])
  assert.deepEqual(await found('c'), [1])
  assert.deepEqual(await found('b c'), [2])
  assert.deepEqual(await found('bc'), [2])
  assert.deepEqual(await found(''), [3])
  assert.deepEqual(await found('a b'), [])
  assert.deepEqual(await found(' '), [])
})

test('files that reach beyond the end of the log are built again', async (t) => {
  const { disk, log, index } = await world(t)
  await fill(log, 100)
  await index.catchUp(100)
  await index.close()
  await log.close()
  // As after a repair, or from a backup of the log alone.
  await disk.remove(logDirectory)
  const shorter = await openSmallLog(t, disk)
  await fill(shorter, 40, 'other')
  const again = openIndex(t, shorter, { disk })
  assert.deepEqual(await offsetsOf(again, byKey('k3')), [])
  assert.deepEqual(await offsetsOf(again, byKey('other3')), [3])
  await fill(shorter, 100, 'more')
  assert.deepEqual(await offsetsOf(again, byKey('more1')), [105, 41])
})

/** A log of a hundred records with a closed index. */
async function indexed(t: TestContext) {
  const disk = new MemoryDisk()
  const log = await openSmallLog(t, disk)
  const index = openIndex(t, log, { disk })
  await fill(log, 100)
  await index.catchUp(100)
  await index.close()
  return { disk, log }
}

async function assertAllFound(index: KeyIndex, why: string): Promise<void> {
  for (let key = 0; key < 64; key += 3) {
    const expected = key + 64 < 100 ? [key + 64, key] : [key]
    assert.deepEqual(await offsetsOf(index, byKey(`k${key}`)), expected, why)
    assert.deepEqual(await offsetsOf(index, byId(`id-k${key}`)), [key], why)
  }
}

/** Changes a file of a sound index, looks that all is found nevertheless, and that the files are sound again then. */
async function assertMended(
  { disk, log }: { disk: MemoryDisk; log: SegmentLog },
  why: string,
  change: (bytes: Buffer) => Buffer,
): Promise<void> {
  const path = `${indexDirectory}/${(await filesOf(disk))[1]}`
  await disk.replaceFile(path, change(Buffer.from((await disk.readFile(path)) ?? '')))
  const index = openIndex(undefined, log, { disk })
  await assertAllFound(index, why)
  await index.close()
}

test('a missing file is built again', async (t) => {
  const { disk, log } = await indexed(t)
  for (const which of [0, 1, -1]) {
    await disk.remove(`${indexDirectory}/${(await filesOf(disk)).at(which)}`)
    const index = openIndex(undefined, log, { disk })
    await assertAllFound(index, `file ${which}`)
    await index.close()
  }
})

test('a flipped bit anywhere in a file is found, and what it covered is built again', async (t) => {
  const world = await indexed(t)
  // Every field of the header, some of each other kind of page, and every CRC.
  const header = [0, 11, 12, 27, 28, 35, 36, 43, 51, 59, 67, 71, 75, 79, 4000]
  const others = [1, 2, 3].flatMap((page) => [0, 5, 11, 4091, 4092].map((at) => page * pageBytes + at))
  for (const at of [...header, 4092, 4095, ...others]) {
    await assertMended(world, `byte ${at}`, (bytes) => {
      assert.equal(bytes.length, 4 * pageBytes)
      bytes[at] ^= 1 << (at % 8)
      return bytes
    })
  }
})

test('a file cut at any length is built again', async (t) => {
  const world = await indexed(t)
  for (const length of [0, 1, 79, 4095, 4096, 4097, 8192, 12_287, 12_288, 16_383]) {
    await assertMended(world, `${length} bytes`, (bytes) => bytes.subarray(0, length))
  }
})

test('damage that a reader meets is said once, by name', async (t) => {
  const { disk, log } = await indexed(t)
  const path = `${indexDirectory}/${(await filesOf(disk))[1]}`
  const bytes = Buffer.from((await disk.readFile(path)) ?? '')
  bytes[2 * pageBytes + 3] ^= 1
  await disk.replaceFile(path, bytes)
  const logger = recordingLogger()
  const index = openIndex(t, log, { disk, logger })
  await assertAllFound(index, 'damaged')
  const said = logger.said.filter(({ message }) => message.includes('is damaged'))
  assert.deepEqual(
    said.map(({ fields }) => (fields as { file: string }).file),
    [path],
  )
})

test('memory stays bounded under a flood of distinct keys, and without room for filters all is found', async (t) => {
  const { disk, log, index } = await world(t, { tableEntries: 1 << 20, memoryBytes: 80 * 1024 })
  let most = 0
  for (let round = 0; round < 40; round++) {
    const records = Array.from({ length: 250 }, (_, i) => ({ key: `key-${round}-${i}`, id: `${round}/${i}` }))
    await append(log, records)
    await index.catchUp(log.highWatermark)
    most = Math.max(most, index.tableBytes)
  }
  assert.ok(most <= 64 * 1024, `${most} bytes in tables`)
  assert.ok((await filesOf(disk)).length > 1)
  for (let round = 0; round < 40; round += 7) {
    assert.deepEqual(await offsetsOf(index, byKey(`key-${round}-17`)), [round * 250 + 17])
    assert.deepEqual(await offsetsOf(index, byId(`${round}/249`)), [round * 250 + 249])
  }
})

test('finding goes on while the log is appended to, files are merged and the log loses its front', async (t) => {
  const { log, index } = await world(t)
  let appended = 0
  const appending = (async () => {
    for (; appended < 6000; appended += 4) await fill(log, 4, `p${appended}-`)
  })()
  let finds = 0
  while (appended < 6000) {
    const at = Math.max(0, appended - 40) & ~3
    const visible = log.highWatermark
    const found = await offsetsOf(index, byKey(`p${at}-1`))
    if (at + 1 >= log.logStartOffset && at + 4 <= visible) assert.deepEqual(found, [at + 1])
    await turns(1)
    if (finds++ % 20 === 0) await log.deleteRecordsBefore(Math.max(0, log.highWatermark - 300))
  }
  await appending
  assert.ok(finds > 2)
})

test('what compaction has removed is not found, and goes from the files when they are made anew', async (t) => {
  const { disk, log } = await indexed(t)
  const batches = await readAll(log)
  await log.close()
  // As a cleaner leaves it: every third batch of the first 80 records, and all behind them.
  const left = batches.filter(({ baseOffset }) => baseOffset >= 80 || baseOffset % 12 === 0)
  const compacted = '/data/log/compacted-0'
  await disk.makeDirectory(compacted)
  await disk.replaceFile(`${compacted}/${named(0, '.log')}`, Buffer.concat(left.map(({ bytes }) => bytes)))
  const cleaned = await openLog(t, compacted, { disk, mayHaveHoles: true })
  const index = openIndex(t, cleaned, { disk })
  const assertFound = async () => {
    assert.deepEqual(await offsetsOf(index, byKey('k1')), [1])
    assert.deepEqual(await offsetsOf(index, byKey('k5')), [])
    assert.deepEqual(await offsetsOf(index, byKey('k26')), [90, 26])
    assert.deepEqual(await offsetsOf(index, byId('id-k77')), [])
    assert.deepEqual(await offsetsOf(index, byId('id-k95')), [95])
  }
  await assertFound()
  assert.equal(index.status.entries, 200)
  await index.thin(0)
  const thinning = index.thin(88)
  await assertFound()
  await thinning
  await assertFound()
  const { entries } = index.status
  assert.ok(entries < 120, `${entries} entries for ${left.length * 4} records`)
  await index.close()
  const again = openIndex(t, cleaned, { disk })
  await again.catchUp(100)
  assert.equal(again.status.entries, entries)
  assert.deepEqual(await offsetsOf(again, byKey('k26')), [90, 26])
})

test('a disk without room for index files fails the find that needs them, and nothing else', async (t) => {
  const memory = new MemoryDisk()
  const disk = new FaultDisk(memory)
  await disk.makeDirectory(logDirectory)
  const log = await openLog(t, logDirectory, { disk, clean: true })
  const index = openIndex(t, log, { disk })
  await fill(log, 100)
  disk.judge = ({ operation, path }) => (operation === 'write' && path.endsWith('.keys.tmp') ? 'ENOSPC' : undefined)
  await assert.rejects(index.find(byKey('k3')), { code: 'DISK_FULL' })
  assert.equal(log.failure, undefined)
  await fill(log, 4, 'other')
  disk.judge = () => undefined
  assert.deepEqual(await offsetsOf(index, byKey('k3')), [67, 3])
  assert.deepEqual(await offsetsOf(index, byKey('other1')), [101])
  await index.close()
  assert.ok(
    (await filesOf(memory)).every((name) => name.endsWith('.keys')),
    'what was begun is cleared away',
  )
})

test('a closed index says so', async (t) => {
  const { log, index } = await world(t)
  await fill(log, 8)
  await index.close()
  await assert.rejects(index.find(byKey('k1')), { code: 'CLOSED' })
})
