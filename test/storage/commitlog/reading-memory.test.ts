/** What a reader of a queue holds in memory: the batches that it answers with, and little beside them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Disk, DiskFile } from '../../../src/files/disk.js'
import { nodeDisk } from '../../../src/files/node-disk.js'
import type { RecordBatch } from '../../../src/records/batch.js'
import { batchOf, temporaryDirectory } from '../support.js'
import { append, storeWorld } from './store-world.js'

const mib = 1024 * 1024
const settings = { 'mapped.file.size.commitlog': 64 * mib }

/** The memory that these lie in, each piece of it once. */
function heldBytes(records: readonly Buffer[]): number {
  let bytes = 0
  for (const { byteLength } of new Set(records.map(({ buffer }) => buffer))) bytes += byteLength
  return bytes
}

function wholeOf(batches: readonly RecordBatch[]): Buffer {
  return Buffer.concat(batches.map(({ bytes }) => bytes))
}

/** A disk without mappings that notes the largest piece of memory that anybody reads into. */
function notingDisk(note: (bytes: number) => void): Disk {
  const noting = (file: DiskFile): DiskFile =>
    new Proxy(file, {
      get(target, name) {
        const found: unknown = Reflect.get(target, name, target)
        if (typeof found !== 'function') return found
        return (...args: unknown[]): unknown => {
          if (name === 'read') note((args[0] as Buffer).buffer.byteLength)
          return found.apply(target, args)
        }
      },
    })
  return {
    ...nodeDisk,
    supportsMapping: false,
    open: async (path, options) => noting(await nodeDisk.open(path, options)),
  }
}

test('an answer holds no more memory than its batches, whatever limit cuts it', async (t) => {
  const store = await storeWorld(nodeDisk, await temporaryDirectory(t), { settings }).open()
  const queue = store.ensureQueue('orders', 0)
  const sent = Array.from({ length: 12 }, (_, at) => batchOf([`${at} ${'x'.repeat(900_000)}`]))
  await append(queue, ...sent)
  for (const limit of [1, mib, 1_700_000, 5 * mib, 64 * mib]) {
    const { records, sizeInBytes } = await queue.read(0, limit)
    const isWhole = wholeOf(sent).equals(Buffer.concat(records))
    assert.equal(isWhole, limit === 64 * mib, `what ${limit} bytes let through`)
    assert.ok(heldBytes(records) <= sizeInBytes + 128 * 1024, `${heldBytes(records)} are held for ${sizeInBytes}`)
  }
  await store.close()
})

test('however much is asked for, few messages lie in memory beside their batches', async (t) => {
  let largest = 0
  const disk = notingDisk((bytes) => {
    largest = Math.max(largest, bytes)
  })
  const store = await storeWorld(disk, await temporaryDirectory(t), { settings }).open()
  const queue = store.ensureQueue('orders', 0)
  const sent = Array.from({ length: 24 }, (_, at) => batchOf([`${at} ${'x'.repeat(900_000)}`]))
  for (const batch of sent) await append(queue, batch)
  largest = 0
  const { records } = await queue.read(0, 64 * mib)
  assert.ok(wholeOf(sent).equals(Buffer.concat(records)))
  assert.ok(largest > 0 && largest <= 5 * mib, `${largest} bytes were read together`)
  await store.close()
})
