/**
 * Checks the batches of one `.log` file from the first byte to the last: that they are there, that their CRCs and
 * records are right, and that their offsets go on from one to the next. What is damaged is told as ranges, with whether
 * sound batches follow and whether the header alone is wrong; what that means for the log, the caller decides.
 */

import { readInt64 } from '../../core/codec/int64.js'
import type { Disk, DiskFile } from '../../files/disk.js'
import type { RecordBatch } from '../../records/batch.js'
import { at, batchOverheadBytes } from '../../records/format.js'
import { endOfContent } from '../segments/end-of-content.js'
import { maxRelativeOffset } from '../segments/format.js'
import { prepareCodecOf, recordFaultOf } from './check-records.js'
import { findNextBatch } from './find-batch.js'
import type { Findings } from './findings.js'
import { type Found, LogWalk } from './log-walk.js'
import { mendHeader } from './mend-header.js'
import { withFile } from './open-file.js'

export interface DamagedRange {
  readonly from: number
  /** Where sound batches go on, or the content ends. */
  readonly to: number
  /** The offset that was next. */
  readonly offset: number
  /** The first offset behind it; undefined where nothing sound follows in the file. */
  readonly nextOffset: number | undefined
  readonly why: string
  /** The header as it must have been, where that is all that is wrong. */
  readonly mended?: Buffer
}

export interface SegmentFacts {
  readonly baseOffset: number
  readonly path: string
  readonly fileBytes: number
  /** Without the zeros at the end. */
  readonly contentBytes: number
  /** Where the sound batches end that lie before the first damage. */
  readonly soundBytes: number
  readonly firstOffset: number | undefined
  /** The offset behind the last sound batch of the file. */
  readonly nextOffset: number
  readonly maxTimestamp: number
  readonly damage: readonly DamagedRange[]
}

/** Sees every sound batch of a log in order; also one whose header alone is wrong, as it must have been. */
export interface BatchObserver {
  batch(position: number, batch: RecordBatch): void
}

export interface SegmentRequest {
  readonly path: string
  readonly baseOffset: number
  readonly mayHaveHoles: boolean
  /** The leader epoch in force at an offset; undefined where nobody knows. */
  readonly epochAt: (offset: number) => number | undefined
  /** Walks the records of every batch. */
  readonly deep: boolean
  readonly observers: readonly BatchObserver[]
  readonly onBytes: (bytes: number) => void
}

export function checkSegment(disk: Disk, request: SegmentRequest, findings: Findings): Promise<SegmentFacts> {
  return withFile(disk, request.path, async (file, fileBytes) => {
    const check = new SegmentCheck(file, fileBytes, request, findings)
    try {
      return await check.run()
    } finally {
      await check.walk.settle()
    }
  })
}

/** A range that a header could be mended in is read whole; a longer one is no single batch. */
const mostMendedBytes = 128 * 1024 * 1024
/** So many bytes are walked between two reports of progress. */
const reportBytes = 4 * 1024 * 1024

class SegmentCheck {
  readonly walk: LogWalk
  readonly #file: DiskFile
  readonly #fileBytes: number
  readonly #request: SegmentRequest
  readonly #findings: Findings
  readonly #damage: DamagedRange[] = []
  #position = 0
  #expected: number
  #firstOffset: number | undefined
  #maxTimestamp = -1
  #reported = 0

  constructor(file: DiskFile, fileBytes: number, request: SegmentRequest, findings: Findings) {
    this.walk = new LogWalk(file, fileBytes)
    this.#file = file
    this.#fileBytes = fileBytes
    this.#request = request
    this.#findings = findings
    this.#expected = request.baseOffset
  }

