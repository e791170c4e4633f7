/**
 * What a broker does to a batch before its log gets it: verifies it, and packs its records anew where the topic keeps them
 * in another codec (Kafka's compression.type; LogValidator.java). The record stream is unpacked and packed as a whole:
 * no byte of a record changes, and of the header only the codec, the length and the CRC.
 */

import type { Settings } from '../core/settings.js'
import { RecordBatch } from './batch.js'
import type { BuiltBatch } from './builder.js'
import { compress, decompress, type Packing } from './compression/index.js'
import { refuseLarge } from './compression/refusals.js'
import { at, batchOverheadBytes, type Codec, codecMask, codecNames, logOverheadBytes } from './format.js'
import { checkSize, openProducedBatch, type VerifyLimits, verifyBuiltBatch } from './verify.js'

const noCodecs: readonly Codec[] = []

export type PackingSettings = Pick<Settings, 'compression.type' | 'compression.gzip.level' | 'compression.zstd.level'>

/** What the settings of a topic ask for; undefined where batches stay as their producers packed them. */
export function packingOf(settings: PackingSettings): Packing | undefined {
  const type = settings['compression.type']
  switch (type) {
    case 'producer':
      return undefined
    case 'uncompressed':
      return { codec: 'none' }
    case 'gzip':
      return { codec: type, level: settings['compression.gzip.level'] }
    case 'zstd':
      return { codec: type, level: settings['compression.zstd.level'] }
    default:
      return { codec: type }
  }
}

/**
 * The codecs that {@link acceptBatch} will need for this batch, which may be garbage yet: they have to be prepared, and
 * take their time. None for a batch that stays as it is and need not be unpacked to be verified.
 */
export function codecsFor(
  bytes: Buffer,
  built: BuiltBatch | undefined,
  packing: Packing | undefined,
): readonly Codec[] {
  const source = bytes.length < at.records ? undefined : codecNames[bytes[at.attributes + 1] & codecMask]
  if (source === undefined) return noCodecs
  if (packing !== undefined && packing.codec !== source) return [source, packing.codec].filter((one) => one !== 'none')
  return built !== undefined || source === 'none' ? noCodecs : [source]
}

/**
 * The batch as the log is to get it. One that was built in this process is believed, any other is verified.
 *
 * @throws what `verifyProducedBatch` and `verifyBuiltBatch` throw; MESSAGE_TOO_LARGE also where it is too large only as
 * it is packed anew
 */
export function acceptBatch(
  bytes: Buffer,
  built: BuiltBatch | undefined,
  limits: VerifyLimits,
  packing: Packing | undefined,
): RecordBatch {
  if (built !== undefined) {
    const batch = verifyBuiltBatch(built, limits)
    if (packing === undefined || packing.codec === batch.codec) return batch
    return repacked(
      batch,
      decompress(batch.codec, batch.bytes.subarray(at.records), built.recordsBytes),
      limits,
      packing,
    )
  }
  const { batch, records } = openProducedBatch(bytes, limits)
  if (packing === undefined || packing.codec === batch.codec) return batch
  return repacked(batch, records, limits, packing)
}

/** A verified batch as a layout wants it that keeps records one by one; its codec has been prepared. */
export function unpackedBatch(batch: RecordBatch, maxUncompressedBytes: number): RecordBatch {
  const { codec } = batch
  if (codec === 'none') return batch
  const limits = { maxBatchBytes: Number.POSITIVE_INFINITY, maxUncompressedBytes }
  return repacked(batch, decompress(codec, batch.bytes.subarray(at.records), maxUncompressedBytes), limits, {
    codec: 'none',
  })
}

function repacked(batch: RecordBatch, records: Buffer, limits: VerifyLimits, { codec, level }: Packing): RecordBatch {
  // Its readers will have to unpack it: what would be refused if it came packed is not packed here.
  if (codec !== 'none' && records.length > limits.maxUncompressedBytes) refuseLarge(limits.maxUncompressedBytes)
  const packed = compress(codec, records, level)
  const sizeInBytes = batchOverheadBytes + packed.length
  checkSize(sizeInBytes, limits.maxRepackedBytes ?? limits.maxBatchBytes)
  const bytes = Buffer.allocUnsafe(sizeInBytes)
  bytes.set(batch.bytes.subarray(0, batchOverheadBytes))
  bytes.set(packed, batchOverheadBytes)
  bytes.writeInt32BE(sizeInBytes - logOverheadBytes, at.batchLength)
  bytes.writeInt16BE((batch.attributes & ~codecMask) | codecNames.indexOf(codec), at.attributes)
  const made = new RecordBatch(bytes)
  made.stampCrc()
  return made
}
