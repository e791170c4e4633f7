/** Every kind of file, harmed in every field, cut at every length of an entry, or gone: verify finds it. */

import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import {
  brief,
  check,
  codes,
  dataPath,
  diskWith,
  type Files,
  flipped,
  partitionPath,
  storeFiles,
  withFile,
} from './world.js'

let closed: Files
/** The same with little in it, for what concerns the small files alone. */
let small: Files

before(async () => {
  closed = await storeFiles()
  small = await storeFiles({ count: 2 })
})

test('a store that was closed in order has nothing to be found, and verify changes nothing', async () => {
  const disk = await diskWith(closed)
  assert.deepEqual(brief(await check(disk)), [])
})

test('a store that was killed has nothing that recovery does not see to', async () => {
  const disk = await diskWith(await storeFiles({ closed: false }))
  const report = await check(disk)
  assert.deepEqual(
    report.findings.filter(({ severity }) => severity !== 'note'),
    [],
  )
})

/** Each field of each kind of file: where it lies, in bytes. */
const binaryFields: readonly { file: string; fields: Readonly<Record<string, number>> }[] = [
  {
    file: `${partitionPath}/00000000000000000010.log`,
    fields: {
      'base offset': 200_007,
      length: 200_009,
      'leader epoch': 200_015,
      magic: 200_016,
      crc: 200_018,
      attributes: 200_022,
      'last offset delta': 200_026,
      'base timestamp': 200_034,
      'max timestamp': 200_042,
      'producer id': 200_050,
      'producer epoch': 200_052,
      'base sequence': 200_056,
      'number of records': 200_060,
      records: 250_000,
    },
  },
  {
    file: `${partitionPath}/00000000000000000010.index`,
    fields: { 'relative offset': 11, position: 13 },
  },
  {
    file: `${partitionPath}/00000000000000000010.timeindex`,
    fields: { timestamp: 19, 'relative offset': 23 },
  },
  {
    file: `${partitionPath}/00000000000000000010.snapshot`,
    fields: { version: 1, crc: 3, 'number of entries': 9, 'producer id': 17, 'last sequence': 23, 'last offset': 31 },
  },
]

describe('a flipped bit is found', () => {
  for (const { file, fields } of binaryFields) {
    for (const [field, at] of Object.entries(fields)) {
      test(`in the ${field} of a ${file.split('.')[1]} file`, async () => {
        for (const bit of [0, 6]) {
          const bytes = flipped(closed.get(file) as Buffer, at, bit)
          const report = await check(await diskWith(withFile(closed, file, bytes)))
          assert.ok(
            report.findings.some(({ path }) => path === file),
            brief(report).join('\n'),
          )
        }
      })
    }
  }

  for (const file of [
    'log/recovery-point-offset-checkpoint',
    'log/replication-offset-checkpoint',
    'log/orders-0/leader-epoch-checkpoint',
    'log/orders-0/partition.metadata',
    'config/topics.json',
    'config/producer-ids.json',
    'holdfast.json',
  ]) {
    test(`in any byte of ${file}`, async () => {
      const path = `${dataPath}/${file}`
      const bytes = small.get(path) as Buffer
      const unseen: string[] = []
      for (let at = 0; at < bytes.length; at++) {
        // Another number of a producer id that was never given away only skips some.
        if (file.endsWith('ids.json') && /\d/.test(String.fromCharCode(bytes[at]))) continue
        const report = await check(await diskWith(withFile(small, path, flipped(bytes, at, at % 7))), dataPath, {
          quick: true,
        })
        if (report.findings.length === 0)
          unseen.push(`${at}: ${JSON.stringify(bytes.subarray(Math.max(0, at - 5), at + 5).toString())}`)
      }
      assert.deepEqual(unseen, [])
    })
  }
})

describe('a file that was cut is found', () => {
  for (const [name, entryBytes] of [
    ['00000000000000000010.index', 8],
    ['00000000000000000010.timeindex', 12],
    ['00000000000000000010.snapshot', 46],
    ['00000000000000000010.log', 61],
  ] as const) {
    test(`${name} by any number of bytes of its entry`, async () => {
      const path = `${partitionPath}/${name}`
      const bytes = closed.get(path) as Buffer
      for (let less = 1; less <= entryBytes; less++) {
        const report = await check(
          await diskWith(withFile(closed, path, bytes.subarray(0, bytes.length - less))),
          dataPath,
          { quick: true },
        )
        assert.ok(
          report.findings.some((finding) => finding.path === path),
          `${less} bytes`,
        )
      }
    })
  }
})

describe('a file that is gone is found', () => {
  test('whichever it is', async () => {
    const unseen: string[] = []
    for (const path of closed.keys()) {
      // A lock is taken anew, the mark only says that the close was in order, and old snapshots save work at most.
      if (/lock$|cleanshutdown$|\d{10}(00|10|20)\.snapshot$/.test(path)) continue
      const report = await check(await diskWith(withFile(closed, path, undefined)), dataPath, { quick: true })
      if (report.findings.length === 0) unseen.push(path)
    }
    assert.deepEqual(unseen, [])
  })
})

test('a foreign file is named, wherever it lies', async () => {
  for (const path of ['log/orders-0/notes.txt', 'log/notes.txt', 'log/backup/notes.txt']) {
    const report = await check(await diskWith(withFile(closed, `${dataPath}/${path}`, Buffer.from('hello'))))
    assert.deepEqual(codes(report), ['foreign-file'], path)
  }
})
