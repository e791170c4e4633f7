/** dump shows every byte of RocketMQ's directory that has a meaning, and comes to an end whatever the bytes are. */

import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { MemoryDisk } from '../../../../sim/memory-disk.js'
import { diskWith, type Files, withFile } from '../../../../sim/stored-files.js'
import { type DumpOptions, type DumpRow, dump } from '../../../../src/storage/inspect/dump.js'
import { dataPath, flipped } from '../world.js'
import { commitLogFiles, fileBytes, logFile, queueFile, smallStore, snapshotFile, storePath } from './world.js'

let files: Files

before(async () => {
  files = await commitLogFiles()
})

async function rowsOf(disk: MemoryDisk, path: string, options: DumpOptions = {}): Promise<DumpRow[]> {
  const rows: DumpRow[] = []
  for await (const row of dump(disk, path, { settings: smallStore, ...options })) rows.push(row)
  return rows
}

async function rowsWith(path: string, bytes: Buffer, options?: DumpOptions): Promise<DumpRow[]> {
  return rowsOf(await diskWith(new Map([[path, bytes]])), path, options)
}

const whole = (path: string) => files.get(path) as Buffer
const ofType = (rows: readonly DumpRow[], type: string) => rows.filter((row) => row.type === type)

test('a data directory with a commit log is shown whole: every file, and no row that says where it stops', async () => {
  const rows = await rowsOf(await diskWith(files), dataPath)
  const shown = ofType(rows, 'file').map(({ path }) => String(path))
  assert.deepEqual(shown.sort(), [...files.keys()].sort())
  const kinds = new Set(ofType(rows, 'file').map(({ kind }) => kind))
  for (const kind of ['commit-log', 'consume-queue', 'message-index', 'store-checkpoint', 'queues-snapshot']) {
    assert.ok(kinds.has(kind), kind)
  }
  assert.deepEqual(ofType(rows, 'stop'), [])
  assert.equal(ofType(rows, 'message').length, 150 + 3 * 30)
  const entries = ofType(rows, 'entry').filter((row) => row['tagsCode'] !== undefined)
  assert.equal(entries.length, 150 + 3 * 30)
})

describe('the commit log', () => {
  test('is shown message by message, with what it says of its batch, and the blank at the end of a file', async () => {
    const rows = await rowsOf(await diskWith(files), logFile(0), { records: true })
    const { body, properties, storeTimestamp, bodyCrc, ...first } = rows[1]
    assert.deepEqual(
      { ...first, body: String(body).slice(0, 2), isTime: Number(storeTimestamp) > 0 },
      {
        type: 'message',
        position: 0,
        bytes: first['bytes'],
        topic: 'orders',
        queue: 0,
        queueOffset: 0,
        id: '7F00000100002A9F0000000000000000',
        bornTimestamp: 1_700_000_000_000,
        storeHost: '127.0.0.1:10911',
        bornHost: '127.0.0.1:10911',
        tags: 'tag0',
        keys: 'key-0',
        uniqueKey: 'id-0',
        bodyBytes: 700,
        magic: 'V1',
        sysFlag: '0x00000000',
        ours: true,
        body: '0.',
        isTime: true,
      },
    )
    assert.match(String(bodyCrc), /^0x[0-9a-f]{8}$/)
    const names = (properties as readonly { readonly name: string }[]).map(({ name }) => name)
    assert.deepEqual(names.slice(-1), ['__CRC32#'])
    const events = ofType(rows, 'message').filter(({ topic }) => topic === 'events')
    assert.deepEqual(
      events.slice(0, 3).map(({ queueOffset, inBatch, producerId }) => [queueOffset, inBatch, producerId]),
      [
        [0, '1/3', 5],
        [1, '2/3', 5],
        [2, '3/3', 5],
      ],
    )
    const blank = rows.at(-1) as DumpRow
    assert.equal(blank.type, 'blank')
    assert.equal(Number(blank['position']) + Number(blank['bytes']), fileBytes)
  })

  test('is shown by topic and by offsets', async () => {
    const rows = await rowsOf(await diskWith(files), `${storePath}/commitlog`, { topic: 'orders', from: 3, to: 4 })
    assert.deepEqual(
      ofType(rows, 'message').map(({ queue, queueOffset }) => [queue, queueOffset]),
      [
        [0, 3],
        [1, 3],
        [0, 4],
        [1, 4],
      ],
    )
  })

  test('with damage says where and why, and goes on with the next sound message', async () => {
    const messages = ofType(await rowsOf(await diskWith(files), logFile(0)), 'message')
    const harmed = withFile(files, logFile(0), flipped(whole(logFile(0)), Number(messages[5]['position']) + 300))
    const rows = await rowsOf(await diskWith(harmed), logFile(0))
    assert.deepEqual(ofType(rows, 'stop'), [
      {
        type: 'stop',
        path: logFile(0),
        position: messages[5]['position'],
        why: 'what is there fails its CRC',
        goesOnAt: messages[6]['position'],
      },
    ])
    assert.deepEqual(
      ofType(rows, 'message').map(({ position }) => position),
      messages.filter((_, i) => i !== 5).map(({ position }) => position),
    )
  })

  test('that ends within a file is shown to its end, and what a torn write has left behind it is told', async () => {
    const path = logFile(Math.max(...[...files.keys()].map(numberOf)))
    const last = whole(path)
    const rows = await rowsOf(await diskWith(files), path)
    const zeros = rows.at(-1) as DumpRow
    assert.equal(zeros.type, 'zeros')
    assert.equal(Number(zeros['bytes']), fileBytes - (Number(zeros['position']) % fileBytes))
    const torn = Buffer.from(last)
    torn.fill(7, Number(zeros['position']) % fileBytes, (Number(zeros['position']) % fileBytes) + 20)
    const stop = (await rowsWith(path, torn)).at(-1) as DumpRow
    assert.deepEqual([stop.type, stop['position'], stop['goesOnAt']], ['stop', zeros['position'], undefined])
  })
})

