/** Record batches as producers send and consumers get them, and the streams of the codecs in them, each against a bound on what it unpacks to. */

import { acceptBatch } from '../../src/records/accept.js'
import { RecordBatch } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { compress, decompress, prepareCodec } from '../../src/records/compression/index.js'
import { at, batchOverheadBytes, type Codec, logOverheadBytes } from '../../src/records/format.js'
import { readRecordAt, readRecords, unpackedRecords } from '../../src/records/reader.js'
import { Broken, type Target } from '../target.js'

const mostUnpackedBytes = 1 << 20
const packed: readonly Codec[] = ['gzip', 'snappy', 'lz4', 'zstd']
await prepareCodec('zstd')

function sample(codec: Codec): Buffer {
  const records = [1, 2, 3].map((number) => ({
    key: Buffer.from(`k${number}`),
    value: Buffer.from('value '.repeat(number * 4)),
    timestamp: 1000 + number,
    headers: [{ key: 'h', value: Buffer.from('v') }],
  }))
  return buildBatch(records, { codec }).bytes
}

function fixBatch(bytes: Buffer): void {
  if (bytes.length < batchOverheadBytes) return
  bytes.writeInt32BE(bytes.length - logOverheadBytes, at.batchLength)
  bytes[at.magic] = 2
  new RecordBatch(bytes).stampCrc()
}

/** A batch from a producer: refused with a code, or accepted, and then every reader finds the same records in it. */
export const batches: Target = {
  name: 'record-batches',
  files: ['src/records/'],
  seeds: [sample('none'), sample('snappy'), sample('lz4'), sample('gzip')],
  fix: fixBatch,
  run(bytes) {
    const limits = { maxBatchBytes: 1 << 20, maxUncompressedBytes: mostUnpackedBytes }
    const batch = acceptBatch(bytes, undefined, limits, undefined)
    // The log gives it its place; what the producer wrote there means nothing.
    bytes.writeBigInt64BE(0n, 0)
    const records = readRecords(batch, mostUnpackedBytes)
    if (records.length !== batch.recordsCount) throw new Broken('an accepted batch has another number of records')
    const last = readRecordAt(batch, unpackedRecords(batch, mostUnpackedBytes), batch.baseOffset + records.length - 1)
    if (last?.offset !== records.at(-1)?.offset) throw new Broken('two readers see other last records')
  },
}

/** A batch that was never verified, as a client or a tool may meet it in a damaged place. */
export const unverifiedBatches: Target = {
  name: 'unverified-batches',
  files: ['src/records/reader', 'src/records/walk', 'src/records/varint', 'src/records/batch'],
  seeds: [sample('none')],
  fix: fixBatch,
  run(bytes) {
    if (bytes.length >= batchOverheadBytes) readRecords(new RecordBatch(bytes), mostUnpackedBytes)
  },
}

const text = Buffer.from('Records that repeat repeat repeat themselves, and some that do not: 0123456789. '.repeat(4))

/** One target for each codec. A stream unpacks to no more than the bound, or is refused. */
export const codecs: readonly Target[] = packed.map((codec) => ({
  name: `codec-${codec}`,
  files: ['src/records/compression/'],
  seeds: [compress(codec, text), compress(codec, Buffer.alloc(100_000)), compress(codec, Buffer.from('a'))],
  words: ['\x82SNAPPY\0\0\0\0\x01\0\0\0\x01', '\x04"M\x18'],
  prepare: () => prepareCodec(codec),
  run(bytes) {
    const unpacked = decompress(codec, bytes, mostUnpackedBytes)
    if (unpacked.length > mostUnpackedBytes) throw new Broken(`it unpacks to ${unpacked.length} bytes`)
  },
}))
