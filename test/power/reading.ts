/** Everything that a store holds of some topics, as its readers see it. */

import assert from 'node:assert/strict'
import type { BrokerService, Isolation } from '../../src/broker/contract.js'
import { AbortedFilter } from '../../src/client/aborted-filter.js'
import { batchesIn } from '../../src/records/batch.js'
import { readRecords } from '../../src/records/reader.js'

export interface FoundRecord {
  readonly offset: number
  readonly key: string | null
  readonly value: string
}

export interface FoundPartition {
  readonly topic: string
  readonly partition: number
  readonly logStartOffset: number
  readonly endOffset: number
  readonly records: readonly FoundRecord[]
}

const mostBytes = 8 << 20

/**
 * From its first offset to its end, markers of transactions left out; with `committed` what was aborted as well.
 * @param mayHaveHoles whether offsets may be missing between two batches
 */
export async function readPartition(
  service: BrokerService,
  topic: string,
  { partition, logStartOffset }: { partition: number; logStartOffset: number },
  isolation: Isolation,
  mayHaveHoles: boolean,
): Promise<FoundPartition> {
  const records: FoundRecord[] = []
  const label = `${topic}-${partition}`
  for (let offset = logStartOffset; ; ) {
    const position = { topic, partition, offset, maxBytes: mostBytes, currentLeaderEpoch: -1 }
    const request = { positions: [position], maxBytes: mostBytes, minBytes: 0, maxWaitMs: 0, isolation }
    const [fetched] = await service.fetch(request)
    assert.equal(fetched.error, undefined, `${label} at ${offset}: ${fetched.error?.message}`)
    const batches = fetched.records.flatMap((bytes) => [...batchesIn(bytes)])
    if (batches.length === 0) {
      const end = isolation === 'committed' ? fetched.lastStableOffset : fetched.highWatermark
      assert.ok(mayHaveHoles || offset === end, `${label}: nothing at ${offset}, which lies before ${end}`)
      return { topic, partition, logStartOffset, endOffset: end, records }
    }
    const filter = new AbortedFilter(fetched.aborted ?? [])
    for (const batch of batches) {
      const follows = mayHaveHoles || (batch.baseOffset <= offset && batch.nextOffset > offset)
      assert.ok(follows, `${label}: a batch of ${batch.baseOffset} to ${batch.lastOffset} where ${offset} comes next`)
      if (!filter.isAborted(batch) && !batch.isControl) {
        for (const record of readRecords(batch)) {
          if (record.offset < offset) continue
          const { key, value } = record
          records.push({ offset: record.offset, key: key?.toString() ?? null, value: value?.toString() ?? '' })
        }
      }
      offset = batch.nextOffset
    }
  }
}
