/** verify looks into the files of key indexes: each kind of page, the header, the length, and what does not belong there. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { diskWith, type Files, filesOf, withFile } from '../../../sim/stored-files.js'
import { sealPage } from '../../../src/storage/key-index/format.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import { keyedBatch } from '../key-index/world.js'
import { logOf } from '../support.js'
import { brief, check, codes, dataPath, flipped, storeTools } from './world.js'

async function indexedFiles(): Promise<{ files: Files; path: string }> {
  const disk = new MemoryDisk()
  const store = await MessageStore.open(dataPath, storeTools(disk))
  await store.createTopic({ name: 'orders', partitions: 1, config: { 'key.index.enable': 'true' } })
  const records = Array.from({ length: 900 }, (_, i) => ({ key: `k${i}`, id: `${i}` }))
  await logOf(store).append(keyedBatch(records)).acknowledged
  await store.keyIndexes.get('orders', 0)?.catchUp(900)
  await store.close()
  const files = await filesOf(disk, dataPath)
  const path = [...files.keys()].find((name) => name.endsWith('.keys'))
  assert.ok(path)
  return { files, path }
}

test('a sound index has nothing to be found; one that is not is named, and why', async () => {
  const { files, path } = await indexedFiles()
  assert.deepEqual(brief(await check(await diskWith(files))), [])
  const bytes = files.get(path) as Buffer
  // Header, filter, six pages of entries, fences.
  assert.equal(bytes.length, 9 * 4096)
  for (const at of [0, 11, 40, 4095, 4096 + 7, 3 * 4096 + 1, 8 * 4096 + 2, 9 * 4096 - 1]) {
    const report = await check(await diskWith(withFile(files, path, flipped(bytes, at))))
    assert.deepEqual(codes(report), ['key-index-wrong'], `byte ${at}`)
  }
  for (const length of [0, 100, 4096, 9 * 4096 - 1]) {
    const report = await check(await diskWith(withFile(files, path, bytes.subarray(0, length))))
    assert.deepEqual(codes(report), ['key-index-wrong'], `${length} bytes`)
  }
})

test('what was being written, and what does not belong there, is told', async () => {
  const { files, path } = await indexedFiles()
  const leftover = await check(await diskWith(withFile(files, `${path}.tmp`, Buffer.from('x'))))
  assert.deepEqual(codes(leftover), ['leftover'])
  const old = Buffer.from(files.get(path) as Buffer)
  old.writeUInt32BE(1, 8)
  sealPage(old, 0)
  const outdated = await check(await diskWith(withFile(files, path, old)))
  assert.deepEqual(codes(outdated), ['leftover'])
  const foreign = await check(await diskWith(withFile(files, '/data/index/notes.txt', Buffer.from('x'))))
  assert.deepEqual(codes(foreign), ['foreign-file'])
})
