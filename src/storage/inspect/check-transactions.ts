/**
 * Checks `.txnindex` files against the log: each ABORT marker of a transaction that wrote something has its entry, in the
 * file of the segment that holds the marker, and no entry is without its marker.
 */

import type { Disk } from '../../files/disk.js'
import type { RecordBatch } from '../../records/batch.js'
import { readRecords } from '../../records/reader.js'
import type { BatchObserver } from './check-segment.js'
import type { Findings } from './findings.js'
import { abortedEntries, allEntries, type StoredAbortedEntry, type StoredEntry } from './stored-entries.js'

const abortType = 0
const entryVersion = 0

/** Follows the transactions of a log from batch to batch. */
export class TransactionCheck implements BatchObserver {
  readonly #disk: Disk
  readonly #findings: Findings
  readonly #mayHaveHoles: boolean
  /** First offset of each open transaction, by producer id. */
  readonly #open = new Map<number, number>()
  /** Of the present segment, in the order of their markers. */
  #wanted: StoredAbortedEntry[] = []
  /** Transactions that began below it are known from their end only. */
  #startOffset: number | undefined
  #isStopped = false

  constructor(disk: Disk, findings: Findings, mayHaveHoles: boolean) {
    this.#disk = disk
    this.#findings = findings
    this.#mayHaveHoles = mayHaveHoles
  }

  /** Compares no more. */
  stop(): void {
    this.#isStopped = true
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  batch(_position: number, batch: RecordBatch): void {
    this.#startOffset ??= batch.baseOffset
    if (!batch.isTransactional) return
    const { producerId } = batch
    if (!batch.isControl) {
      if (!this.#open.has(producerId)) this.#open.set(producerId, batch.baseOffset)
      return
    }
    const firstOffset = this.#open.get(producerId)
    this.#open.delete(producerId)
    if (firstOffset === undefined || markerType(batch) !== abortType) return
    const { lastOffset } = batch
    const lastStableOffset = Math.min(lastOffset + 1, ...this.#open.values())
    this.#wanted.push({ version: entryVersion, producerId, firstOffset, lastOffset, lastStableOffset })
  }

  /** Compares with the index of the segment that ends here, `path` undefined where it has none. Until it is settled its newest are in memory. */
  async endSegment(logPath: string, path: string | undefined, isSettled: boolean): Promise<void> {
    const wanted = new Map(this.#wanted.map((entry) => [entry.lastOffset, entry]))
    this.#wanted = []
    if (path === undefined) {
      if (wanted.size === 0 || !isSettled) return
      const what = `There is no .txnindex beside ${logPath}, which has ${wanted.size} aborted transactions`
      this.#findings.add('transactions-missing', logPath.replace(/\.log$/, '.txnindex'), what)
      return
    }
    const { entries, restBytes } = await allEntries(this.#disk, path, abortedEntries)
    if (restBytes > 0) {
      const at = { position: entries.length * abortedEntries.entryBytes }
      this.#wrong(path, `Its last ${restBytes} bytes are no whole entry of ${abortedEntries.entryBytes}`, at)
    }
    for (const stored of entries) {
      this.#compare(path, stored, wanted.get(stored.entry.lastOffset))
      wanted.delete(stored.entry.lastOffset)
    }
    if (!isSettled) return
    for (const { producerId, lastOffset } of wanted.values()) {
      this.#wrong(
        path,
        `The transaction of producer ${producerId} that was aborted at offset ${lastOffset} has no entry`,
      )
    }
  }

  #compare(
    path: string,
    { position, entry }: StoredEntry<StoredAbortedEntry>,
    wanted: StoredAbortedEntry | undefined,
  ): void {
    const at = { position, offset: entry.lastOffset }
    if (entry.version !== entryVersion)
      this.#wrong(path, `The entry has version ${entry.version}, not ${entryVersion}`, at)
    if (wanted === undefined) {
      // What began before the first batch that is left, or was compacted away, is known from the marker alone.
      const mayBe = this.#mayHaveHoles || entry.firstOffset < (this.#startOffset ?? 0)
      if (!mayBe)
        this.#wrong(
          path,
          `The entry says that offset ${entry.lastOffset} aborts a transaction of producer ${entry.producerId}; it does not`,
          at,
        )
      return
    }
    const isSame =
      entry.producerId === wanted.producerId &&
      this.#isSameOffset(entry.firstOffset, wanted.firstOffset) &&
      (this.#mayHaveHoles || this.#isSameOffset(entry.lastStableOffset, wanted.lastStableOffset))
    if (!isSame) this.#wrong(path, `The entry is ${describe(entry)}; the log says ${describe(wanted)}`, at)
  }

  /** Of what began before the first batch that is left, or may have been compacted away, the log shows a later batch. */
  #isSameOffset(stored: number, found: number): boolean {
    const wasBefore = this.#mayHaveHoles || stored < (this.#startOffset ?? 0)
    return wasBefore ? stored <= found : stored === found
  }

  #wrong(path: string, what: string, at: { position?: number; offset?: number } = {}): void {
    this.#findings.add('transactions-wrong', path, what, at)
  }
}

/** The type of the marker in a control batch: 0 abort, 1 commit; -1 where it cannot be read. */
export function markerType(batch: RecordBatch): number {
  try {
    const [record] = readRecords(batch)
    return record?.key && record.key.length >= 4 ? record.key.readInt16BE(2) : -1
  } catch {
    return -1
  }
}

function describe({ producerId, firstOffset, lastOffset, lastStableOffset }: StoredAbortedEntry): string {
  return `producer ${producerId}, offsets ${firstOffset} to ${lastOffset}, stable up to ${lastStableOffset}`
}
