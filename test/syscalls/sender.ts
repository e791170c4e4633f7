/** A client of a broker whose system fails it: it sends, notes what was acknowledged, and looks for it in the end. */

import assert from 'node:assert/strict'
import { HoldfastError } from '../../src/core/errors.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { batchesIn } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'

const mib = 1024 * 1024

export class Sender {
  readonly service: RemoteBroker
  /** Of each partition, by its name. */
  readonly acknowledged = new Map<string, number[]>()
  /** The last refusal. */
  refusal: HoldfastError | undefined

  private constructor(service: RemoteBroker) {
    this.service = service
  }

  static async to(address: string): Promise<Sender> {
    return new Sender(await RemoteBroker.connect(address))
  }

  /** Whether it was taken; what refuses it says why, with a code that was foreseen. */
  async send(topic: string, partition = 0, bytes = 200): Promise<boolean> {
    const { bytes: batch } = buildBatch([{ value: Buffer.alloc(bytes, topic), timestamp: 1 }])
    try {
      const { baseOffset } = await this.service.produce({ topic, partition, batch })
      const place = `${topic}-${partition}`
      this.acknowledged.set(place, [...(this.acknowledged.get(place) ?? []), baseOffset])
      return true
    } catch (error) {
      this.refusal = foreseen(error)
      return false
    }
  }

  /** Reads, at that broker, all that was acknowledged here. */
  async assertAllAt(address: string): Promise<void> {
    const reader = await RemoteBroker.connect(address)
    try {
      for (const [place, offsets] of this.acknowledged) {
        const at = place.lastIndexOf('-')
        const found = new Set(await offsetsOf(reader, place.slice(0, at), Number(place.slice(at + 1))))
        const lost = offsets.filter((offset) => !found.has(offset))
        assert.deepEqual(lost, [], `${place} has lost what it had acknowledged`)
      }
    } finally {
      await reader.close()
    }
  }
}

/** The error, if it is one that a sender can make something of. */
export function foreseen(error: unknown): HoldfastError {
  assert.ok(error instanceof HoldfastError && error.code !== 'UNKNOWN_SERVER_ERROR', String((error as Error)?.stack))
  return error
}

/** Of every batch of a partition. @throws what the broker answers with */
export async function offsetsOf(reader: RemoteBroker, topic: string, partition: number): Promise<number[]> {
  const offsets: number[] = []
  for (let offset = 0; ; ) {
    const position = { topic, partition, offset, maxBytes: mib, currentLeaderEpoch: -1 }
    const [fetched] = await reader.fetch({ positions: [position], maxBytes: mib, minBytes: 1, maxWaitMs: 0 })
    if (fetched.error !== undefined) throw fetched.error
    const batches = fetched.records.flatMap((bytes) => [...batchesIn(bytes)])
    if (batches.length === 0) return offsets
    for (const batch of batches) offsets.push(batch.baseOffset)
    offset = batches[batches.length - 1].nextOffset
  }
}
