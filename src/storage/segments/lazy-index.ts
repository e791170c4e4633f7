/**
 * The indexes of one segment, wherever they are: kept in memory while the segment is written, on the disk and perhaps in
 * the shared cache from then on, and rebuilt from the log where the files are missing or cannot be right.
 */

import { invariant } from '../../core/invariant.js'
import type { DiskFile } from '../../files/disk.js'
import { BatchScanner } from './batch-scanner.js'
import { maxRelativeOffset, suffix } from './format.js'
import { SegmentIndex } from './segment-index.js'
import type { SegmentPlace } from './segment-place.js'
import { loadStoredIndex } from './stored-index.js'

/** What the indexes and the readers of a segment need of it. */
export interface SegmentFile {
  readonly baseOffset: number
  /** Bytes of whole batches that readers may see. */
  readonly sizeInBytes: number
  /** Bytes of whole batches that are in the file. */
  readonly writtenBytes: number
  /** Its file may still grow, or be cut. */
  readonly isBeingWritten: boolean
  path(fileSuffix: string): string
  /** Runs `work` on the file, which stays open until it is done. */
  use<T>(work: (file: DiskFile) => Promise<T>): Promise<T>
}

/** Walks the batches of a segment between two positions of its file. */
export function scannerOf(
  { baseOffset }: SegmentFile,
  file: DiskFile,
  { start, end }: { start: number; end: number },
  options = { verify: false },
): BatchScanner {
  const range = { start, end, minOffset: baseOffset, maxOffset: baseOffset + maxRelativeOffset }
  return new BatchScanner(file, range, options)
}

export class LazyIndex {
  readonly #place: SegmentPlace
  readonly #segment: SegmentFile
  /** Until the index files are written; from then on it is in the shared cache, or on the disk alone. */
  #unsealed: SegmentIndex | undefined
  #loading: Promise<SegmentIndex> | undefined

  constructor(place: SegmentPlace, segment: SegmentFile, unsealed?: SegmentIndex) {
    this.#place = place
    this.#segment = segment
    this.#unsealed = unsealed
  }

  /** Of a segment that is appended to. */
  get active(): SegmentIndex {
    invariant(this.#unsealed, 'the active segment has its index in memory')
    return this.#unsealed
  }

  async get(): Promise<SegmentIndex> {
    const inMemory = this.#unsealed ?? this.#place.indexes.get(this)
    if (inMemory !== undefined) return inMemory
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  /** Puts the indexes on the disk, trimmed, closing time entry included. */
  async seal(): Promise<void> {
    const index = this.#unsealed
    // They are there already.
    if (index === undefined) return
    index.seal()
    await this.#place.disk.replaceFile(this.#segment.path(suffix.offsetIndex), index.offsets.bytes)
    await this.#place.disk.replaceFile(this.#segment.path(suffix.timeIndex), index.times.bytes)
    this.#unsealed = undefined
    this.#place.indexes.put(this, index)
  }

  /** Lets go of what the cache holds. */
  drop(): void {
    this.#place.indexes.drop(this)
  }

  async rebuild(): Promise<SegmentIndex> {
    const index = new SegmentIndex(this.#segment.baseOffset, this.#place.indexIntervalBytes)
    await this.#segment.use(async (file) => {
      // An active segment grows meanwhile; the new index takes over in the moment in which it has caught up.
      const rest = (start: number) => scannerOf(this.#segment, file, { start, end: this.#segment.writtenBytes })
      let scanner = rest(0)
      while (scanner.position < this.#segment.writtenBytes && (scanner.stop ?? 'end') === 'end') {
        scanner = rest(scanner.position)
        for (let found = await scanner.next(); found !== undefined; found = await scanner.next())
          index.add(found.position, found.batch)
      }
      if (this.#unsealed !== undefined) {
        this.#unsealed = index
        return
      }
      index.seal()
      this.#place.indexes.put(this, index)
    })
    return index
  }

  /** Reads the index files, and rebuilds them from the log where one is missing or cannot be right. */
  async #load(): Promise<SegmentIndex> {
    const { baseOffset, sizeInBytes } = this.#segment
    const stored = await this.#segment.use((file) => loadStoredIndex(this.#place, { file, baseOffset, sizeInBytes }))
    if (stored === undefined) return this.rebuild()
    this.#place.indexes.put(this, stored)
    return stored
  }
}
