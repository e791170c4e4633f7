/** A store with topics in the commit log, on a disk in memory, closed in order or killed, whose files a test can harm. */

import { ManualClock } from '../../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../../sim/seeded-randomness.js'
import { type Files, filesOf } from '../../../../sim/stored-files.js'
import type { RecordBatch } from '../../../../src/records/batch.js'
import { buildBatch } from '../../../../src/records/builder.js'
import { MessageStore, type StoreOptions } from '../../../../src/storage/message-store.js'
import { appendAll, batchOf, logOf, settingsWith } from '../../support.js'
import { dataPath } from '../world.js'

export const storePath = `${dataPath}/store`
export const logFile = (n: number) => `${storePath}/commitlog/${String(n * fileBytes).padStart(20, '0')}`
export const queueFile = (topic: string, queue = 0, entry = 0) =>
  `${storePath}/consumequeue/${topic}/${queue}/${String(entry * 20).padStart(20, '0')}`
export const snapshotFile = `${dataPath}/store-state/queues`

export const fileBytes = 64 * 1024

export const smallStore = settingsWith({
  'mapped.file.size.commitlog': fileBytes,
  'mapped.file.size.consumequeue': 2000,
  'max.hash.slot.num': 100,
  'max.index.num': 300,
  'log.segment.bytes': 1024 * 1024,
  'file.preallocate': 'none',
})

export const commitLogTools = (disk: MemoryDisk): StoreOptions => ({
  disk,
  clock: new ManualClock(),
  randomness: new SeededRandomness(7),
  settings: smallStore,
})

/** One record with key and tag, and some with an id; padded so that a file holds about sixty. */
export function keyed(i: number): RecordBatch {
  const headers = [
    { key: 'TAGS', value: Buffer.from(`tag${i % 3}`) },
    { key: 'message-id', value: Buffer.from(`id-${i}`) },
  ]
  const value = Buffer.from(`${i}`.padEnd(700, '.'))
  return buildBatch([{ key: Buffer.from(`key-${i % 17}`), value, headers, timestamp: 1_700_000_000_000 + i }], {})
}

/** `orders` with two queues of keyed messages, `events` with batches of three of one producer. */
export async function writtenStore(disk: MemoryDisk, count = 150): Promise<MessageStore> {
  const store = await MessageStore.open(dataPath, commitLogTools(disk))
  const config = { 'storage.layout': 'commitlog' }
  await store.createTopic({ name: 'orders', partitions: 2, config })
  await store.createTopic({ name: 'events', partitions: 1, config })
  await store.createTopic({ name: 'own', partitions: 1 })
  await disk.replaceFile(`${store.configPath}/producer-ids.json`, Buffer.from('{"version":1,"nextProducerId":1000}\n'))
  for (let i = 0; i < count; i++) {
    await appendAll(logOf(store, 'orders', i % 2), [keyed(i)])
    if (i % 5 !== 0) continue
    const options = { producerId: 5, producerEpoch: 1, baseSequence: (i / 5) * 3, timestamp: 1_700_000_000_000 + i }
    await appendAll(logOf(store, 'events'), [batchOf(['a', 'b', 'c'], options)])
  }
  await appendAll(logOf(store, 'own'), [batchOf(['d'])])
  return store
}

export async function commitLogFiles({ closed = true, count = 150 } = {}): Promise<Files> {
  const disk = new MemoryDisk()
  const store = await writtenStore(disk, count)
  await store.flush()
  if (closed) await store.close()
  return filesOf(disk.afterKill(), dataPath)
}
