/** What a log says on its way of how far it was written holds also where it was cut before. */

import assert from 'node:assert/strict'
import { cp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../support/until.js'
import { appendAll, batchOf, dataPath, logOf, mib, openStore, settingsWith, sizedBatch } from './support.js'

const settings = settingsWith({ 'log.cleaner.enable': false, 'flush.disk.type': 'ASYNC_FLUSH' })
const timestamp = Date.now()
const producer = { producerId: 7, producerEpoch: 0 }
const ofTransaction = { ...producer, baseSequence: 0, isTransactional: true, timestamp }

test('a transaction that was aborted in what was cut off is not aborted in what took its place, after a crash behind a mark', async (t) => {
  const path = await dataPath(t)
  const before = await openStore(t, path, { settings })
  await before.createTopic({ name: 'orders', partitions: 1 })
  await appendAll(logOf(before), [batchOf(['a'], { timestamp }), batchOf(['b'], ofTransaction)])
  await logOf(before).endTransaction({ ...producer, coordinatorEpoch: 0, commit: false }).acknowledged
  assert.equal(logOf(before).abortedTransactions(0, 3).length, 1)
  // The index of what was aborted is in its file.
  await before.close()

  const store = await openStore(t, path, { settings })
  await store.cutBack([{ topic: 'orders', partition: 0, offset: 1 }])
  await appendAll(logOf(store), [batchOf(['c'], ofTransaction)])
  await logOf(store).endTransaction({ ...producer, coordinatorEpoch: 0, commit: true }).acknowledged
  for (let i = 0; i < 66; i++) await appendAll(logOf(store), [sizedBatch(mib - 1000, `${i}`, { timestamp })])
  await logOf(store).flush()
  const isMarked = async () =>
    (await readdir(join(path, 'log', 'orders-0'))).some((name) => /[1-9]\.snapshot$/.test(name))
  await until('the mark is there', isMarked)
  await store.runChore('recovery point checkpoint')
  const { logEndOffset } = logOf(store)
  assert.deepEqual(logOf(store).abortedTransactions(0, logEndOffset), [])

  const killed = await dataPath(t)
  await cp(path, killed, { recursive: true })
  let scannedBytes = 0
  const onRecovery = (progress: { readonly scannedBytes: number }) => {
    scannedBytes = progress.scannedBytes
  }
  const again = await openStore(t, killed, { settings, onRecovery })
  assert.ok(scannedBytes < 30 * mib, `it began at the mark: ${scannedBytes} bytes were read`)
  assert.equal(logOf(again).logEndOffset, logEndOffset)
  assert.deepEqual(logOf(again).abortedTransactions(0, logEndOffset), [])
})
