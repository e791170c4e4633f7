/** The floor that all is measured against does what it says: it writes every byte, and it writes where it should. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { inChild } from '../../bench/harness/child.js'
import { payloads } from '../../bench/payloads.js'
import { untilPrepared } from '../../bench/prepared-segments.js'
import { RawLoop } from '../../bench/raw-loop.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'

async function inDirectory(work: (path: string) => Promise<void>): Promise<void> {
  const directory = await makeTemporaryDirectory('holdfast-bench-test-')
  try {
    await work(directory.path)
  } finally {
    await directory.remove()
  }
}

test('a growing file holds all that was appended, in order, also more buffers than one call takes', () =>
  inDirectory(async (directory) => {
    const loop = await RawLoop.open(join(directory, 'raw'), { dsync: true })
    const appended = Array.from({ length: 3000 }, (_, i) => Buffer.from(`${i};`))
    await Promise.all(
      appended.map((buffer, i) =>
        i % 2 === 0 ? loop.append(buffer) : loop.append(buffer.subarray(0, 1), buffer.subarray(1)),
      ),
    )
    await loop.close()
    assert.equal((await readFile(join(directory, 'raw'))).toString(), appended.join(''))
    assert.ok(loop.rounds < appended.length / 100, `${loop.rounds} rounds: callers share them`)
  }))

test('a zero-filled file keeps its length, and is written round and round', () =>
  inDirectory(async (directory) => {
    const path = join(directory, 'raw')
    const fillBytes = 10_000
    const loop = await RawLoop.open(path, { dsync: true, fillBytes })
    assert.deepEqual(await readFile(path), Buffer.alloc(fillBytes))
    for (let i = 1; i <= 12; i++) await loop.append(Buffer.alloc(1000, i))
    await loop.close()
    const bytes = await readFile(path)
    assert.deepEqual(
      Array.from({ length: 10 }, (_, i) => bytes[i * 1000]),
      [11, 12, 3, 4, 5, 6, 7, 8, 9, 10],
    )
    assert.equal(bytes.length, fillBytes)
  }))

const fullDevice = '/dev/full'

test('an append that fails is rejected', { skip: !existsSync(fullDevice) && 'needs /dev/full' }, async () => {
  const loop = await RawLoop.open(fullDevice, { dsync: false })
  await assert.rejects(loop.append(Buffer.from('x')), /ENOSPC/)
  await loop.close()
})

test('payloads differ from their neighbours and have their length', () => {
  const next = payloads(100)
  const [a, b] = [next(), next()]
  assert.equal(a.length, 100)
  assert.notDeepEqual(a, b)
})

test('a contender runs in a process of its own, and one that does not exist says so', () =>
  inDirectory(async (directory) => {
    const options = { directory, sizeBytes: 100, callers: 2, dsync: true, fillBytes: 1 << 20 }
    const contender = await inChild('raw-loop', options)
    assert.notEqual(contender.info?.['pid'], process.pid)
    const { value, detail } = await contender.block(20)
    assert.ok(value > 0)
    assert.ok(detail['rounds'] > 0)
    await contender.close()
    assert.equal((await stat(join(directory, 'raw.log'))).size, 1 << 20)
    await assert.rejects(inChild('no-such-contender', {}), /no-such-contender/)
  }))

test('segments count as prepared when the active one and the spare have their full length', () =>
  inDirectory(async (directory) => {
    const active = join(directory, '00000000000000000000.log')
    let nudges = 0
    const waited = untilPrepared(directory, 1000, async () => {
      if (nudges++ > 0) return
      await writeFile(active, 'x')
      await truncate(active, 1000)
      setTimeout(() => writeFile(`${active}.deleted`, Buffer.alloc(1000)).catch(() => {}), 30)
    })
    assert.ok((await waited) >= 30)
    assert.equal(nudges, 1)
  }))
