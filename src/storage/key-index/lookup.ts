/** From offsets that may hold a key to the records that do: each is read from the log and looked at. */

import { HoldfastError } from '../../core/errors.js'
import { batchAt, RecordBatch } from '../../records/batch.js'
import { prepareCodec } from '../../records/compression/index.js'
import { readRecordAt, unpackedRecords } from '../../records/reader.js'
import type { StoredRecord } from '../../records/record.js'
import { hasKey } from '../../records/tags-and-keys.js'
import type { Search } from '../message-finder.js'
import type { LogSlice, PartitionLog } from '../partition-log.js'

/** Offsets, the newest first; one may come twice in a row. */
export type Candidates = AsyncIterable<number>

/** One read for nearly every batch that has to be read and is not mapped. */
const guessedBatchBytes = 16 * 1024

/** A batch, and its records as they lie in it when it is not compressed. */
interface Opened {
  readonly batch: RecordBatch
  readonly records: Buffer
}

/** Only what is committed. @throws CORRUPT_MESSAGE and what reading the log throws */
export async function findRecords(
  log: PartitionLog,
  candidates: Candidates,
  search: Search,
  idHeader: string,
): Promise<StoredRecord[]> {
  const found: StoredRecord[] = []
  const end = Math.min(search.endOffset, log.lastStableOffset)
  let last = Number.NaN
  let opened: Opened | undefined
  for await (const offset of candidates) {
    if (offset < Math.max(search.minOffset, log.logStartOffset)) break
    if (offset >= end || offset === last) continue
    last = offset
    // Records of one key often share a batch.
    if (opened === undefined || offset < opened.batch.baseOffset) opened = await batchWith(log, offset)
    const record = opened && readRecordAt(opened.batch, opened.records, offset)
    if (record === undefined || !isMeant(record, search, idHeader)) continue
    found.push(copied(record))
    if (found.length >= search.limit) break
  }
  return found
}

function isMeant(record: StoredRecord, search: Search, idHeader: string): boolean {
  const { kind, bytes, minTimestamp, endTimestamp } = search
  if (record.timestamp < minTimestamp || record.timestamp >= endTimestamp) return false
  if (kind === 'key') return hasKey(record, bytes)
  return record.headers.findLast(({ key }) => key === idHeader)?.value?.equals(bytes) ?? false
}

/** The batch that holds the offset; undefined where the log holds nothing there any more, or what was aborted. */
async function batchWith(log: PartitionLog, offset: number): Promise<Opened | undefined> {
  const slice = await log.read(offset, guessedBatchBytes, { committed: true, lend: true }).catch((error: unknown) => {
    if (offset < log.logStartOffset) return undefined
    throw error
  })
  const batch = slice && copyOfFirst(slice)
  if (batch === undefined || batch.baseOffset > offset || batch.isControl) return undefined
  const { producerId } = batch
  const isAborted = slice?.aborted?.some((each) => each.producerId === producerId && each.firstOffset <= offset)
  if (isAborted && batch.isTransactional) return undefined
  if (!batch.crcMatches()) {
    const place = `offset ${batch.baseOffset} of ${log.topic}-${log.partition}`
    throw new HoldfastError('CORRUPT_MESSAGE', `The batch at ${place} fails its CRC.`)
  }
  await prepareCodec(batch.codec)
  return { batch, records: unpackedRecords(batch) }
}

/** Nothing is kept of what the log has lent. */
function copyOfFirst({ records, release }: LogSlice): RecordBatch | undefined {
  const first = records.length === 0 ? undefined : batchAt(records[0], 0)
  const batch = first && new RecordBatch(Buffer.from(first.bytes))
  release?.()
  return batch
}

/** A record of its own: else each would keep the batch that it came in. */
function copied({ offset, timestamp, key, value, headers }: StoredRecord): StoredRecord {
  return {
    offset,
    timestamp,
    key: key && Buffer.from(key),
    value: value && Buffer.from(value),
    headers: headers.map((header) => ({ key: header.key, value: header.value && Buffer.from(header.value) })),
  }
}
