/** dump shows every byte that has a meaning, and comes to an end whatever the bytes are. */

import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { MemoryDisk } from '../../../sim/memory-disk.js'
import { diskWith, type Files } from '../../../sim/stored-files.js'
import { type DumpOptions, type DumpRow, dump } from '../../../src/storage/inspect/dump.js'
import { batchOf } from '../support.js'
import { dataPath, flipped, partitionPath, storeFiles } from './world.js'

let small: Files

before(async () => {
  small = await storeFiles({ count: 4 })
})

async function rowsOf(disk: MemoryDisk, path: string, options: DumpOptions = {}): Promise<DumpRow[]> {
  const rows: DumpRow[] = []
  for await (const row of dump(disk, path, options)) rows.push(row)
  return rows
}

async function rowsOfFile(name: string, bytes: Buffer, options?: DumpOptions): Promise<DumpRow[]> {
  return rowsOf(await diskWith(new Map([[`/files/${name}`, bytes]])), `/files/${name}`, options)
}

const log = '00000000000000000000.log'

test('a data directory is shown whole: batches, entries, producers, lines and objects', async () => {
  const rows = await rowsOf(await diskWith(small), dataPath)
  const shown = rows.filter(({ type }) => type === 'file').map(({ path }) => path)
  assert.deepEqual([...shown].sort(), [...small.keys()].sort())
  for (const type of ['batch', 'entry', 'producer', 'snapshot', 'line', 'json']) {
    assert.ok(
      rows.some((row) => row.type === type),
      type,
    )
  }
  assert.ok(!rows.some(({ type }) => type === 'stop'))
})

describe('a log', () => {
  test('is shown by batch and by record, in the range that was asked for', async () => {
    const batches = [batchOf(['a', 'b']), batchOf(['c', 'd']), batchOf(['e'])]
    let offset = 0
    for (const batch of batches) {
      batch.stamp(offset, 3)
      offset = batch.nextOffset
    }
    const bytes = Buffer.concat(batches.map((batch) => batch.bytes))
    const rows = await rowsOfFile(log, bytes, { records: true, from: 1, to: 2 })
    assert.deepEqual(
      rows.map(({ type, baseOffset, offset: at, value }) => [type, baseOffset ?? at, value?.toString()]),
      [
        ['file', undefined, undefined],
        ['batch', 0, undefined],
        ['record', 1, 'b'],
        ['batch', 2, undefined],
        ['record', 2, 'c'],
      ],
    )
    assert.equal(rows[1]['leaderEpoch'], 3)
  })

  test('with a wrong CRC says so and goes on; where no batch begins it says why and stops', async () => {
    const whole = small.get(`${partitionPath}/${log}`) as Buffer
    const wrong = await rowsOfFile(log, flipped(whole, 300))
    assert.deepEqual(
      wrong.map(({ type }) => type),
      ['file', 'batch', 'stop', 'batch', 'batch', 'batch'],
    )
    assert.match(String(wrong[2]['why']), /CRC is wrong/)
    const cut = await rowsOfFile(log, whole.subarray(0, 250_000))
    assert.deepEqual(cut.at(-1), {
      type: 'stop',
      path: `/files/${log}`,
      position: 200_000,
      why: 'the batch claims 100000 bytes, and 50000 are left',
    })
    const zeros = await rowsOfFile(log, Buffer.concat([whole, Buffer.alloc(1000)]))
    assert.deepEqual(zeros.at(-1), { type: 'zeros', position: 400_000, bytes: 1000 })
  })
})

test('whatever the bytes of a file are, it is shown to its end or to a row that says where it stops', async () => {
  const names = [
    log,
    '00000000000000000000.index',
    '00000000000000000000.timeindex',
    '00000000000000000000.txnindex',
    '00000000000000000000.snapshot',
    'leader-epoch-checkpoint',
    'recovery-point-offset-checkpoint',
    'meta.properties',
    'partition.metadata',
    'topics.json',
  ]
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), fc.uint8Array({ maxLength: 400 }), async (name, bytes) => {
      const rows = await rowsOfFile(name, Buffer.from(bytes), { records: true })
      assert.equal(rows[0]['type'], 'file')
    }),
    { numRuns: 300 },
  )
  const whole = small.get(`${partitionPath}/${log}`) as Buffer
  await fc.assert(
    fc.asyncProperty(fc.nat(299_999), fc.uint8Array({ minLength: 1, maxLength: 70 }), async (at, bytes) => {
      const harmed = Buffer.from(whole)
      harmed.set(bytes, at)
      await rowsOfFile(log, harmed, { records: true })
    }),
    { numRuns: 60 },
  )
})
