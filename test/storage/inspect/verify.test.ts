/** Every kind of file, harmed in every field, cut at every length of an entry, or gone: verify finds it. */

import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { diskWith, type Files, withFile } from '../../../sim/stored-files.js'
import { fieldHarms, otherHarms } from './harms.js'
import { brief, check, codes, dataPath, flipped, partitionPath, storeFiles } from './world.js'

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

test('whatever is harmed in whichever file is found, and named', async () => {
  for (const { name, path, apply } of [...fieldHarms, ...otherHarms]) {
    const report = await check(await diskWith(withFile(closed, path, apply(closed.get(path) as Buffer))))
    // Where a segment is gone, the one before it, or the log as a whole, is the place to say so.
    const isNamed = report.findings.some(
      (finding) => finding.path === path || (path.endsWith('.log') && finding.path.startsWith(partitionPath)),
    )
    assert.ok(isNamed, `${name}: ${brief(report).join(', ')}`)
  }
})

describe('a flipped bit is found', () => {
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
