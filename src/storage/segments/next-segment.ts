/**
 * Where the file of the next segment comes from. So that a roll costs the writer nothing, two things happen ahead of it:
 *
 * - the space: while the active segment fills, a spare file is filled with zeros (or reserved) behind the writer's back;
 *   a segment that is no longer needed becomes the spare, once it is zeros from end to end;
 * - the name: in the round that nearly fills the active segment, the file is named after the offset behind that round,
 *   and the name made durable, while the round itself is on its way to the disk.
 *
 * A spare lies in the partition directory under a name that ends in `.deleted`, the state in which Kafka leaves files
 * that it removes: whoever opens the directory after a crash, Kafka or we, clears it away. It gets the name of a segment
 * only when it holds zeros and nothing else, durably; so no byte of a former life is ever taken for a record.
 */

import { join } from 'node:path'
import { invariant } from '../../core/invariant.js'
import type { DiskFile } from '../../files/disk.js'
import { writing } from './active-file.js'
import { segmentFileName, stage, suffix } from './format.js'
import { Segment } from './segment.js'
import type { SegmentPlace } from './segment-place.js'

/** What `ahead` prepares of a spare: more follows behind the writer, as it shows how busy it is. */
const spareAheadBytes = 8 * 1024 * 1024
/** One write of zeros, so that they share the disk with the log in small pieces. */
const stepBytes = 1024 * 1024

interface Spare {
  readonly path: string
  readonly sizeInBytes: number
}

interface Upcoming {
  readonly baseOffset: number
  readonly segment: Promise<Segment>
}

export class NextSegment {
  readonly #place: SegmentPlace
  #spare: Promise<Spare | undefined> | undefined
  #upcoming: Upcoming | undefined
  #stopped = false

  constructor(place: SegmentPlace) {
    this.#place = place
  }

  /** Begins to prepare a spare, unless there is one or none is wanted. `after` is the segment that it will follow. */
  prepareSpare(after: Segment): void {
    if (this.#place.preallocate === 'none' || this.#spare !== undefined || this.#stopped) return
    const path = join(this.#place.directory, segmentFileName(after.baseOffset, suffix.log + stage.deleted))
    this.#spare = this.#filled(path, 'create')
  }

  /** Whether a file that nobody needs any more is wanted as the spare. */
  get takesRecycled(): boolean {
    // Only whole segments of zeros gain by it: elsewhere the space would be given back at once.
    return this.#place.preallocate === 'zero' && this.#spare === undefined && !this.#stopped
  }

  /** Makes the file at `path` the spare. No other name leads to it, also not after a crash. */
  recycle(path: string): void {
    invariant(this.takesRecycled, 'a file is recycled where one is wanted')
    this.#spare = this.#filled(path, 'write')
  }

  /** Whether a segment was named already: the log has to go on in it. */
  get isNamed(): boolean {
    return this.#upcoming !== undefined
  }

  /** Begins to name the segment at `baseOffset`, durably. Where that fails, {@link take} tries again and says so. */
  name(baseOffset: number, writtenBefore: number): void {
    if (this.#upcoming !== undefined || this.#stopped) return
    const segment = this.#named(baseOffset, writtenBefore)
    segment.catch(() => {})
    this.#upcoming = { baseOffset, segment }
  }

  /** The segment at `baseOffset`, empty, its name durable. */
  async take(baseOffset: number, writtenBefore: number): Promise<Segment> {
    const upcoming = this.#upcoming
    this.#upcoming = undefined
    if (upcoming !== undefined) {
      invariant(upcoming.baseOffset === baseOffset, 'the log goes on where its next segment begins')
      const segment = await upcoming.segment.catch(() => undefined)
      if (segment !== undefined) return segment
    }
    return this.#named(baseOffset, writtenBefore)
  }

  /** Ends the preparing and removes what was prepared. */
  async discard(): Promise<void> {
    this.#stopped = true
    const { disk, directory } = this.#place
    const upcoming = await this.#upcoming?.segment.catch(() => undefined)
    this.#upcoming = undefined
    const spare = await this.#spare
    this.#spare = undefined
    if (upcoming !== undefined) {
      // Of a file that holds nothing, the way it closes has nothing to say.
      await upcoming.release().catch(() => {})
      await disk.remove(upcoming.path(suffix.log))
    }
    if (spare !== undefined) await disk.remove(spare.path)
    if (upcoming !== undefined || spare !== undefined) await disk.syncDirectory(directory)
  }

  async #named(baseOffset: number, writtenBefore: number): Promise<Segment> {
    const place = this.#place
    const spare = await this.#spare
    this.#spare = undefined
    if (spare === undefined) return Segment.create(place, baseOffset, writtenBefore)
    const path = join(place.directory, segmentFileName(baseOffset, suffix.log))
    await place.disk.rename(spare.path, path)
    const file = await place.disk.open(path, writing(place))
    try {
      await place.disk.syncDirectory(place.directory)
      return await Segment.empty(place, baseOffset, file, { written: 0, fileBytes: spare.sizeInBytes, writtenBefore })
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** A file of zeros, durable as such; undefined where that could not be had, which costs speed and nothing else. */
  async #filled(path: string, mode: 'create' | 'write'): Promise<Spare | undefined> {
    const { disk, logger, preallocate, segmentBytes } = this.#place
    const sizeInBytes = preallocate === 'ahead' ? Math.min(spareAheadBytes, segmentBytes) : segmentBytes
    let file: DiskFile | undefined
    try {
      file = await disk.open(path, { mode, dsync: true })
      if ((await file.size()) > sizeInBytes) await file.truncate(sizeInBytes)
      const kind = preallocate === 'fallocate' ? 'fallocate' : 'zero'
      const step = kind === 'fallocate' ? sizeInBytes : stepBytes
      for (let from = 0; from < sizeInBytes && !this.#stopped; from += step) {
        await file.prepare(from, Math.min(sizeInBytes, from + step), kind)
      }
      // Its length may say less than was asked for, where the platform cannot reserve.
      const found = await file.size()
      await file.close()
      if (!this.#stopped) return { path, sizeInBytes: found }
    } catch (err) {
      logger.warn({ path, err }, 'Could not prepare the next segment; it is made when it is needed.')
      await file?.close().catch(() => {})
    }
    await disk.remove(path).catch((err: unknown) => logger.warn({ path, err }, 'Could not remove a spare segment.'))
    return undefined
  }
}
