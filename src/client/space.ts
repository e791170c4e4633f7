/**
 * What compression saves: the bytes of a topic as they are stored, and as they would be unpacked. Nothing counts that on
 * the way in, and no file keeps it; batches are looked at when somebody asks, a few of each partition, spread over its
 * offsets. So it works on any broker, and on topics that were written by anybody.
 *
 * An offset meets a batch as often as the batch has records. What a batch takes is therefore counted per record, which
 * makes the figures those of the whole log, for batches of any size (Hansen and Hurwitz, 1943).
 */

import type { BrokerService, PartitionDescription, TopicDescription } from '../broker/contract.js'
import { batchesIn, type RecordBatch } from '../records/batch.js'
import { decompress, prepareCodec } from '../records/compression/index.js'
import { at, batchOverheadBytes, type Codec, maxInt32 } from '../records/format.js'

export interface Space {
  /** As the broker keeps them; -1 where it does not tell, as across a wire. */
  readonly storedBytes: number
  /** What they would be uncompressed, estimated from the sample; -1 where the stored ones are not known. */
  readonly uncompressedBytes: number
  /** Uncompressed bytes for each stored one; absent where there was nothing to look at. */
  readonly ratio?: number
  /** Batches that were looked at, by codec. */
  readonly sampled: Readonly<Partial<Record<Codec, number>>>
}

export interface TopicSpace extends Space {
  readonly partitions: readonly (Space & { readonly partition: number })[]
}

/** Batches that are looked at: of one partition, and of all. A partition that has messages has one looked at. */
const mostOfPartition = 16
const mostOfTopic = 128

/** Looks at a topic's batches. Partitions that cannot be read are as if they held nothing. */
export async function measureSpace(service: BrokerService, topic: TopicDescription): Promise<TopicSpace> {
  const each = Math.max(1, Math.min(mostOfPartition, Math.floor(mostOfTopic / topic.partitions.length)))
  const partitions: (Space & { partition: number })[] = []
  for (const partition of topic.partitions) {
    partitions.push({ partition: partition.partition, ...(await measure(service, topic.name, partition, each)) })
  }
  return { ...sumOf(partitions), partitions }
}

async function measure(
  service: BrokerService,
  topic: string,
  { partition, logStartOffset, highWatermark, sizeInBytes }: PartitionDescription,
  most: number,
): Promise<Space> {
  const messages = Math.max(0, highWatermark - logStartOffset)
  const looks = Math.min(most, messages)
  const sampled: Partial<Record<Codec, number>> = {}
  let stored = 0
  let uncompressed = 0
  const met = new Set<number>()
  for (let look = 0; look < looks; look++) {
    const offset = logStartOffset + Math.floor(((look + 0.5) / looks) * messages)
    const batch = await batchAt(service, topic, partition, offset)
    if (batch === undefined) continue
    const perRecord = 1 / Math.max(1, batch.recordsCount)
    stored += batch.sizeInBytes * perRecord
    uncompressed += (await unpackedSize(batch)) * perRecord
    if (met.has(batch.baseOffset)) continue
    met.add(batch.baseOffset)
    sampled[batch.codec] = (sampled[batch.codec] ?? 0) + 1
  }
  const ratio = stored === 0 ? undefined : uncompressed / stored
  return { storedBytes: sizeInBytes, uncompressedBytes: scaled(sizeInBytes, ratio), ratio, sampled }
}

/** The batch that holds an offset, or the next one where compaction took it; undefined where nothing can be read. */
async function batchAt(
  service: BrokerService,
  topic: string,
  partition: number,
  offset: number,
): Promise<RecordBatch | undefined> {
  // The first batch comes whole, however large.
  const positions = [{ topic, partition, offset, maxBytes: batchOverheadBytes, currentLeaderEpoch: -1 }]
  const [{ records }] = await service.fetch({ positions, maxBytes: batchOverheadBytes, minBytes: 0, maxWaitMs: 0 })
  for (const batch of batchesIn(Buffer.concat(records))) if (batch.lastOffset >= offset) return batch
  return undefined
}

async function unpackedSize(batch: RecordBatch): Promise<number> {
  const { codec } = batch
  const packed = batch.bytes.subarray(at.records)
  if (codec === 'none' || packed.length === 0) return batch.sizeInBytes
  await prepareCodec(codec)
  return batchOverheadBytes + decompress(codec, packed, maxInt32).length
}

function scaled(storedBytes: number, ratio: number | undefined): number {
  if (storedBytes < 0) return -1
  return ratio === undefined ? storedBytes : Math.round(storedBytes * ratio)
}

function sumOf(partitions: readonly Space[]): Space {
  const sampled: Partial<Record<Codec, number>> = {}
  for (const one of partitions) {
    for (const [codec, count] of Object.entries(one.sampled) as [Codec, number][]) {
      sampled[codec] = (sampled[codec] ?? 0) + count
    }
  }
  const ratios = partitions.flatMap(({ ratio }) => (ratio === undefined ? [] : [ratio]))
  const isKnown = partitions.every(({ storedBytes }) => storedBytes >= 0)
  const sum = (name: 'storedBytes' | 'uncompressedBytes') => partitions.reduce((all, one) => all + one[name], 0)
  const storedBytes = isKnown ? sum('storedBytes') : -1
  const uncompressedBytes = isKnown ? sum('uncompressedBytes') : -1
  if (ratios.length === 0) return { storedBytes, uncompressedBytes, sampled }
  // Where sizes are not known, every partition counts the same.
  const ratio = isKnown ? uncompressedBytes / storedBytes : ratios.reduce((all, one) => all + one, 0) / ratios.length
  return { storedBytes, uncompressedBytes, ratio, sampled }
}