  async run(): Promise<SegmentFacts> {
    let contentBytes = this.#fileBytes
    while (this.#position < this.#fileBytes) {
      const found = this.walk.here(this.#position) ?? (await this.walk.at(this.#position))
      if (found.batch !== undefined && found.crcIsRight && this.#fits(found.batch)) {
        if (this.#request.deep) await this.#checkRecords(found.batch)
        this.#take(found.batch)
        continue
      }
      // Zeros behind the last batch were put there ahead of a writer, and are no damage.
      const content = await endOfContent(this.#file, this.#position, this.#fileBytes)
      if (content > this.#position && (await this.#passDamage(found, content))) continue
      contentBytes = content
      break
    }
    this.#report(this.#fileBytes)
    const { path, baseOffset } = this.#request
    const [first] = this.#damage
    return {
      baseOffset,
      path,
      fileBytes: this.#fileBytes,
      contentBytes,
      soundBytes: first?.from ?? Math.min(this.#position, contentBytes),
      firstOffset: this.#firstOffset,
      nextOffset: this.#expected,
      maxTimestamp: this.#maxTimestamp,
      damage: this.#damage,
    }
  }

  #fits(batch: RecordBatch): boolean {
    const { baseOffset, lastOffset, lastOffsetDelta } = batch
    const { mayHaveHoles, baseOffset: base } = this.#request
    if (lastOffsetDelta < 0 || lastOffset - base > maxRelativeOffset) return false
    return mayHaveHoles ? baseOffset >= this.#expected : baseOffset === this.#expected
  }

  #take(batch: RecordBatch): void {
    const { path, epochAt, observers } = this.#request
    const epoch = epochAt(batch.baseOffset)
    if (epoch !== undefined && batch.partitionLeaderEpoch !== epoch && batch.partitionLeaderEpoch !== -1) {
      const what = `The batch says leader epoch ${batch.partitionLeaderEpoch}; leader-epoch-checkpoint says ${epoch}`
      this.#findings.add('header-damaged', path, what, { position: this.#position, offset: batch.baseOffset })
    }
    this.#firstOffset ??= batch.baseOffset
    if (batch.maxTimestamp > this.#maxTimestamp) this.#maxTimestamp = batch.maxTimestamp
    for (const observer of observers) observer.batch(this.#position, batch)
    this.#position += batch.sizeInBytes
    this.#expected = batch.nextOffset
    if (this.#position - this.#reported >= reportBytes) this.#report(this.#position)
  }

  #report(upTo: number): void {
    this.#request.onBytes(upTo - this.#reported)
    this.#reported = upTo
  }

  async #checkRecords(batch: RecordBatch): Promise<void> {
    const preparing = prepareCodecOf(batch)
    if (preparing !== undefined) await preparing
    const fault = recordFaultOf(batch)
    if (fault === undefined) return
    const where = { position: this.#position, offset: batch.baseOffset }
    this.#findings.add(fault.code, this.#request.path, `The batch is whole, but ${fault.what}`, where)
  }

  /** Notes a damaged range and goes on behind it; false where nothing sound follows before `contentEnd`. */
  async #passDamage(found: Found, contentEnd: number): Promise<boolean> {
    const from = this.#position
    const offset = this.#expected
    const bounds = {
      from: from + 1,
      end: this.#fileBytes,
      minOffset: offset,
      maxOffset: this.#request.baseOffset + maxRelativeOffset,
    }
    const why = this.#why(found)
    const next = (await this.#holeBefore(found)) ? from : await findNextBatch(this.#file, bounds)
    const nextOffset = next === undefined ? undefined : await this.#offsetAt(next)
    // Where nothing follows, its end may be that of the file, or lie before zeros, which it may itself end with.
    for (const end of next === undefined ? [this.#fileBytes, contentEnd] : [next]) {
      const mended = await this.#mended(from, end, nextOffset)
      if (mended === undefined) continue
      this.#damage.push({ from, to: end, offset, nextOffset, why, mended: mended.bytes })
      this.#take(mended)
      return true
    }
    this.#damage.push({ from, to: next ?? contentEnd, offset, nextOffset, why })
    if (next === undefined || nextOffset === undefined) return false
    this.#position = next
    this.#expected = nextOffset
    return true
  }

  /** The bytes of [from, to) as the batch they must have been, where only the header is wrong. */
  async #mended(from: number, to: number, nextOffset: number | undefined): Promise<RecordBatch | undefined> {
    const bytes = await this.#read(from, to)
    const offset = bytes && this.#offsetOf(bytes, nextOffset)
    const mended =
      bytes && offset !== undefined ? mendHeader(bytes, { offset, epoch: this.#request.epochAt(offset) }) : undefined
    // One whose records would reach beyond what follows was no such batch.
    return mended !== undefined && (nextOffset === undefined || mended.nextOffset <= nextOffset) ? mended : undefined
  }

  /** What the damaged batch's offset must be: the next one, unless the log may have holes and its own makes sense. */
  #offsetOf(bytes: Buffer, nextOffset = Number.MAX_SAFE_INTEGER): number {
    const own = bytes.length < batchOverheadBytes ? -1 : readInt64(bytes, at.baseOffset)
    return this.#request.mayHaveHoles && own >= this.#expected && own < nextOffset ? own : this.#expected
  }

  #why(found: Found): string {
    if (found.batch === undefined) return found.why
    if (!found.crcIsRight)
      return `the batch carries CRC ${hex(found.batch.crc)}, its bytes have ${hex(found.batch.computeCrc())}`
    return `the batch begins at offset ${found.batch.baseOffset}, and ${this.#expected} is next`
  }

  /** Whether the batch is sound and lies behind a hole: the one behind it goes on from it, and not from what is expected. */
  async #holeBefore(found: Found): Promise<boolean> {
    if (found.batch === undefined || !found.crcIsRight || found.batch.baseOffset <= this.#expected) return false
    const { nextOffset, sizeInBytes } = found.batch
    const behind = this.#position + sizeInBytes
    return behind < this.#fileBytes && (await this.#offsetAt(behind)) === nextOffset
  }

  async #offsetAt(position: number): Promise<number | undefined> {
    return (await this.walk.at(position)).batch?.baseOffset
  }

  async #read(from: number, to: number): Promise<Buffer | undefined> {
    if (to === from || to - from > mostMendedBytes) return undefined
    const bytes = Buffer.allocUnsafeSlow(to - from)
    return (await this.#file.read(bytes, from)) === bytes.length ? bytes : undefined
  }
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}
