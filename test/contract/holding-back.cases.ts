/** What is promised of a log that shows only what other copies have too. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HoldfastError } from '../../src/core/errors.js'
import type { RecordBatch } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import type { HeldBackLog } from '../../src/storage/log/held-back-log.js'
import type { AppendReceipt, PartitionLog } from '../../src/storage/partition-log.js'
import { batchOf, bytesOf, mib, readAll, turns, until } from '../storage/support.js'
import type { LogWorld } from './partition-log.cases.js'

const producerId = 7

export function holdingBackCases(world: LogWorld): void {
  describe(`a log that is held back, ${world.name}`, () => {
    showingCases(world)
    waitingCases(world)
    lookupCases(world)
  })
}

/** Appends, and waits until this copy has it. */
async function stored(log: HeldBackLog, batch: RecordBatch): Promise<AppendReceipt> {
  const receipt = log.append(batch)
  await until(() => log.own.highWatermark > receipt.lastOffset)
  return receipt
}

async function isAnswered(waiting: Promise<unknown>): Promise<boolean> {
  let answered = false
  const note = (): void => {
    answered = true
  }
  waiting.then(note, note)
  await turns()
  return answered
}

/** @throws where a sender is told of a batch, or a reader sees it, before other copies have it */
async function assertHeld(log: PartitionLog, { acknowledged, baseOffset }: AppendReceipt): Promise<void> {
  assert.equal(await isAnswered(acknowledged), false, 'the sender waits')
  assert.equal(log.highWatermark, baseOffset)
  assert.equal((await log.read(baseOffset, mib)).records.length, 0, 'readers see nothing of it')
}

function showingCases(world: LogWorld): void {
  test('what other copies lack nobody sees, and nobody is told of', async (t) => {
    const { log } = await world.openHeldBack(t)
    const batches = [batchOf(['a', 'b']), batchOf(['c']), batchOf(['d', 'e'])]
    const receipts: AppendReceipt[] = []
    for (const batch of batches) receipts.push(await stored(log, batch))
    await assertHeld(log, receipts[0])
    assert.deepEqual([log.highWatermark, log.lastStableOffset, log.logEndOffset, log.own.highWatermark], [0, 0, 5, 5])
    const heard: number[] = []
    log.onAdvance(() => heard.push(log.highWatermark))
    log.show(3)
    await receipts[1].acknowledged
    assert.equal(await isAnswered(receipts[2].acknowledged), false)
    assert.deepEqual([log.highWatermark, log.lastStableOffset], [3, 3])
    assert.deepEqual(await readAll(log), bytesOf(batches.slice(0, 2)))
    assert.equal((await log.read(3, mib)).records.length, 0)
    assert.deepEqual(await readAll(log.own), bytesOf(batches))
    assert.equal(log.publishedBytes, batches[0].sizeInBytes + batches[1].sizeInBytes)
    log.show(2)
    assert.equal(log.highWatermark, 3, 'it never falls')
    log.show(100)
    await receipts[2].acknowledged
    assert.deepEqual([heard, log.publishedBytes], [[3, 5], log.own.publishedBytes])
    await log.append(batchOf(['f'])).acknowledged
  })

  test('a limit inside a batch shows nothing of it', async (t) => {
    const { log } = await world.openHeldBack(t)
    const batches = [batchOf(['a']), batchOf(['b', 'c'])]
    for (const batch of batches) await stored(log, batch)
    log.show(2)
    const { records, sizeInBytes } = await log.read(0, mib)
    assert.deepEqual([Buffer.concat([...records]), sizeInBytes], [batches[0].bytes, batches[0].sizeInBytes])
  })

  test('one that tells too early is noticed', async (t) => {
    const { log } = await world.openHeldBack(t)
    log.own.onAdvance(() => log.show(log.own.highWatermark))
    const receipt = await stored(log, batchOf(['a']))
    await assert.rejects(assertHeld(log, receipt), { message: /the sender waits/ })
  })

  test('records are deleted up to what it shows; after a restart nothing is shown until it is told, and then wakes who waits', async (t) => {
    const opened = await world.openHeldBack(t)
    for (const value of ['a', 'b', 'c']) await stored(opened.log, batchOf([value]))
    opened.log.show(2)
    await assert.rejects(opened.log.deleteRecordsBefore(3), { code: 'OFFSET_OUT_OF_RANGE' })
    await opened.log.deleteRecordsBefore(1)
    assert.deepEqual([opened.log.logStartOffset, opened.log.highWatermark], [1, 2])
    const again = (await opened.reopen()) as HeldBackLog
    assert.deepEqual([again.logStartOffset, again.highWatermark], [1, 1])
    const before = again.publishedBytes
    again.show(3)
    assert.deepEqual([again.logStartOffset, again.highWatermark], [1, 3])
    assert.ok(again.publishedBytes > before, 'a fetch that waits for bytes is woken')
  })
}

