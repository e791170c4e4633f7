/** What every PartitionLog promises to a reader who asks for tags: whatever it leaves out, nothing that was asked for. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { AbortedFilter } from '../../src/client/aborted-filter.js'
import { batchesIn } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { readRecords } from '../../src/records/reader.js'
import { tagsOf } from '../../src/records/tags-and-keys.js'
import type { PartitionLog, TagFilter } from '../../src/storage/partition-log.js'
import { parseTagExpression } from '../../src/storage/tag-expression.js'
import { beforeAndAfter, type LogWorld } from './partition-log.cases.js'

/** Two of them have one hash. */
const tags = ['Aa', 'BB', 'c', undefined, '']
const expressions = ['Aa', 'BB', 'c || Aa', 'nobody']

type Step =
  | { readonly do: 'append'; readonly tags: readonly (string | undefined)[]; readonly producerId: number }
  | { readonly do: 'end'; readonly producerId: number; readonly commit: boolean }

/** -1 is no producer: such batches belong to no transaction. */
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      tags: fc.array(fc.constantFrom(...tags), { minLength: 1, maxLength: 5 }),
      producerId: fc.constantFrom(-1, -1, 1, 2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('end' as const), producerId: fc.constantFrom(1, 2), commit: fc.boolean() }),
  },
)

async function play(log: PartitionLog, steps: readonly Step[]): Promise<void> {
  const sequences = new Map<number, number>()
  for (const each of steps) {
    const { producerId } = each
    if (each.do === 'end') {
      await log.endTransaction({ producerId, producerEpoch: 0, coordinatorEpoch: 0, commit: each.commit }).acknowledged
      continue
    }
    const records = each.tags.map((tag) => ({
      value: Buffer.from(`of ${tag}`),
      headers: tag === undefined ? [] : [{ key: 'TAGS', value: Buffer.from(tag) }],
      timestamp: Date.now(),
    }))
    const baseSequence = sequences.get(producerId) ?? 0
    sequences.set(producerId, baseSequence + records.length)
    const identity = producerId < 0 ? {} : { producerId, producerEpoch: 0, baseSequence, isTransactional: true }
    await log.append(buildBatch(records, identity)).acknowledged
  }
}

interface Reader {
  readonly from: number
  readonly maxBytes: number
  readonly committed: boolean
  /** What the log is told. */
  readonly asked: TagFilter | undefined
  /** What is wanted of all that comes. */
  readonly wanted: TagFilter
}

/** Offset and value of each record that a reader takes. */
async function taken(log: PartitionLog, { from, maxBytes, committed, asked, wanted }: Reader): Promise<string[]> {
  const found: string[] = []
  const end = committed ? log.lastStableOffset : log.highWatermark
  for (let offset = from; offset < end; ) {
    const slice = await log.read(offset, maxBytes, { committed, tags: asked })
    const aborted = new AbortedFilter(slice.aborted ?? [])
    let next = offset
    for (const batch of slice.records.flatMap((bytes) => [...batchesIn(bytes)])) {
      next = batch.nextOffset
      assert.ok(batch.crcMatches())
      if (aborted.isAborted(batch) || batch.isControl) continue
      for (const record of readRecords(batch)) {
        if (record.offset >= offset && wanted.matches(tagsOf(record.headers))) {
          found.push(`${record.offset} ${record.value}`)
        }
      }
    }
    next = Math.max(next, slice.nextOffset ?? 0)
    assert.ok(next > offset && next <= end, `from ${offset} a reader goes on at ${next}, of ${end}`)
    offset = next
  }
  return found
}

export function tagCases(world: LogWorld): void {
  describe(`reading by tags, ${world.name}`, () => {
    test('all that is asked for comes, in order, once, whatever is left out', async (t) => {
      const reader = fc.record({
        part: fc.double({ min: 0, max: 1, noNaN: true }),
        maxBytes: fc.constantFrom(1, 200, 1 << 20),
        committed: fc.boolean(),
        expression: fc.constantFrom(...expressions),
      })
      const readers = fc.array(reader, { minLength: 1, maxLength: 6 })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 20 }), readers, async (steps, asking) => {
          const opened = await world.open(t)
          await play(opened.log, steps)
          for await (const log of beforeAndAfter(opened)) {
            for (const { part, maxBytes, committed, expression } of asking) {
              const wanted = parseTagExpression(expression) as TagFilter
              const from = Math.floor(part * log.highWatermark)
              const all = await taken(log, { from, maxBytes: 1 << 20, committed, asked: undefined, wanted })
              assert.deepEqual(await taken(log, { from, maxBytes, committed, asked: wanted, wanted }), all)
            }
          }
        }),
        { numRuns: 12 },
      )
    })
  })
}
