/**
 * What was acknowledged, by partition, and whether it is still there: every message at its offset with its value, unless
 * the log begins behind it, as retention lets it.
 */

import assert from 'node:assert/strict'
import type { RemoteBroker } from '../../../src/kafka/remote-broker.js'
import { batchesIn } from '../../../src/records/batch.js'
import { readRecords } from '../../../src/records/reader.js'

const bytesAtOnce = 4 * 1024 * 1024

interface Kept {
  readonly topic: string
  readonly partition: number
  readonly values: Map<number, string>
  /** What lies before was found. */
  checkedTo: number
}

export class Ledger {
  readonly #partitions = new Map<string, Kept>()
  acknowledged = 0
  found = 0
  retired = 0
  readonly #leastKept: Readonly<Record<string, number>>

  /** `leastKept`: of topics whose retention is by size, the bytes that it must leave in each partition. */
  constructor(leastKept: Readonly<Record<string, number>>) {
    this.#leastKept = leastKept
  }

  acknowledge(topic: string, partition: number, offset: number, value: string): void {
    const kept = this.#of(topic, partition)
    assert.ok(!kept.values.has(offset), `${topic} ${partition}: offset ${offset} was given twice`)
    kept.values.set(offset, value)
    this.acknowledged++
  }

  /** Reads on in each partition; with `again` all that is left of it. */
  async check(service: RemoteBroker, { again = false } = {}): Promise<void> {
    for (const kept of this.#partitions.values()) {
      if (again) kept.checkedTo = 0
      await this.#checkOne(service, kept, again)
    }
  }

  #of(topic: string, partition: number): Kept {
    const key = `${topic} ${partition}`
    let kept = this.#partitions.get(key)
    if (kept === undefined) {
      kept = { topic, partition, values: new Map(), checkedTo: 0 }
      this.#partitions.set(key, kept)
    }
    return kept
  }

  async #checkOne(service: RemoteBroker, kept: Kept, again: boolean): Promise<void> {
    const { topic, partition, values } = kept
    const expected = [...values.keys()].filter((offset) => offset >= kept.checkedTo).sort((a, b) => a - b)
    const last = expected.at(-1)
    if (last === undefined) return
    let offset = kept.checkedTo
    const seen = new Map<number, string>()
    while (offset <= last) {
      const position = { topic, partition, offset, maxBytes: bytesAtOnce, currentLeaderEpoch: -1 }
      const [fetched] = await service.fetch({
        positions: [position],
        maxBytes: bytesAtOnce,
        minBytes: 1,
        maxWaitMs: 1000,
      })
      if (fetched.error?.code === 'OFFSET_OUT_OF_RANGE') {
        const [begin] = await service.findOffsets([{ topic, partition, query: 'earliest', currentLeaderEpoch: -1 }])
        assert.ok(
          begin.offset > offset,
          `${topic} ${partition}: ${offset} is out of range, and the log begins at ${begin.offset}`,
        )
        offset = begin.offset
        this.#retire(kept, offset)
        continue
      }
      assert.equal(fetched.error, undefined)
      assert.ok(fetched.highWatermark > last, `${topic} ${partition}: ${last} was acknowledged and is not visible`)
      for (const batch of fetched.records.flatMap((bytes) => [...batchesIn(bytes)])) {
        for (const record of readRecords(batch)) seen.set(record.offset, record.value?.toString() ?? '')
        offset = Math.max(offset, batch.nextOffset)
      }
    }
    for (const at of expected) {
      const value = values.get(at)
      if (value === undefined) continue
      assert.equal(seen.get(at), value, `${topic} ${partition}: what was acknowledged at ${at}`)
      if (!again) this.found++
    }
    kept.checkedTo = last + 1
  }

  #retire(kept: Kept, before: number): void {
    for (const offset of kept.values.keys()) {
      if (offset >= before) continue
      kept.values.delete(offset)
      this.retired++
    }
    let bytes = 0
    for (const value of kept.values.values()) bytes += value.length
    const least = this.#leastKept[kept.topic] ?? 0
    // What stands around a value is some of the size that retention goes by, and the end may not be acknowledged yet.
    assert.ok(bytes >= 0.8 * least, `${kept.topic} ${kept.partition}: retention left ${bytes} bytes of ${least}`)
  }
}
