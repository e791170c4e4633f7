/** A log of known shape to read from: batches all alike, so that a reader knows every offset without parsing any. */

import { randomFillSync } from 'node:crypto'
import { buildBatch } from '../src/records/builder.js'
import { loadBroker } from './holdfast.js'

export interface Shape {
  readonly recordBytes: number
  readonly recordsPerBatch: number
}

export const sampleTopic = 'bench'

/** One batch; its bytes differ from call to call, its length never. */
export function sampleBatch({ recordBytes, recordsPerBatch }: Shape): Buffer {
  const values = randomFillSync(Buffer.alloc(recordBytes * recordsPerBatch))
  // Of today: retention takes what is older than a week.
  const timestamp = Date.now()
  const records = Array.from({ length: recordsPerBatch }, (_, i) => ({
    value: values.subarray(i * recordBytes, (i + 1) * recordBytes),
    timestamp,
  }))
  return Buffer.from(buildBatch(records).bytes)
}

export interface SampleLog {
  readonly batches: number
  readonly batchBytes: number
}

const batchesUnderWay = 16

/** Writes `totalBytes` of such batches into partition 0 of {@link sampleTopic} of a new data directory, and closes it. */
export async function writeSampleLog(
  dataDir: string,
  shape: Shape,
  totalBytes: number,
  segmentBytes: number,
): Promise<SampleLog> {
  const { Broker } = await loadBroker()
  const broker = await Broker.open(dataDir, {
    settings: { 'flush.disk.type': 'ASYNC_FLUSH', 'log.segment.bytes': segmentBytes },
  })
  await broker.createTopic({ name: sampleTopic, partitions: 1 })
  const templates = Array.from({ length: 16 }, () => sampleBatch(shape))
  const batchBytes = templates[0].length
  const batches = Math.ceil(totalBytes / batchBytes)
  let next = 0
  const writer = async () => {
    while (next < batches) {
      const batch = Buffer.from(templates[next++ % templates.length])
      await broker.produce({ topic: sampleTopic, partition: 0, batch })
    }
  }
  await Promise.all(Array.from({ length: batchesUnderWay }, writer))
  await broker.close()
  return { batches, batchBytes }
}