function waitingCases(world: LogWorld): void {
  const numbered = (baseSequence: number) =>
    batchOf([`${baseSequence}`], { producerId, producerEpoch: 0, baseSequence, timestamp: Date.now() })

  test('a batch that is sent again waits for the copies as the first sending does', async (t) => {
    const { log } = await world.openHeldBack(t)
    const first = await stored(log, numbered(0))
    const second = await stored(log, numbered(1))
    const again = log.append(numbered(0))
    assert.equal(again.duplicate, true)
    await assertHeld(log, first)
    assert.equal(await isAnswered(again.acknowledged), false)
    log.show(1)
    await Promise.all([first.acknowledged, again.acknowledged])
    assert.equal(await isAnswered(second.acknowledged), false)
  })

  test('who waits when it is closed, or when somebody else leads, is refused', async (t) => {
    const opened = await world.openHeldBack(t)
    const { log } = opened
    const waiting = await stored(log, batchOf(['a']))
    const fenced = new HoldfastError('FENCED_LEADER_EPOCH', 'somebody else leads')
    log.refuse(fenced)
    await assert.rejects(waiting.acknowledged, fenced)
    assert.throws(() => log.append(batchOf(['b'])), fenced)
    const again = (await opened.reopen()) as HeldBackLog
    const last = await stored(again, batchOf(['c']))
    await Promise.all([opened.reopen(), assert.rejects(last.acknowledged, { code: 'CLOSED' })])
  })

  test('a copy that lags when it begins to lead waits for others beyond its end too', async (t) => {
    const { log } = await world.openHeldBack(t)
    log.show(1)
    const shown = await stored(log, batchOf(['a']))
    assert.equal(await isAnswered(shown.acknowledged), true)
    log.show(100)
    log.refuse(new HoldfastError('FENCED_LEADER_EPOCH'))
    log.accept()
    const own = await stored(log, batchOf(['b']))
    await assertHeld(log, own)
    log.show(2)
    await own.acknowledged
  })

  test('a committed reader gets what is decided and copied', async (t) => {
    const { log } = await world.openHeldBack(t)
    const marker = { producerId, producerEpoch: 0, coordinatorEpoch: 0, commit: false }
    const sent = batchOf(['a'], {
      producerId,
      producerEpoch: 0,
      baseSequence: 0,
      isTransactional: true,
      timestamp: Date.now(),
    })
    await stored(log, sent)
    log.show(1)
    assert.deepEqual([log.highWatermark, log.lastStableOffset], [1, 0])
    const ended = log.endTransaction(marker)
    await until(() => log.own.highWatermark === 2)
    assert.equal(await isAnswered(ended.acknowledged), false)
    log.show(2)
    await ended.acknowledged
    assert.deepEqual([log.highWatermark, log.lastStableOffset], [2, 2])
    const { aborted } = await log.read(0, mib, { committed: true })
    assert.deepEqual(aborted, [{ producerId, firstOffset: 0 }])
  })
}

function lookupCases(world: LogWorld): void {
  test('neither a time nor a key leads to what is held back', async (t) => {
    const opened = await world.openHeldBack(t, { 'key.index.enable': 'true' })
    const { log } = opened
    const times = [1000, 1005, 1003, 1020, 1010]
    for (const timestamp of times) await stored(log, buildBatch([{ key: Buffer.from('k'), value: null, timestamp }]))
    assert.equal(await log.offsetOfMaxTimestamp(), undefined)
    log.show(3)
    assert.deepEqual(await log.offsetOfMaxTimestamp(), { offset: 1, timestamp: 1005 })
    assert.deepEqual(await log.offsetForTimestamp(1003), { offset: 1, timestamp: 1005 })
    assert.equal(await log.offsetForTimestamp(1006), undefined)
    assert.deepEqual(await opened.find('k'), [2, 1, 0])
    log.show(5)
    assert.deepEqual(await log.offsetOfMaxTimestamp(), { offset: 3, timestamp: 1020 })
    assert.deepEqual(await opened.find('k'), [4, 3, 2, 1, 0])
  })
}
