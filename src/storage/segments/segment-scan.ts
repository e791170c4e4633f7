/** Reads the batches of a segment that is opened, for its indexes, its producers and its end. */

import type { RecordBatch } from '../../records/batch.js'
import { BatchScanner, type ScanStop } from './batch-scanner.js'
import { maxRelativeOffset } from './format.js'
import type { LoadReport, LoadRequest } from './load-request.js'
import type { ProducerRecovery } from './producer-recovery.js'
import { SegmentIndex } from './segment-index.js'
import type { SegmentPlace } from './segment-place.js'
import { type IndexedLog, loadStoredIndex } from './stored-index.js'
import type { TransactionIndex } from './transaction-index.js'

/** So much is read between two reports of how far a scan is. */
const toldAtOnceBytes = 16 * 1024 * 1024

export interface SegmentScan {
  readonly index: SegmentIndex
  /** Bytes of sound batches. */
  readonly end: number
  readonly nextOffset: number
  readonly stop: ScanStop
}

export interface ScanTools {
  readonly place: SegmentPlace
  readonly request: LoadRequest
  readonly report: LoadReport
  readonly producers: ProducerRecovery
  /** Gets what the producers tell; undefined where it is made elsewhere. */
  readonly transactions: TransactionIndex | undefined
}

/** Reads the segment whole, or, where its stored index is `trusted` and can be used, from the last entry on. */
export async function scanSegment(tools: ScanTools, log: IndexedLog, trusted: boolean): Promise<SegmentScan> {
  const { clean, recoveryPoint } = tools.request
  const stored = trusted ? await loadStoredIndex(tools.place, log, clean ? undefined : recoveryPoint) : undefined
  const scan = await scanFrom(tools, log, stored)
  // Where the last index entry leads to damage, what lies before it is sound all the same, and can be read.
  if (stored === undefined || scan.stop === 'end' || scan.nextOffset !== log.baseOffset) return scan
  return scanFrom(tools, log, undefined)
}

async function scanFrom(
  { place, request, report, producers, transactions }: ScanTools,
  { file, baseOffset, sizeInBytes }: IndexedLog,
  stored: SegmentIndex | undefined,
): Promise<SegmentScan> {
  const index = stored ?? new SegmentIndex(baseOffset, place.indexIntervalBytes)
  if (stored === undefined) report.rebuiltSegments++
  const indexed = index.offsets.last
  // Where the producer state ends before the index does, the batches between are read for their producers.
  const start = indexed !== undefined && producers.upTo > indexed.offset ? indexed.position : 0
  const contiguous = !request.mayHaveHoles
  const range = {
    start,
    end: sizeInBytes,
    minOffset: baseOffset,
    maxOffset: baseOffset + maxRelativeOffset,
    contiguous,
  }
  const scanner = new BatchScanner(file, range, { verify: true, ahead: true })
  let nextOffset = baseOffset
  let end = start
  let stop: ScanStop | undefined
  let told = start
  try {
    for (;;) {
      const found = scanner.nextHere() ?? (await scanner.next())
      if (found === undefined) break
      if (found.batch.nextOffset > request.cutFrom) {
        stop = 'cut'
        break
      }
      if (indexed === undefined || found.position > indexed.position) index.add(found.position, found.batch)
      const ended = producers.note(found.batch)
      if (ended !== undefined) transactions?.add(ended)
      nextOffset = found.batch.nextOffset
      end = scanner.position
      if (end - told >= toldAtOnceBytes) {
        request.onScanned?.(end - told)
        told = end
      }
    }
  } finally {
    await scanner.settle()
  }
  request.onScanned?.(end - told)
  report.scannedBytes += end - start
  return { index, end, nextOffset, stop: stop ?? scanner.stop ?? 'end' }
}

/** The offset behind the last batch of a log file that is not open for writing. */
export async function nextOffsetOf(place: SegmentPlace, path: string, baseOffset: number): Promise<number> {
  let nextOffset = baseOffset
  await visitBatches(place, { path, baseOffset, verify: false }, (batch) => {
    nextOffset = batch.nextOffset
  })
  return nextOffset
}

/** Shows the batches of a log file that is closed, up to the first that is not sound. Its name is to change, or to go, next. */
export async function visitBatches(
  { openFiles }: SegmentPlace,
  { path, baseOffset, verify }: { readonly path: string; readonly baseOffset: number; readonly verify: boolean },
  visit: (batch: RecordBatch) => void,
): Promise<void> {
  await openFiles.use(path, async (file) => {
    const range = { start: 0, end: await file.size(), minOffset: baseOffset, maxOffset: baseOffset + maxRelativeOffset }
    const scanner = new BatchScanner(file, range, { verify })
    for (let found = await scanner.next(); found !== undefined; found = await scanner.next()) visit(found.batch)
  })
  await openFiles.drop(path)
}
