/** What a mirror refuses, and that its verification sees what it is there for. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Broker } from '../../src/broker/broker.js'
import type { BrokerService } from '../../src/broker/contract.js'
import { batchesIn, RecordBatch } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { instead } from '../client/world.js'
import { factsOf, fillCompacted, fillPlain, mirrored, newBroker, produce, record } from './world.js'

const plain = { topic: 'plain', partition: 0 }

async function twoWithPlain(t: Parameters<typeof newBroker>[0]): Promise<[Broker, Broker]> {
  const [source, target] = [await newBroker(t), await newBroker(t)]
  await source.createTopic({ name: 'plain', partitions: 2 })
  await fillPlain(source, 'plain', 1)
  return [source, target]
}

describe('a target that is no copy', () => {
  test('is refused, and nothing is written into it', async (t) => {
    const [source, target] = await twoWithPlain(t)
    await target.createTopic({ name: 'plain', partitions: 2 })
    await produce(target, plain, buildBatch([record('somebody else', 1)]))
    const before = await factsOf(target)
    await assert.rejects(mirrored({ source, target }), { code: 'COPY_DIVERGED', message: /plain-0 .*is no copy/ })
    assert.deepEqual(await factsOf(target), before)
  })

  test('is refused where it goes on behind the source, or is another topic by now', async (t) => {
    const [source, target] = await twoWithPlain(t)
    await mirrored({ source, target })
    await produce(target, plain, buildBatch([record('more', 1)]))
    await assert.rejects(mirrored({ source, target }), {
      code: 'COPY_DIVERGED',
      message: /ends at offset \d+, and the source at/,
    })
    await source.deleteTopic('plain')
    await source.createTopic({ name: 'plain', partitions: 2 })
    await fillPlain(source, 'plain', 2)
    await assert.rejects(mirrored({ source, target }), { code: 'COPY_DIVERGED' })
  })

  test('is refused where it has more partitions', async (t) => {
    const [source, target] = await twoWithPlain(t)
    await target.createTopic({ name: 'plain', partitions: 3 })
    await assert.rejects(mirrored({ source, target }), { code: 'COPY_DIVERGED', message: /3 partitions/ })
  })

  test('is refused where the source has deleted what comes next', async (t) => {
    const [source, target] = await twoWithPlain(t)
    await mirrored({ source, target })
    await produce(source, plain, buildBatch([record('a', 1), record('b', 2)]))
    await source.deleteRecords(plain, -1)
    await produce(source, plain, buildBatch([record('c', 3)]))
    await assert.rejects(mirrored({ source, target }), { code: 'COPY_DIVERGED', message: /holds nothing before/ })
  })
})

/** What is read of `topic` from `service` goes through `change`, batch by batch. */
function changed(
  service: Broker,
  topic: string,
  change: (batch: RecordBatch) => readonly RecordBatch[],
): BrokerService {
  return instead(service, {
    fetch: async (request) =>
      (await service.fetch(request)).map((fetched) => {
        if (fetched.topic !== topic) return fetched
        const batches = fetched.records.flatMap((bytes) => [...batchesIn(bytes)]).flatMap(change)
        return { ...fetched, records: batches.map(({ bytes }) => bytes) }
      }),
  })
}

describe('the verification', () => {
  const harms: Record<string, (batch: RecordBatch) => readonly RecordBatch[]> = {
    'a byte of a value that differs, with a checksum that fits': (batch) => {
      const bytes = Buffer.from(batch.bytes)
      bytes[bytes.length - 2] ^= 1
      const other = new RecordBatch(bytes)
      other.stampCrc()
      return [other]
    },
    'a byte that differs': (batch) => {
      const bytes = Buffer.from(batch.bytes)
      bytes[bytes.length - 2] ^= 1
      return [new RecordBatch(bytes)]
    },
    'a batch that is missing': () => [],
  }
  test('finds each of these in a packed batch and in one that is not', async (t) => {
    const [source, target] = await twoWithPlain(t)
    await mirrored({ source, target, verifies: false })
    for (const [harm, change] of Object.entries(harms)) {
      for (const codec of ['none', 'gzip']) {
        const isMeant = (batch: RecordBatch): boolean => batch.baseOffset === 0 && batch.codec === codec
        const harmed = changed(target, 'plain', (batch) => (isMeant(batch) ? change(batch) : [batch]))
        const message = /plain-[01] differs from the source at offset 0/
        await assert.rejects(
          mirrored({ source, target: harmed }),
          { code: 'COPY_DIVERGED', message },
          `${harm}, ${codec}`,
        )
      }
    }
    assert.ok((await mirrored({ source, target })).verified)
  })

  test('finds a message of a compacted topic that differs or is missing, and allows what compaction took since', async (t) => {
    const [source, target] = [await newBroker(t), await newBroker(t)]
    await source.createTopic({ name: 'compacted', partitions: 1, config: { 'cleanup.policy': 'compact' } })
    await fillCompacted(source)
    await mirrored({ source, target })
    const last = (batch: RecordBatch): boolean => batch.lastOffset === 79
    const without = changed(target, 'compacted', (batch) => (last(batch) ? [] : [batch]))
    await assert.rejects(mirrored({ source, target: without }), { code: 'COPY_DIVERGED', message: /does not have it/ })
    const other = changed(target, 'compacted', (batch) => {
      if (!last(batch)) return [batch]
      const records = [
        { key: Buffer.from('key 4'), value: Buffer.from('another'), timestamp: 0 },
        { key: Buffer.from('other 0'), value: Buffer.from('another'), timestamp: 0 },
      ]
      return [buildBatch(records, { baseOffset: batch.baseOffset })]
    })
    await assert.rejects(mirrored({ source, target: other }), { code: 'COPY_DIVERGED' })
    for (let i = 0; i < 30; i++) {
      const value = Buffer.alloc(60_000, `${i}`)
      await produce(
        source,
        { topic: 'compacted', partition: 0 },
        buildBatch([{ key: Buffer.from('key 1'), value, timestamp: i }]),
      )
    }
    await mirrored({ source, target })
    await target.compactTopic('compacted')
    assert.ok((await mirrored({ source, target })).verified)
    await source.compactTopic('compacted')
    assert.ok((await mirrored({ source, target })).verified)
  })
})
