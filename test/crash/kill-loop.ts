/**
 * Kills a served broker with SIGKILL at random moments while clients write, starts it again on the same directory, and
 * compares: every acknowledged message is there, at its offset, once; offsets have no holes.
 */

import assert from 'node:assert/strict'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { batchesIn } from '../../src/records/batch.js'
import { readRecords } from '../../src/records/reader.js'
import { serve } from '../support/served-broker.js'
import type { Dice } from './seeded.js'
import type { Acknowledged, StartWriter } from './writers.js'

export interface KillLoopOptions {
  readonly dataDir: string
  readonly kills: number
  readonly dice: Dice
  /** By topic. */
  readonly writers: Readonly<Record<string, StartWriter>>
  readonly settings?: Readonly<Record<string, string | number>>
  readonly onRound?: (round: number, acknowledged: number) => void
}

export interface KillLoopResult {
  readonly acknowledged: number
  /** Stored without an acknowledgement that a client saw; allowed, since the broker died before it could say. */
  readonly unacknowledged: number
}

export async function killLoop(options: KillLoopOptions): Promise<KillLoopResult> {
  const { dataDir, kills, dice, writers, settings } = options
  const verifiedUpTo = new Map<string, number>()
  let acknowledged = 0
  let unacknowledged = 0
  let broker = await serve(dataDir, { settings })
  try {
    await createTopics(broker.address, Object.keys(writers))
    for (let round = 0; round < kills; round++) {
      const running = await Promise.all(
        Object.entries(writers).map(([topic, start]) => start(broker.address, topic, `r${round}`)),
      )
      await new Promise((resolve) => setTimeout(resolve, dice.between(5, 250)))
      await broker.end('SIGKILL')
      await Promise.all(running.map((writer) => writer.stop()))
      broker = await serve(dataDir, { settings })
      for (const writer of running) {
        const stored = await readFrom(broker.address, writer.topic, verifiedUpTo.get(writer.topic) ?? 0)
        compare(writer.topic, round, writer.acknowledged, stored)
        verifiedUpTo.set(writer.topic, (verifiedUpTo.get(writer.topic) ?? 0) + stored.length)
        acknowledged += writer.acknowledged.length
        unacknowledged += stored.length - writer.acknowledged.length
      }
      options.onRound?.(round, acknowledged)
    }
    return { acknowledged, unacknowledged }
  } finally {
    await broker.end('SIGTERM')
  }
}

async function createTopics(address: string, topics: readonly string[]): Promise<void> {
  const service = await RemoteBroker.connect(address)
  for (const name of topics) await service.createTopic({ name, partitions: 1 })
  await service.close()
}

/** All records from `start` on, which must follow one another without a hole. */
async function readFrom(address: string, topic: string, start: number): Promise<Acknowledged[]> {
  const service = await RemoteBroker.connect(address)
  try {
    const records: Acknowledged[] = []
    for (let offset = start; ; ) {
      const position = { topic, partition: 0, offset, maxBytes: 8 << 20, currentLeaderEpoch: -1 }
      const [fetched] = await service.fetch({ positions: [position], maxBytes: 8 << 20, minBytes: 1, maxWaitMs: 0 })
      assert.equal(fetched.error, undefined)
      if (fetched.records.length === 0) return records
      for (const batch of fetched.records.flatMap((bytes) => [...batchesIn(bytes)])) {
        for (const record of readRecords(batch)) {
          if (record.offset < offset) continue
          assert.equal(record.offset, offset, `${topic}: offsets follow one another`)
          records.push({ offset, value: record.value?.toString() ?? '' })
          offset++
        }
      }
    }
  } finally {
    await service.close()
  }
}

function compare(
  topic: string,
  round: number,
  acknowledged: readonly Acknowledged[],
  stored: readonly Acknowledged[],
): void {
  const seen = new Set<string>()
  for (const { offset, value } of stored) {
    assert.ok(!seen.has(value), `${topic}, round ${round}: ${value} is stored twice, again at offset ${offset}`)
    seen.add(value)
  }
  const first = stored[0]?.offset ?? 0
  for (const { offset, value } of acknowledged) {
    const there = stored[offset - first]?.value
    assert.equal(
      there,
      value,
      `${topic}, round ${round}: ${value} was acknowledged at offset ${offset}, where ${there} lies`,
    )
  }
}
