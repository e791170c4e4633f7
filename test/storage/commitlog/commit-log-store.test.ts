/** One commit log under many queues: what is appended, read, closed, killed and opened again. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodeDisk } from '../../../src/files/node-disk.js'
import { positionFileName } from '../../../src/storage/commitlog/format.js'
import { appendAll, batchOf, bytesOf, readAll, temporaryDirectory } from '../support.js'
import { append, smallFiles, storeWorld } from './store-world.js'

test('queues share the log, and each reads its own batches, before and after a restart and a kill', async (t) => {
  const root = await temporaryDirectory(t)
  const world = storeWorld(nodeDisk, root)
  const store = await world.open()
  const queues = Array.from({ length: 5 }, (_, i) => store.ensureQueue('orders', i))
  const sent = queues.map((_, q) =>
    Array.from({ length: 40 }, (_, i) => batchOf([`${q}:${i}`, 'x'.repeat((i * 97) % 900)])),
  )
  for (let i = 0; i < 40; i++) await Promise.all(queues.map((queue, q) => append(queue, sent[q][i])))
  for (const [q, queue] of queues.entries()) assert.deepEqual(await readAll(queue), bytesOf(sent[q]))
  assert.equal(await store.close(), true)

  const again = await world.open()
  assert.deepEqual([again.report.clean, again.report.scannedBytes, again.report.isRebuilt], [true, 0, false])
  for (const [q, batches] of sent.entries()) {
    const queue = again.queue('orders', q)
    assert.ok(queue)
    assert.deepEqual(await readAll(queue), bytesOf(batches))
    const more = batchOf([`more ${q}`])
    await append(queue, more)
    sent[q].push(more)
  }
  // Not closed: as after a kill.
  const third = await world.open()
  assert.equal(third.report.clean, false)
  for (const [q, batches] of sent.entries()) {
    const queue = third.queue('orders', q)
    assert.ok(queue)
    assert.deepEqual(await readAll(queue), bytesOf(batches))
  }
  await third.close()
  await nodeDisk.remove(join(world.directory, 'consumequeue'))
  await nodeDisk.remove(join(world.directory, 'index'))
  const fourth = await world.open()
  assert.equal(fourth.report.isRebuilt, true)
  for (const [q, batches] of sent.entries()) {
    const queue = fourth.queue('orders', q)
    assert.ok(queue)
    assert.deepEqual(await readAll(queue), bytesOf(batches))
  }
  await appendAll(fourth.ensureQueue('orders', 0), [batchOf(['last'])])
  await fourth.close()
})

test('through a mapping the files keep their length', { skip: !nodeDisk.supportsMapping }, async (t) => {
  const root = await temporaryDirectory(t)
  const world = storeWorld(nodeDisk, root, { settings: { ...smallFiles, 'file.engine': 'mmap' } })
  const store = await world.open()
  const sent = Array.from({ length: 60 }, (_, i) => batchOf([`${i}`, 'x'.repeat(3000)]))
  for (const batch of sent) await append(store.ensureQueue('orders', 0), batch)
  for (const { position } of await store.files()) {
    const path = join(world.directory, 'commitlog', positionFileName(position))
    assert.equal((await nodeDisk.stat(path))?.sizeInBytes, 64 * 1024)
  }
  await store.close()
  const again = await world.open()
  assert.deepEqual(await readAll(again.ensureQueue('orders', 0)), bytesOf(sent))
  await again.close()
})
