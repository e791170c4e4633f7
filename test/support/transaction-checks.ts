/** Holds a log, and the files of its directory, against the model of its batches. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { AbortedFilter } from '../../src/client/aborted-filter.js'
import type { Disk } from '../../src/files/disk.js'
import { batchesIn, RecordBatch } from '../../src/records/batch.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { parseSegmentFileName, suffix } from '../../src/storage/segments/format.js'
import { decodeProducerSnapshot } from '../../src/storage/segments/producer-snapshot.js'
import { TransactionIndex } from '../../src/storage/segments/transaction-index.js'
import { readAll } from '../storage/support.js'
import { TransactionModel } from './transaction-model.js'

export async function batchesOf(log: PartitionLog): Promise<RecordBatch[]> {
  return (await readAll(log)).map(({ bytes }) => new RecordBatch(bytes))
}

/** Base offsets of the batches that a reader gets who reads committed records, a little at a time. */
export async function committedBases(log: PartitionLog, maxBytes: number): Promise<number[]> {
  const found: number[] = []
  for (let offset = log.logStartOffset; offset < log.lastStableOffset; ) {
    const { records, aborted } = await log.read(offset, maxBytes, { committed: true })
    assert.ok(aborted)
    const filter = new AbortedFilter(aborted)
    const batches = records.flatMap((bytes) => [...batchesIn(bytes)])
    assert.ok(batches.length > 0, `nothing at ${offset}, below the last stable offset ${log.lastStableOffset}`)
    for (const batch of batches) {
      offset = batch.nextOffset
      if (!filter.isAborted(batch) && !batch.isControl) found.push(batch.baseOffset)
    }
    assert.ok(offset <= log.lastStableOffset, 'nothing undecided is shown')
  }
  return found
}

/** The log begins at offset 0. */
export async function assertLikeModel(log: PartitionLog, model: TransactionModel): Promise<void> {
  assert.equal(log.highWatermark, model.endOffset)
  assert.equal(log.lastStableOffset, model.lastStableOffset, 'last stable offset')
  const end = model.lastStableOffset
  for (const [from, to] of [
    [0, end],
    [Math.floor(end / 2), end],
    [Math.floor(end / 3), Math.ceil(end / 2)],
    [end - 1, end],
  ]) {
    if (from < 0 || from >= to) continue
    const found = log.abortedTransactions(from, to)
    // A transaction that began before `to` and ended behind it may be told too: its producer's next marker ends it.
    assert.deepEqual([...found], model.abortedIn(from, to), `aborted in ${from} to ${to}`)
  }
  assert.deepEqual(
    await committedBases(log, 300),
    model.committed.filter((offset) => offset < end),
  )
  const producers = log.activeProducers().map((one) => {
    const { producerId, producerEpoch, lastSequence, coordinatorEpoch, transactionFirstOffset } = one
    return [producerId, { epoch: producerEpoch, lastSequence, coordinatorEpoch, firstOffset: transactionFirstOffset }]
  })
  assert.deepEqual(new Map(producers as [number, never][]), model.producers)
}

/** Every snapshot and transaction index in the directory of a closed log says what its batches say. */
export async function assertFilesLikeModel(
  disk: Disk,
  directory: string,
  batches: readonly RecordBatch[],
): Promise<{ snapshots: number; indexes: number }> {
  const files = ((await disk.list(directory)) ?? []).map(({ name }) => ({ name, ...parseSegmentFileName(name) }))
  const bases = files.flatMap((file) => (file.suffix === suffix.log ? [file.offset ?? 0] : [])).sort((a, b) => a - b)
  const whole = TransactionModel.of(batches)
  const counts = { snapshots: 0, indexes: 0 }
  for (const { name, offset = 0, suffix: kind } of files) {
    if (kind === suffix.snapshot) {
      const states = decodeProducerSnapshot((await disk.readFile(join(directory, name))) ?? Buffer.alloc(0))
      assert.ok(states, name)
      const model = TransactionModel.of(batches.filter(({ lastOffset }) => lastOffset < offset))
      const found = [...states.values()].map(({ producerId, epoch, batches: last, ...state }) => [
        producerId,
        {
          epoch,
          lastSequence: last.at(-1)?.lastSequence ?? -1,
          coordinatorEpoch: state.coordinatorEpoch,
          firstOffset: state.transactionFirstOffset,
        },
      ])
      assert.deepEqual(new Map(found as [number, never][]), model.producers, name)
      counts.snapshots++
    }
  }
  for (const base of bases) {
    const end = bases.find((other) => other > base) ?? Number.MAX_SAFE_INTEGER
    const wanted = whole.aborts.filter(({ lastOffset }) => lastOffset >= base && lastOffset < end)
    const name = `${String(base).padStart(20, '0')}${suffix.transactionIndex}`
    const bytes = await disk.readFile(join(directory, name))
    assert.equal(bytes !== undefined, wanted.length > 0, `${name} is there where something was aborted, and only there`)
    if (bytes === undefined) continue
    const index = TransactionIndex.of(bytes, base)
    assert.ok(index, name)
    assert.deepEqual(
      Array.from({ length: index.count }, (_, i) => index.entry(i)),
      wanted,
      name,
    )
    counts.indexes++
  }
  return counts
}
