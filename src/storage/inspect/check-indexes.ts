/**
 * Checks a segment's offset and time index while its batches go by: each offset entry must name the last offset of the
 * batch at its position, each time entry the greatest timestamp so far and the batch that carries it, and the last time
 * entry the greatest timestamp of the segment.
 */

import type { Disk } from '../../files/disk.js'
import type { RecordBatch } from '../../records/batch.js'
import { maxIndexBytes } from '../segments/format.js'
import type { BatchObserver } from './check-segment.js'
import type { Findings } from './findings.js'
import { orRefused } from './open-file.js'
import {
  allEntries,
  offsetEntries,
  type StoredEntry,
  type StoredOffsetEntry,
  type StoredTimeEntry,
  timeEntries,
} from './stored-entries.js'

export interface IndexPaths {
  /** Undefined where there is no such file. */
  readonly offsets: string | undefined
  readonly times: string | undefined
}

/** How many bytes lie between two entries, and whether it was we who wrote them, always by the same rule. */
export interface IndexInterval {
  readonly bytes: number
  readonly isOurs: boolean
}

interface Loaded<T> {
  readonly path: string
  readonly entries: readonly StoredEntry<T>[]
}

export class IndexCheck implements BatchObserver {
  readonly #findings: Findings
  readonly #offsets: Loaded<StoredOffsetEntry> | undefined
  readonly #times: Loaded<StoredTimeEntry> | undefined
  readonly #interval: IndexInterval & { isSettled: boolean }
  #nextOffset = 0
  #nextTime = 0
  #lastIndexed = 0
  #largestBatch = 0
  #gapFound = false
  /** Of the batches with records; and, as Kafka keeps it, with those that compaction emptied. */
  #maxTimestamp = -1
  #maxTimestampOfAll = -1

  private constructor(
    findings: Findings,
    interval: IndexInterval & { isSettled: boolean },
    offsets: Loaded<StoredOffsetEntry> | undefined,
    times: Loaded<StoredTimeEntry> | undefined,
  ) {
    this.#findings = findings
    this.#interval = interval
    this.#offsets = offsets
    this.#times = times
  }

  static async open(
    disk: Disk,
    baseOffset: number,
    paths: IndexPaths,
    interval: IndexInterval & { isSettled: boolean },
    findings: Findings,
  ): Promise<IndexCheck> {
    const offsets = await load(disk, paths.offsets, offsetEntries, baseOffset, findings)
    const times = await load(disk, paths.times, timeEntries, baseOffset, findings)
    return new IndexCheck(findings, interval, offsets, times)
  }

