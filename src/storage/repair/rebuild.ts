/** Makes what follows from the messages of a log anew: its indexes, and the producer state at the beginning of each segment. */

import { join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import { withFile } from '../inspect/open-file.js'
import { ProducerStates } from '../producer-states.js'
import { BatchScanner } from '../segments/batch-scanner.js'
import { maxRelativeOffset, segmentFileName, suffix } from '../segments/format.js'
import { decodeProducerSnapshot, encodeProducerSnapshot } from '../segments/producer-snapshot.js'
import { SegmentIndex } from '../segments/segment-index.js'
import { TransactionIndex } from '../segments/transaction-index.js'

export interface RebuildRequest {
  readonly directory: string
  /** Of the segments, ascending. */
  readonly bases: readonly number[]
  /** Base offsets of the segments whose indexes are made anew. */
  readonly indexes: ReadonlySet<number>
  readonly transactions: ReadonlySet<number>
  /** Offsets at which a producer snapshot is written. */
  readonly snapshots: ReadonlySet<number>
  readonly indexIntervalBytes: number
  /** The snapshot at the beginning of the log can be believed. */
  readonly firstSnapshotIsSound: boolean
  readonly nowMs: number
  /** Called before a file is written over. */
  beforeChange(path: string): Promise<void>
}

export async function rebuild(disk: Disk, request: RebuildRequest): Promise<void> {
  await new Rebuilding(disk, request).run()
}

class Rebuilding {
  readonly #disk: Disk
  readonly #request: RebuildRequest
  #producers = new ProducerStates()

  constructor(disk: Disk, request: RebuildRequest) {
    this.#disk = disk
    this.#request = request
  }

  async run(): Promise<void> {
    const { bases, snapshots, indexes, transactions } = this.#request
    await this.#start()
    let end = bases[0] ?? 0
    for (const base of bases) {
      if (snapshots.has(base)) await this.#writeSnapshot(base)
      const needsProducers =
        [...snapshots].some((offset) => offset > base) || [...transactions].some((one) => one >= base)
      if (needsProducers || indexes.has(base)) end = await this.#segment(base)
    }
    if (snapshots.has(end) && !bases.includes(end)) await this.#writeSnapshot(end)
  }

  /** What was known where the log begins now: producers may have written before that. */
  async #start(): Promise<void> {
    const { bases, firstSnapshotIsSound } = this.#request
    const bytes = firstSnapshotIsSound
      ? await this.#disk.readFile(this.#path(bases[0] ?? 0, suffix.snapshot))
      : undefined
    this.#producers = (bytes && decodeProducerSnapshot(bytes)) ?? new ProducerStates()
  }

  /** The offset behind its last batch. */
  async #segment(base: number): Promise<number> {
    const { indexIntervalBytes, nowMs, indexes, transactions } = this.#request
    const index = new SegmentIndex(base, indexIntervalBytes)
    const aborted = TransactionIndex.empty()
    let end = base
    await withFile(this.#disk, this.#path(base, suffix.log), async (file, size) => {
      const range = { start: 0, end: size, minOffset: base, maxOffset: base + maxRelativeOffset }
      const scanner = new BatchScanner(file, range, { verify: true, ahead: true })
      try {
        for (;;) {
          const found = scanner.nextHere() ?? (await scanner.next())
          if (found === undefined) break
          index.add(found.position, found.batch)
          const ended = found.batch.hasProducerId ? this.#producers.note(found.batch, nowMs) : undefined
          if (ended !== undefined) aborted.add(ended)
          end = found.batch.nextOffset
        }
      } finally {
        await scanner.settle()
      }
    })
    index.seal()
    if (indexes.has(base)) {
      await this.#write(base, suffix.offsetIndex, index.offsets.bytes)
      await this.#write(base, suffix.timeIndex, index.times.bytes)
    }
    if (transactions.has(base)) await this.#writeTransactions(base, aborted)
    return end
  }

  /** A segment without aborted transactions has no such file. */
  async #writeTransactions(base: number, aborted: TransactionIndex): Promise<void> {
    if (aborted.count > 0) return this.#write(base, suffix.transactionIndex, aborted.bytes)
    const path = this.#path(base, suffix.transactionIndex)
    if ((await this.#disk.readFile(path)) === undefined) return
    await this.#request.beforeChange(path)
    await this.#disk.remove(path)
    await this.#disk.syncDirectory(this.#request.directory)
  }

  #writeSnapshot(offset: number): Promise<void> {
    return this.#write(offset, suffix.snapshot, encodeProducerSnapshot(this.#producers))
  }

  async #write(offset: number, fileSuffix: string, bytes: Buffer): Promise<void> {
    const path = this.#path(offset, fileSuffix)
    await this.#request.beforeChange(path)
    await this.#disk.replaceFile(path, bytes)
  }

  #path(offset: number, fileSuffix: string): string {
    return join(this.#request.directory, segmentFileName(offset, fileSuffix))
  }
}
