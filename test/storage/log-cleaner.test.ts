/** Compaction of a store: when a log is cleaned, what its readers see then and after a restart, and what goes on meanwhile. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ManualClock } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { HoldfastError } from '../../src/core/errors.js'
import type { Settings } from '../../src/core/settings.js'
import { batchesIn } from '../../src/records/batch.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { type Entry, entriesOf, latestOf, openOn, put, smallSegments } from './compacting.js'
import { dataPath, logOf, mib, openStore, settingsWith, turns } from './support.js'

async function fill(log: PartitionLog, rounds: number, keys = 5): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let key = 0; key < keys; key++) await put(log, [[`key ${key}`, `value ${round} ${'.'.repeat(60)}`]])
  }
}

/** A store on a simulated disk with one compacted topic. */
async function compactedStore(given: Partial<Settings> = {}, clock = new ManualClock()) {
  const disk = new MemoryDisk()
  const settings: Settings = { ...smallSegments(), ...given }
  const store = await openOn(disk, settings, clock)
  await store.createTopic({ name: 'orders', partitions: 1 })
  return { disk, settings, store, clock, log: logOf(store) }
}

const dayMs = 86_400_000

describe('a store with compaction', () => {
  test('keeps the latest message of each key, at its offset, also over a restart', async () => {
    const { disk, settings, store, log } = await compactedStore()
    await fill(log, 20)
    const before = await entriesOf(log)
    const sizeBefore = log.sizeInBytes
    await store.runChore('compaction')
    const after = await entriesOf(log)
    assert.ok(log.sizeInBytes < sizeBefore / 3)
    assert.ok(after.length < 20)
    assert.deepEqual(latestOf(after), latestOf(before))
    for (const entry of after) assert.deepEqual(entry, before[entry.offset])
    await store.close()
    const again = await openOn(disk, settings)
    assert.deepEqual(await entriesOf(logOf(again)), after)
    assert.equal(logOf(again).failure, undefined)
    await fill(logOf(again), 20)
    const grown = await entriesOf(logOf(again))
    await again.runChore('compaction')
    assert.deepEqual(latestOf(await entriesOf(logOf(again))), latestOf(grown))
    await again.close()
  })

  test('leaves a log alone of which too little is new, unless something has waited for too long', async () => {
    const { store, log, clock } = await compactedStore({ 'log.cleaner.max.compaction.lag.ms': dayMs })
    await fill(log, 40)
    await store.runChore('compaction')
    // What was cleaned, distinct, outweighs what comes now.
    for (let i = 0; i < 60; i++) await put(log, [[`once ${i}`, '-'.repeat(90)]], { timestamp: clock.now() })
    await store.runChore('compaction')
    await fill(log, 2)
    const size = log.sizeInBytes
    await store.runChore('compaction')
    assert.equal(log.sizeInBytes, size)
    clock.advance(dayMs + 1)
    await store.runChore('compaction')
    assert.ok(log.sizeInBytes < size)
    await store.close()
  })

  test('leaves young messages alone', async () => {
    const { store, log, clock } = await compactedStore({ 'log.cleaner.min.compaction.lag.ms': dayMs })
    for (let i = 0; i < 30; i++) await put(log, [['key', '.'.repeat(90)]], { timestamp: clock.now() })
    const before = await entriesOf(log)
    await store.runChore('compaction')
    assert.deepEqual(await entriesOf(log), before)
    clock.advance(dayMs + 1)
    await store.runChore('compaction')
    assert.ok((await entriesOf(log)).length < before.length)
    await store.close()
  })

  test('lets a tombstone be seen for as long as delete.retention.ms says, and no longer', async () => {
    const { store, log, clock } = await compactedStore({ 'log.cleaner.min.cleanable.ratio': 0 })
    await fill(log, 4)
    await put(log, [['key 1', null]])
    await fill(log, 4, 1)
    await store.runChore('compaction')
    const tombstones = async () => (await entriesOf(log)).filter(({ value }) => value === null).length
    assert.equal(await tombstones(), 1)
    clock.advance(dayMs - 1)
    await fill(log, 8, 1)
    await store.runChore('compaction')
    assert.equal(await tombstones(), 1)
    clock.advance(2)
    await fill(log, 8, 1)
    await store.runChore('compaction')
    assert.equal(await tombstones(), 0)
    assert.equal(latestOf(await entriesOf(log)).has('key 1'), false)
    await store.close()
  })

  test('by hand compacts what lies in the active segment too', async () => {
    const { store, log } = await compactedStore()
    for (const value of ['1', '2', '3']) await put(log, [['key', value]])
    await store.compactTopic('orders')
    assert.deepEqual(await entriesOf(log), [{ offset: 2, key: 'key', value: '3' }])
    await store.close()
  })

  test('cleans a part at a time where the keys do not fit into memory', async () => {
    const { store, log } = await compactedStore({ 'log.cleaner.dedupe.buffer.size': 240 })
    for (let round = 0; round < 3; round++) {
      for (let key = 0; key < 30; key++) await put(log, [[`key ${key}`, `${round} ${'.'.repeat(60)}`]])
    }
    const before = await entriesOf(log)
    await store.compactTopic('orders')
    const after = await entriesOf(log)
    assert.deepEqual(latestOf(after), latestOf(before))
    assert.ok(after.length < before.length)
    await store.close()
  })

  test('knows its producers as well from what is left as from all that was written', async () => {
    const { disk, settings, store, log } = await compactedStore()
    for (let i = 0; i < 20; i++) {
      for (const producerId of [7, 8]) {
        if (producerId === 8 && i > 3) continue
        await put(log, [['key', `${i} ${'.'.repeat(60)}`]], { producerId, producerEpoch: 2, baseSequence: i })
      }
    }
    await store.compactTopic('orders')
    const { names, directory } = await filesOf(disk)
    await store.close()
    assert.ok(names.some((name) => name.endsWith('.log')))
    // Without the snapshots the state is read from the log.
    const left = disk.afterKill()
    for (const { name } of (await left.list(directory)) ?? []) {
      if (name.endsWith('.snapshot')) await left.remove(join(directory, name))
    }
    await left.remove('/data/log/.kafka_cleanshutdown')
    const again = await openOn(left, settings)
    const reopened = logOf(again)
    for (const [producerId, next] of [
      [7, 20],
      [8, 4],
    ]) {
      const options = { producerId, producerEpoch: 2 }
      await assert.rejects(
        put(reopened, [['key', 'gap']], { ...options, baseSequence: next + 1 }),
        (error: unknown) => error instanceof HoldfastError && error.code === 'OUT_OF_ORDER_SEQUENCE_NUMBER',
      )
      await put(reopened, [['key', 'next']], { ...options, baseSequence: next })
    }
    await again.close()
  })

  test('drops what was aborted, and never what is not decided yet', async () => {
    const { store, log } = await compactedStore({ 'log.cleaner.min.cleanable.ratio': 0 })
    const transaction = { producerId: 9, producerEpoch: 0, isTransactional: true }
    await fill(log, 2)
    await put(log, [['key 0', 'taken back']], { ...transaction, baseSequence: 0 })
    const marker = { producerId: 9, producerEpoch: 0, coordinatorEpoch: 0 }
    await log.endTransaction({ ...marker, commit: false }).acknowledged
    // So that it does not lie in one segment with what is undecided.
    for (let i = 0; i < 8; i++) await put(log, [[`pad ${i}`, '.'.repeat(60)]])
    const openAt = await put(log, [['key 1', 'open']], { ...transaction, baseSequence: 1 })
    await fill(log, 4)
    await store.compactTopic('orders')
    const entries = await entriesOf(log)
    assert.ok(!entries.some(({ value }) => value === 'taken back'))
    assert.ok(entries.some(({ offset, value }) => offset === openAt && value === 'open'))
    // The value before what was taken back is still there, since nothing valid has replaced it below the open one.
    assert.ok(entries.some(({ key, offset }) => key === 'key 0' && offset < openAt))
    await log.endTransaction({ ...marker, commit: true }).acknowledged
    await store.compactTopic('orders')
    assert.ok(!(await entriesOf(log)).some(({ value }) => value === 'open'))
    await store.close()
  })

  test('opens a topic that is compacted no more', async () => {
    const { disk, settings, store, log } = await compactedStore()
    await fill(log, 20)
    await store.runChore('compaction')
    await store.alterTopic('orders', () => ({ 'cleanup.policy': 'delete' }))
    const entries = await entriesOf(log)
    await store.close()
    for (const disks of [disk.afterKill(), disk.afterKill()]) {
      const again = await openOn(disks, { ...settings, 'log.cleanup.policy': ['delete'] })
      assert.equal(logOf(again).failure, undefined)
      assert.deepEqual(await entriesOf(logOf(again)), entries)
    }
  })

  test('writes down where it came to, in the form of Kafka', async () => {
    const { disk, store, log } = await compactedStore()
    await fill(log, 20)
    await store.runChore('compaction')
    const text = (await disk.readFile('/data/log/cleaner-offset-checkpoint'))?.toString() ?? ''
    const [version, count, line] = text.split('\n')
    assert.deepEqual([version, count], ['0', '1'])
    const [topic, partition, offset] = line.split(' ')
    assert.deepEqual([topic, partition], ['orders', '0'])
    assert.ok(Number(offset) > 80 && Number(offset) <= log.logEndOffset)
    await store.close()
  })

  test('goes on beside appends, reads, rolls and removals', async () => {
    const { store, log } = await compactedStore({ 'log.cleaner.min.cleanable.ratio': 0 })
    await fill(log, 10)
    let isOver = false
    const latest = new Map(latestOf(await entriesOf(log)))
    const appending = (async () => {
      for (let i = 0; i < 50; i++) {
        await put(log, [[`key ${i % 7}`, `later ${i} ${'.'.repeat(50)}`]])
        latest.set(`key ${i % 7}`, `later ${i} ${'.'.repeat(50)}`)
      }
    })()
    const reading = (async () => {
      while (!isOver) {
        // The simulated disk answers reads at once: the others want a turn, too.
        await turns(1)
        const entries: Entry[] = await entriesOf(log).catch((error: unknown) => {
          // Removed under its hands, which says so.
          if (error instanceof HoldfastError && error.code === 'OFFSET_OUT_OF_RANGE') return []
          throw error
        })
        for (let i = 1; i < entries.length; i++) assert.ok(entries[i].offset > entries[i - 1].offset)
      }
    })()
    for (let run = 0; run < 6; run++) {
      await store.runChore('compaction')
      if (run % 3 === 2) await log.deleteRecordsBefore(log.logStartOffset + 5)
      await fill(log, 1)
    }
    await appending
    await store.runChore('compaction')
    isOver = true
    await reading
    const found = latestOf(await entriesOf(log))
    for (const [key, value] of found) if (value.startsWith('later')) assert.equal(latest.get(key), value)
    assert.equal(log.failure, undefined)
    await store.close()
  })

  test('has nothing to do by hand for a log that is empty, or clean', async () => {
    const { store, log } = await compactedStore()
    assert.deepEqual(await store.compactTopic('orders'), [{ partition: 0, bytesBefore: 0, bytesAfter: 0 }])
    await fill(log, 10)
    await store.compactTopic('orders')
    const { sizeInBytes } = log
    assert.deepEqual(await store.compactTopic('orders'), [
      { partition: 0, bytesBefore: sizeInBytes, bytesAfter: sizeInBytes },
    ])
    await store.close()
  })

  test('refuses to compact by hand what is not compacted', async () => {
    const { store } = await compactedStore()
    await store.createTopic({ name: 'plain', partitions: 1, config: { 'cleanup.policy': 'delete' } })
    await assert.rejects(store.compactTopic('plain'), { code: 'INVALID_REQUEST' })
    await assert.rejects(store.compactTopic('nobody'), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    await store.close()
  })
})

describe('compaction on the disk of the system', () => {
  const settings = settingsWith({
    'log.cleanup.policy': 'compact',
    'log.segment.bytes': mib,
    'log.cleaner.min.cleanable.ratio': 0,
  })
  /** More than what is worth a thread. */
  async function filled(path: string): Promise<MessageStore> {
    const store = await MessageStore.open(path, { settings })
    if (store.topic('orders') === undefined) await store.createTopic({ name: 'orders', partitions: 1 })
    const log = logOf(store)
    const receipts = []
    for (let i = 0; i < 120; i++) {
      const pairs = Array.from({ length: 100 }, (_, j) => [`key ${(i * 100 + j) % 1500}`, '.'.repeat(500)] as const)
      receipts.push(put(log, pairs))
    }
    await Promise.all(receipts)
    return store
  }

  test('runs in a thread of its own', async (t) => {
    const path = await dataPath(t)
    const store = await filled(path)
    const log = logOf(store)
    const before = latestOf(await entriesOf(log))
    const size = log.sizeInBytes
    await store.compactTopic('orders')
    assert.ok(log.sizeInBytes < size / 3, `${log.sizeInBytes} of ${size} bytes are left`)
    assert.deepEqual(latestOf(await entriesOf(log)), before)
    await store.close()
    const again = await openStore(t, path, { settings })
    assert.deepEqual(latestOf(await entriesOf(logOf(again))), before)
    const checkpoint = await readFile(join(path, 'log', 'cleaner-offset-checkpoint'), 'utf8')
    assert.match(checkpoint, /^0\n1\norders 0 \d+\n$/)
  })

  test('ends when the store closes, and begins anew', async (t) => {
    const path = await dataPath(t)
    const store = await filled(path)
    const before = latestOf(await entriesOf(logOf(store)))
    const running = store.compactTopic('orders').catch((error: unknown) => error)
    await store.close()
    await running
    const again = await openStore(t, path, { settings })
    assert.deepEqual(latestOf(await entriesOf(logOf(again))), before)
    await again.compactTopic('orders')
    assert.deepEqual(latestOf(await entriesOf(logOf(again))), before)
  })
})

async function filesOf(disk: MemoryDisk): Promise<{ directory: string; names: string[] }> {
  const directory = '/data/log/orders-0'
  const names = ((await disk.list(directory)) ?? []).map(({ name }) => name)
  for (const name of names.filter((one) => one.endsWith('.log'))) {
    const content = (await disk.readFile(join(directory, name))) ?? Buffer.alloc(0)
    for (const batch of batchesIn(content)) assert.ok(batch.sizeInBytes > 0)
  }
  return { directory, names }
}