  batch(position: number, batch: RecordBatch): void {
    this.#checkOffsets(position, batch)
    const { maxTimestamp, recordsCount } = batch
    if (maxTimestamp > this.#maxTimestampOfAll) this.#maxTimestampOfAll = maxTimestamp
    if (recordsCount > 0 && maxTimestamp > this.#maxTimestamp) this.#maxTimestamp = maxTimestamp
    this.#checkTimes(batch)
    if (batch.sizeInBytes > this.#largestBatch) this.#largestBatch = batch.sizeInBytes
  }

  finish(): void {
    const offset = this.#offsets?.entries[this.#nextOffset]
    if (offset !== undefined) this.#wrongOffset(offset, 'no batch begins there')
    const time = this.#times?.entries[this.#nextTime]
    if (time !== undefined) this.#wrongTime(time, 'no batch ends with that offset')
    const last = this.#times?.entries.at(-1)?.entry.timestamp ?? -1
    if (
      this.#interval.isSettled &&
      this.#times !== undefined &&
      last !== this.#maxTimestamp &&
      last !== this.#maxTimestampOfAll
    ) {
      const what = `The last entry says ${last}; the greatest timestamp of the segment is ${this.#maxTimestamp}`
      this.#findings.add('index-wrong', this.#times.path, what)
    }
  }

  #checkOffsets(position: number, batch: RecordBatch): void {
    if (this.#offsets === undefined) return
    const { entries } = this.#offsets
    for (let next = entries[this.#nextOffset]; next !== undefined; next = entries[++this.#nextOffset]) {
      if (next.entry.position > position) break
      if (next.entry.position < position) this.#wrongOffset(next, 'no batch begins there')
      else if (next.entry.offset !== batch.lastOffset)
        this.#wrongOffset(next, `that batch ends with offset ${batch.lastOffset}`)
      this.#lastIndexed = next.entry.position
    }
    const { bytes, isOurs, isSettled } = this.#interval
    // Kafka counts anew when it is started, so that twice the interval is no sign of anything.
    const mostBytes = isOurs ? bytes : 2 * bytes + this.#largestBatch
    if (!isSettled || this.#gapFound || position - this.#lastIndexed <= mostBytes) return
    this.#gapFound = true
    const what = `It has no entry for the bytes from ${this.#lastIndexed} to ${position} of the log`
    this.#findings.add('index-wrong', this.#offsets.path, what)
  }

  #checkTimes(batch: RecordBatch): void {
    if (this.#times === undefined) return
    const { entries } = this.#times
    for (let next = entries[this.#nextTime]; next !== undefined; next = entries[++this.#nextTime]) {
      const { offset, timestamp } = next.entry
      if (offset > batch.lastOffset) break
      if (offset < batch.lastOffset) this.#wrongTime(next, 'no batch ends with that offset')
      else if (timestamp !== batch.maxTimestamp || timestamp < this.#maxTimestamp) {
        this.#wrongTime(next, `that batch has ${batch.maxTimestamp}, and the greatest so far is ${this.#maxTimestamp}`)
      }
    }
  }

  #wrongOffset({ position, entry }: StoredEntry<StoredOffsetEntry>, why: string): void {
    const what = `The entry says offset ${entry.offset} at byte ${entry.position} of the log; ${why}`
    this.#findings.add('index-wrong', this.#offsets?.path ?? '', what, { position, offset: entry.offset })
  }

  #wrongTime({ position, entry }: StoredEntry<StoredTimeEntry>, why: string): void {
    const what = `The entry says timestamp ${entry.timestamp} at offset ${entry.offset}; ${why}`
    this.#findings.add('index-wrong', this.#times?.path ?? '', what, { position, offset: entry.offset })
  }
}

type Read<T> = Awaited<ReturnType<typeof allEntries<T>>>

async function load<T extends { offset: number }>(
  disk: Disk,
  path: string | undefined,
  form: Parameters<typeof allEntries<T>>[2],
  baseOffset: number,
  findings: Findings,
): Promise<Loaded<T> | undefined> {
  if (path === undefined) return undefined
  const read = await orRefused<Read<T> | undefined>(
    () => allEntries(disk, path, form, baseOffset),
    (why) => {
      findings.add('not-readable', path, why)
      return undefined
    },
  )
  if (read === undefined) return undefined
  const { entries, restBytes } = read
  const bytes = entries.length * form.entryBytes + restBytes
  if (bytes > maxIndexBytes)
    findings.add('index-wrong', path, `It has ${bytes} bytes; an index is full at ${maxIndexBytes}`)
  if (restBytes > 0) {
    const at = { position: bytes - restBytes }
    findings.add('index-wrong', path, `Its last ${restBytes} bytes are no whole entry of ${form.entryBytes}`, at)
  }
  const turn = entries.findIndex(({ entry }, i) => i > 0 && entry.offset <= entries[i - 1].entry.offset)
  if (turn === -1) return { path, entries }
  const { position, entry } = entries[turn]
  const isZeros = entries.slice(turn).every((one) => one.entry.offset === baseOffset)
  const why = isZeros
    ? 'From here on it holds zeros, as a writer that did not get to close it leaves them'
    : `Offset ${entry.offset} does not rise`
  findings.add('index-wrong', path, why, { position })
  return { path, entries: entries.slice(0, turn) }
}
