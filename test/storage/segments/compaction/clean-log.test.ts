/**
 * The cleaning of a log against a model of Kafka's rules: the same records are left, round after round, with clock steps,
 * tombstones, transactions and producers.
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { RecordBatch } from '../../../../src/records/batch.js'
import { cleanLog } from '../../../../src/storage/segments/compaction/clean-log.js'
import { asModel, cleanModel, type ModelBatch, type Round, SampleLog } from './sample-log.js'

const startMs = 1_700_000_000_000

type Step =
  | {
      readonly kind: 'write'
      readonly producer: number
      readonly codec: 'none' | 'gzip' | 'lz4'
      readonly records: readonly { readonly key: number; readonly isTombstone: boolean; readonly lateMs: number }[]
    }
  | { readonly kind: 'end'; readonly producer: number; readonly outcome: 'COMMIT' | 'ABORT' }
  | { readonly kind: 'roll' }
  | { readonly kind: 'clean'; readonly afterMs: number }

const record = fc.record({
  // Few keys, so that most are written again; 0 stands for none.
  key: fc.integer({ min: 0, max: 9 }),
  isTombstone: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
  lateMs: fc.integer({ min: -40, max: 40 }),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      producer: fc.integer({ min: -1, max: 3 }),
      codec: fc.constantFrom('none' as const, 'none' as const, 'gzip' as const, 'lz4' as const),
      records: fc.array(record, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      producer: fc.integer({ min: 0, max: 3 }),
      outcome: fc.constantFrom('COMMIT' as const, 'ABORT' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('roll' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('clean' as const), afterMs: fc.integer({ min: 0, max: 2500 }) }),
  },
)

/** Lives through the steps; every cleaning is compared with the model. */
async function live(steps: readonly Step[]): Promise<void> {
  const log = new SampleLog()
  let nowMs = startMs
  let firstDirtyOffset = 0
  for (const one of [...steps, { kind: 'roll' as const }, { kind: 'clean' as const, afterMs: 5000 }]) {
    switch (one.kind) {
      case 'write': {
        const { producer, codec } = one
        const records = one.records.map(({ key, isTombstone, lateMs }) => ({
          key: key === 0 ? null : `key-${key}`,
          value: isTombstone ? null : `value ${log.nextOffset} ${'.'.repeat(key * 5)}`,
          timestamp: nowMs + lateMs,
        }))
        log.write({ records, codec, producerId: producer, isTransactional: producer >= 2 })
        nowMs += 10
        break
      }
      case 'end':
        log.end(one.producer, one.outcome, nowMs)
        break
      case 'roll':
        await log.roll()
        break
      case 'clean': {
        nowMs += one.afterMs
        const sizes = await log.sizes()
        const bases = [...sizes.map(({ baseOffset }) => baseOffset), log.activeBase]
        const endOffset = bases.findLast((base) => base <= log.lastStableOffset) ?? 0
        if (endOffset <= firstDirtyOffset) break
        const round: Round = { firstDirtyOffset, endOffset, nowMs, deleteRetentionMs: 1000 }
        const job = await log.job(round)
        const before = await log.batches()
        const report = await cleanLog(job, {
          disk: log.disk,
          spent: async () => {},
          onCleaned: (group) => log.swap(group),
        })
        assert.equal(report.cleanUpTo, endOffset)
        firstDirtyOffset = endOffset
        cleanModel(log, round)
        await compare(log, before)
        break
      }
    }
  }
}

async function compare(log: SampleLog, before: readonly RecordBatch[]): Promise<void> {
  const batches = await log.batches()
  for (const batch of batches) assert.ok(batch.crcMatches())
  const sealed = log.model.filter(({ lastOffset }) => lastOffset < log.activeBase)
  for (const marker of sealed.filter(({ isMarker }) => isMarker)) {
    if (before.some((batch) => holdsBack(batch, marker))) adopt(marker, batches)
  }
  const expected = sealed.filter(({ records }) => records.length > 0).map(({ transaction: _, ...batch }) => batch)
  assert.deepEqual(asModel(batches), expected)
  // The sequence of each producer that is at work survives, with the batch or without its records.
  for (const [producerId, { lastDataOffset }] of log.producers()) {
    if (lastDataOffset >= log.activeBase) continue
    const last = batches.findLast((batch) => batch.producerId === producerId && !batch.isControl)
    const wanted = sealed.find(({ lastOffset }) => lastOffset === lastDataOffset)
    assert.equal(last?.lastOffset, lastDataOffset)
    assert.equal(last?.lastSequence, wanted?.lastSequence)
  }
  // Aborted transactions that have markers left which have to stay are in the index.
  for (const { lastOffset } of await log.abortedTransactions()) assert.ok(lastOffset < log.activeBase)
}

/** An emptied batch of its producer keeps a marker for a round more, as in Kafka; the model knows no empty batches. */
function holdsBack(batch: RecordBatch, { producerId, lastOffset }: ModelBatch): boolean {
  const isEmpty = batch.isTransactional && !batch.isControl && batch.recordsCount === 0
  return isEmpty && batch.producerId === producerId && batch.lastOffset < lastOffset
}

function adopt(marker: ModelBatch, batches: readonly RecordBatch[]): void {
  const [found] = asModel(batches.filter(({ lastOffset }) => lastOffset === marker.lastOffset))
  marker.horizonMs = found?.horizonMs
  marker.records = found?.records ?? []
}

describe('cleaning a log', () => {
  test('leaves the records that the rules leave, over several rounds', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), live), { numRuns: 150 })
  })
})