function numberOf(path: string): number {
  return path.startsWith(`${storePath}/commitlog/`) ? Number(basename(path)) / fileBytes : -1
}

describe('what is derived', () => {
  test('consume queues are shown with the offset of each entry, and what the queue never held in one row', async () => {
    const bytes = Buffer.from(whole(queueFile('orders')))
    const rows = await rowsWith(queueFile('orders', 0, 100), bytes)
    assert.deepEqual(
      ofType(rows, 'entry').map(({ offset }) => offset),
      Array.from({ length: 75 }, (_, i) => 100 + i),
    )
    for (let i = 0; i < 3; i++) bytes.set(Buffer.from('00000000000000007fffffff0000000000000000', 'hex'), i * 20)
    const [, blank, first] = await rowsWith(queueFile('orders', 0, 100), bytes)
    assert.deepEqual(blank, { type: 'pre-blank', entries: 3, offset: 100 })
    assert.equal(first['offset'], 103)
  })

  test('index files are shown with header, slots and entries; of another shape with what is to be said', async () => {
    const path = [...files.keys()].filter((one) => one.startsWith(`${storePath}/index/`)).sort()[0]
    const rows = await rowsOf(await diskWith(files), path)
    const [header] = ofType(rows, 'index')
    assert.equal(ofType(rows, 'entry').length, Number(header['next']) - 1)
    assert.equal(ofType(rows, 'slot').length, header['slotsInUse'])
    assert.equal(ofType(rows, 'entry')[0]['position'], header['beginPosition'])
    const [, stop] = await rowsWith(path, Buffer.alloc(1000))
    assert.match(String(stop['why']), /it has 1000 bytes, and max\.hash\.slot\.num = 100/)
  })

  test('the snapshot is shown queue by queue, the checkpoint field by field', async () => {
    const rows = await rowsOf(await diskWith(files), dataPath)
    assert.deepEqual(
      ofType(rows, 'queue').map(({ topic, queue, endOffset }) => [topic, queue, endOffset]),
      [
        ['orders', 0, 75],
        ['orders', 1, 75],
        ['events', 0, 90],
      ],
    )
    assert.deepEqual(
      ofType(rows, 'producer')
        .filter(({ topic }) => topic === 'events')
        .map(({ producerId, epoch }) => [producerId, epoch]),
      [[5, 1]],
    )
    assert.equal(ofType(rows, 'checkpoint').length, 1)
    const torn = await rowsWith(snapshotFile, flipped(whole(snapshotFile), 30))
    assert.equal(torn.at(-1)?.type, 'stop')
  })

  test("RocketMQ's configuration is shown, whose numbers stand as keys without quotes", async () => {
    const path = `${storePath}/config/consumerOffset.json`
    const [, row] = await rowsWith(path, Buffer.from('{"offsetTable":{"orders@g":{0:12,1:9007199254740993}}}'))
    assert.deepEqual(row, { type: 'json', value: { offsetTable: { 'orders@g': { 0: 12, 1: '9007199254740993' } } } })
  })
})

test('whatever the bytes of a file are, it is shown to its end or to a row that says where it stops', async () => {
  const paths = [
    logFile(0),
    queueFile('orders'),
    `${storePath}/index/20250101000000000`,
    `${storePath}/checkpoint`,
    `${storePath}/config/topics.json`,
    snapshotFile,
  ]
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), fc.uint8Array({ maxLength: 400 }), async (path, bytes) => {
      const rows = await rowsWith(path, Buffer.from(bytes), { records: true })
      assert.equal(rows[0]['type'], 'file')
    }),
    { numRuns: 200 },
  )
  const log = whole(logFile(0))
  await fc.assert(
    fc.asyncProperty(fc.nat(fileBytes - 80), fc.uint8Array({ minLength: 1, maxLength: 70 }), async (at, bytes) => {
      const harmed = Buffer.from(log)
      harmed.set(bytes, at)
      const rows = await rowsWith(logFile(0), harmed, { records: true })
      // No more is lost than the messages that the bytes lie in.
      assert.ok(ofType(rows, 'message').length >= ofType(await rowsWith(logFile(0), log), 'message').length - 4)
    }),
    { numRuns: 60 },
  )
})
