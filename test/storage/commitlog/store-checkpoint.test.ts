/** The checkpoint's bytes, and that a crash leaves it whole and the mark of an unclean end where it must be. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import {
  encodeStoreCheckpoint,
  markStoreClosed,
  markStoreInUse,
  readStoreCheckpoint,
  recoveryTimestamp,
  type StoreCheckpoint,
  wasStoreClosedCleanly,
  writeStoreCheckpoint,
} from '../../../src/storage/commitlog/store-checkpoint.js'

const store = '/store'
const checkpoint: StoreCheckpoint = {
  physicTimestamp: 1_795_324_696_984,
  logicsTimestamp: 1_795_324_696_985,
  indexTimestamp: 0,
  masterFlushedPosition: 2 ** 40 + 1,
  confirmPosition: -1,
  logicsPosition: 2 ** 41,
}

async function emptyStore(): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  await disk.makeDirectory(store)
  return disk
}

test('a checkpoint has the bytes that RocketMQ gives it', () => {
  const bytes = encodeStoreCheckpoint(checkpoint)
  assert.equal(bytes.length, 4096)
  assert.equal(
    bytes.subarray(0, 48).toString('hex'),
    '000001a201b0d998000001a201b0d99900000000000000000000010000000001ffffffffffffffff0000020000000000',
  )
  assert.ok(bytes.subarray(48).every((byte) => byte === 0))
})

test('it is read as it was written, and none is none', async () => {
  const disk = await emptyStore()
  assert.equal(await readStoreCheckpoint(disk, store), undefined)
  await writeStoreCheckpoint(disk, store, checkpoint)
  assert.deepEqual(await readStoreCheckpoint(disk, store), checkpoint)
  await disk.replaceFile('/store/checkpoint', Buffer.alloc(0))
  assert.equal(await readStoreCheckpoint(disk, store), undefined)
})

test('messages are dispatched again from a margin before the older time on', () => {
  assert.equal(recoveryTimestamp(checkpoint), 1_795_324_693_984)
  assert.equal(recoveryTimestamp({ ...checkpoint, logicsTimestamp: 5000 }), 2000)
  assert.equal(recoveryTimestamp({ ...checkpoint, logicsTimestamp: 0 }), 0)
})

test('power fails at every step of a life: the checkpoint is an old or a new one, and no life passes for a clean one', async () => {
  const newer = { ...checkpoint, physicTimestamp: checkpoint.physicTimestamp + 1000 }
  let hasCrashed = true
  for (let step = 1; hasCrashed; step++) {
    const disk = await emptyStore()
    await writeStoreCheckpoint(disk, store, checkpoint)
    assert.equal(await wasStoreClosedCleanly(disk, store), true)
    const crash = disk.crashAfter(step)
    let isInUse = false
    const life = async (): Promise<void> => {
      await markStoreInUse(disk, store, 4711)
      isInUse = true
      await writeStoreCheckpoint(disk, store, newer)
      isInUse = false
      await markStoreClosed(disk, store)
    }
    hasCrashed = await Promise.race([crash.then(() => true), life().then(() => false)])
    for (let seed = 0; seed < 8; seed++) {
      const found = disk.afterCrash(new SeededRandomness(seed))
      const read = await readStoreCheckpoint(found, store)
      assert.ok(read?.physicTimestamp === checkpoint.physicTimestamp || read?.physicTimestamp === newer.physicTimestamp)
      const isClean = await wasStoreClosedCleanly(found, store)
      if (isInUse) assert.equal(isClean, false)
      if (isInUse) assert.equal((await found.readFile('/store/abort'))?.toString(), '4711')
      if (!hasCrashed) assert.equal(isClean, true)
    }
  }
})
