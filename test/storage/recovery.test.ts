/** What a start reads, and what it says of it. */

import assert from 'node:assert/strict'
import { copyFile, cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { MessageStore } from '../../src/storage/message-store.js'
import type { RecoveryProgress } from '../../src/storage/recovery.js'
import {
  appendAll,
  closedStore,
  dataPath,
  logOf,
  mib,
  openStore,
  readAll,
  settingsWith,
  sizedBatch,
} from './support.js'

const megabyte = 1_000_000

describe('after a crash', () => {
  test('a start reads what was written since the last mark, and serves all of it', async (t) => {
    const path = await dataPath(t)
    const store = await openStore(t, path)
    await store.createTopic({ name: 'orders', partitions: 2 })
    const batches = Array.from({ length: 150 }, (_, i) =>
      sizedBatch(megabyte, `${i}`, { producerId: 3, producerEpoch: 0, baseSequence: i }),
    )
    // One round after the other, as of a sender that waits.
    for (const batch of batches) await logOf(store).append(batch).acknowledged
    await appendAll(logOf(store, 'orders', 1), [sizedBatch(100)])
    // What a process that is killed leaves.
    const copy = join(path, '..', 'copy')
    await cp(path, copy, { recursive: true })
    const progress: RecoveryProgress[] = []
    const again = await openStore(t, copy, { onRecovery: (one) => progress.push(one) })
    const { recovery } = again
    assert.equal(recovery.clean, false)
    assert.ok(recovery.scannedBytes < 70 * mib, `${recovery.scannedBytes} bytes read`)
    assert.deepEqual([recovery.cutBytes, recovery.damagedLogs, recovery.logs.length], [0, 0, 2])
    assert.deepEqual(progress.at(-1), { logsDone: 2, logsTotal: 2, scannedBytes: recovery.scannedBytes })
    assert.equal((await readAll(logOf(again), 0, 8 * mib)).length, 150)
    const repeated = sizedBatch(megabyte, '149', { producerId: 3, producerEpoch: 0, baseSequence: 149 })
    assert.ok(logOf(again).append(repeated).duplicate)
  })

  test('a torn tail is cut, and the report says so', async (t) => {
    const path = await dataPath(t)
    const store = await openStore(t, path)
    await store.createTopic({ name: 'orders', partitions: 1 })
    await appendAll(logOf(store), [sizedBatch(5000), sizedBatch(5000)])
    await store.close()
    await rm(join(path, 'log/.kafka_cleanshutdown'))
    await writeFile(join(path, 'log/recovery-point-offset-checkpoint'), '0\n1\norders 0 1\n')
    const log = join(path, 'log/orders-0/00000000000000000000.log')
    await writeFile(log, (await readFile(log)).subarray(0, 9000))
    const { recovery } = await openStore(t, path)
    assert.deepEqual([recovery.scannedBytes, recovery.cutBytes, recovery.rebuiltSegments], [5000, 4000, 1])
    assert.equal(recovery.logs[0].topic, 'orders')
  })
})

test('a full scan reads everything, also after a close in order, and finds what nobody had read', async (t) => {
  const { path, settings } = await closedStore(t)
  const sound = await openStore(t, path, { settings, fullScan: true })
  assert.deepEqual([sound.recovery.scannedBytes, sound.recovery.damagedLogs], [3_000_000, 0])
  await sound.close()
  const file = join(path, 'log/orders-0/00000000000000000000.log')
  const bytes = await readFile(file)
  bytes[450_000] ^= 1
  await writeFile(file, bytes)
  const blind = await openStore(t, path, { settings })
  assert.equal(blind.recovery.damagedLogs, 0)
  await blind.close()
  const { recovery } = await openStore(t, path, { settings, fullScan: true })
  assert.equal(recovery.logs[0].damage?.offset, 4)
})

describe('a first segment that is gone', () => {
  test('is told from retention: what is left can be read, nothing is appended, at the next start neither', async (t) => {
    const { path, settings } = await closedStore(t)
    const first = join(path, 'log/orders-0/00000000000000000000.log')
    await copyFile(first, join(path, 'kept'))
    await rm(first)
    for (let start = 0; start < 2; start++) {
      const again = await MessageStore.open(path, { settings })
      const log = logOf(again)
      assert.equal(log.failure?.code, 'LOG_DAMAGED')
      assert.deepEqual([log.logStartOffset, (await readAll(log)).length], [10, 20])
      await assert.rejects(log.read(3, mib), { code: 'LOG_DAMAGED' })
      assert.throws(() => log.append(sizedBatch(100)), { code: 'LOG_DAMAGED' })
      assert.deepEqual(again.recovery.logs[0].damage?.offset, 0)
      await again.close()
    }
    await copyFile(join(path, 'kept'), first)
    const mended = await openStore(t, path, { settings })
    assert.equal(logOf(mended).failure, undefined)
    assert.equal((await readAll(logOf(mended))).length, 30)
  })

  test('is no damage where DeleteRecords took it', async (t) => {
    const path = await dataPath(t)
    const settings = settingsWith({ 'log.segment.bytes': mib })
    const store = await openStore(t, path, { settings })
    await store.createTopic({ name: 'orders', partitions: 1 })
    await appendAll(
      logOf(store),
      Array.from({ length: 30 }, (_, i) => sizedBatch(100_000, `${i}`)),
    )
    await logOf(store).deleteRecordsBefore(15)
    await store.close()
    const again = await openStore(t, path, { settings })
    assert.deepEqual([logOf(again).failure, logOf(again).logStartOffset], [undefined, 15])
  })
})
