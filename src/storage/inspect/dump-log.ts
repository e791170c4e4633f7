/** The batches of a `.log` file, and on request their records, as rows. */

import type { Disk } from '../../files/disk.js'
import type { RecordBatch } from '../../records/batch.js'
import { codecMask, codecNames } from '../../records/format.js'
import { readRecords } from '../../records/reader.js'
import type { StoredRecord } from '../../records/record.js'
import { endOfContent } from '../segments/end-of-content.js'
import { prepareCodecOf } from './check-records.js'
import type { DumpOptions, DumpRow, DumpValue } from './dump.js'
import { type Found, LogWalk } from './log-walk.js'

export async function* dumpLog(
  disk: Disk,
  path: string,
  options: DumpOptions & { topic?: string },
): AsyncGenerator<DumpRow> {
  const file = await disk.open(path, { mode: 'read' })
  const end = await file.size()
  const walk = new LogWalk(file, end)
  const { from = 0, to = Number.POSITIVE_INFINITY } = options
  try {
    for (let position = 0; position < end; ) {
      const found: Found = walk.here(position) ?? (await walk.at(position))
      if (found.batch === undefined) {
        const content = await endOfContent(file, position, end)
        if (content > position) yield { type: 'stop', path, position, why: found.why }
        else yield { type: 'zeros', position, bytes: end - position }
        return
      }
      const { batch, crcIsRight } = found
      const size = batch.sizeInBytes
      if (batch.baseOffset > to) return
      if (batch.lastOffset >= from) {
        yield batchRow(position, batch, crcIsRight)
        if (!crcIsRight)
          yield { type: 'stop', path, position, why: `the CRC is wrong; its bytes have ${hex(batch.computeCrc())}` }
        else if (options.records === true || options.decode !== undefined)
          yield* recordRows(path, position, batch, options)
      }
      position += size
    }
  } finally {
    await walk.settle()
    await file.close()
  }
}

function batchRow(position: number, batch: RecordBatch, crcIsRight: boolean): DumpRow {
  return {
    type: 'batch',
    position,
    bytes: batch.sizeInBytes,
    baseOffset: batch.baseOffset,
    lastOffset: batch.lastOffset,
    records: batch.recordsCount,
    codec: codecNames[batch.attributes & codecMask] ?? `unknown (${batch.attributes & codecMask})`,
    crc: hex(batch.crc),
    crcIsRight,
    leaderEpoch: batch.partitionLeaderEpoch,
    baseTimestamp: batch.baseTimestamp,
    maxTimestamp: batch.maxTimestamp,
    timestampType: batch.timestampType,
    attributes: batch.attributes,
    ...(batch.hasProducerId && {
      producerId: batch.producerId,
      producerEpoch: batch.producerEpoch,
      baseSequence: batch.baseSequence,
      lastSequence: batch.lastSequence,
    }),
    ...(batch.isTransactional && { transactional: true }),
    ...(batch.isControl && { control: true }),
    ...(batch.hasDeleteHorizon && { deleteHorizon: batch.baseTimestamp }),
  }
}

async function* recordRows(
  path: string,
  position: number,
  batch: RecordBatch,
  { from = 0, to = Number.POSITIVE_INFINITY, topic = '', decode }: DumpOptions & { topic?: string },
): AsyncGenerator<DumpRow> {
  await prepareCodecOf(batch)
  let records: StoredRecord[]
  try {
    records = readRecords(batch)
  } catch (error) {
    yield { type: 'stop', path, position, why: (error as Error).message }
    return
  }
  for (const record of records) {
    if (record.offset < from || record.offset > to) continue
    if (batch.isControl) yield markerRow(record)
    else {
      const { offset, timestamp, key, value } = record
      const decoded = decode?.(topic, record)
      if (decoded !== undefined) yield { type: 'record', offset, timestamp, decoded }
      else {
        const headers = record.headers.map((header): DumpValue => ({ key: header.key, value: header.value }))
        yield { type: 'record', offset, timestamp, key, value, headers }
      }
    }
  }
}

const markerNames = [
  'abort',
  'commit',
  'leader change',
  'snapshot header',
  'snapshot footer',
  'KRaft version',
  'KRaft voters',
]

function markerRow({ offset, timestamp, key, value }: StoredRecord): DumpRow {
  const type = key !== null && key.length >= 4 ? key.readInt16BE(2) : -1
  const hasEpoch = type <= 1 && value !== null && value.length >= 6
  const coordinatorEpoch = hasEpoch ? value.readInt32BE(2) : null
  return { type: 'marker', offset, timestamp, marker: markerNames[type] ?? `unknown (${type})`, coordinatorEpoch }
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}
