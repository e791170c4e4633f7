/** Checks that a stored batch holds what its header says: every record walked, unpacked where need be. */

import { HoldfastError } from '../../core/errors.js'
import type { RecordBatch } from '../../records/batch.js'
import { decompress, prepareCodec } from '../../records/compression/index.js'
import { at, type Codec, codecMask, codecNames, reservedBits } from '../../records/format.js'
import { walkRecords } from '../../records/walk.js'

/** What the records of one batch may unpack to. */
const mostUnpackedBytes = 2 ** 30

/** What is wrong with the records, or with the greatest timestamp that the header names. */
export interface RecordFault {
  readonly code: 'records-wrong' | 'timestamp-wrong'
  readonly what: string
}

/** Undefined where nothing is wrong. The codec has to be prepared: see {@link prepareCodecOf}. */
export function recordFaultOf(batch: RecordBatch): RecordFault | undefined {
  try {
    if ((batch.attributes & reservedBits) !== 0)
      return wrong(`attributes 0x${(batch.attributes & 0xffff).toString(16)}`)
    const { codec, recordsCount } = batch
    const packed = batch.bytes.subarray(at.records)
    if (recordsCount === 0 && packed.length === 0) return undefined
    const bytes = codec === 'none' ? batch.bytes : decompress(codec, packed, mostUnpackedBytes)
    const from = codec === 'none' ? at.records : 0
    const mostDelta = batch.lastOffsetDelta
    const deltas = walkRecords(bytes, from, recordsCount, {
      mostDelta: recordsCount === mostDelta + 1 ? undefined : mostDelta,
    })
    const greatest = batch.baseTimestamp + deltas.max
    if (batch.timestampType === 'LogAppendTime' || batch.maxTimestamp === greatest) return undefined
    return {
      code: 'timestamp-wrong',
      what: `names ${batch.maxTimestamp} as its greatest timestamp; its records reach ${greatest}`,
    }
  } catch (error) {
    if (error instanceof HoldfastError) return wrong(error.message)
    throw error
  }
}

/** Undefined where the codec is ready. Codecs 5 to 7 stand for nothing, which the walk says. */
export function prepareCodecOf(batch: RecordBatch): Promise<void> | undefined {
  const codec: Codec | undefined = codecNames[batch.attributes & codecMask]
  return codec === undefined ? undefined : prepareCodec(codec)
}

function wrong(what: string): RecordFault {
  return { code: 'records-wrong', what }
}
