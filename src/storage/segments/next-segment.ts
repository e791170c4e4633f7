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
import { HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import { writing } from '../../files/active-file.js'
import type { DiskFile } from '../../files/disk.js'
import { isOutOfDescriptors } from '../../files/disk-error.js'
import { segmentFileName, stage, suffix } from './format.js'
import { Segment } from './segment.js'
import type { SegmentPlace } from './segment-place.js'
import { removeSurely } from './staged-files.js'

/** What `ahead` prepares of a spare: more follows behind the writer, as it shows how busy it is. */
const spareAheadBytes = 8 * 1024 * 1024
/** One write of zeros, so that they share the disk with the log in small pieces. */
const stepBytes = 1024 * 1024

/** In the name of a spare that was never a segment. */
const spareStage = '.spare'

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
  /** A spare that is being prepared. */
  #preparing: Promise<void> | undefined
  /** One that is prepared. */
  #spare: Spare | undefined
  #upcoming: Upcoming | undefined
  #stopped = false

  constructor(place: SegmentPlace) {
    this.#place = place
  }

  /** Begins to prepare a spare, unless there is one or none is wanted. `after` is the segment that it will follow. */
  prepareSpare(after: Segment): void {
    if (this.#place.preallocate === 'none' || this.#hasSpare || this.#stopped) return
    // Not the name that `after` gets when it is removed, which may be while the spare is still there.
    const path = join(this.#place.directory, segmentFileName(after.baseOffset, suffix.log + spareStage + stage.deleted))
    this.#preparing = this.#prepare(path, 'create')
  }

  /** Whether a file that nobody needs any more is wanted as the spare. */
  get takesRecycled(): boolean {
    // Only whole segments of zeros gain by it: elsewhere the space would be given back at once.
    const { preallocate, room } = this.#place
    return preallocate === 'zero' && !room.isScarce && !this.#hasSpare && !this.#stopped
  }

  /** Makes the file at `path` the spare. No other name leads to it, also not after a crash. */
  recycle(path: string): void {
    invariant(this.takesRecycled, 'a file is recycled where one is wanted')
    this.#preparing = this.#prepare(path, 'write')
  }

  /** Whether a segment was named already: the log has to go on in it. */
  get isNamed(): boolean {
    return this.#upcoming !== undefined
  }

  /** Where it begins, if one was named. */
  get namedAt(): number | undefined {
    return this.#upcoming?.baseOffset
  }

  /**
   * Begins to name the segment at `baseOffset`, durably. Where there was no room or no descriptor for it, {@link take}
   * tries again; any other failure is told there.
   */
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
      const segment = await upcoming.segment.catch((error: unknown) => {
        // A sync of the directory that failed may be the cause, and a second one would not be told.
        if (!mayPass(error)) throw error
      })
      if (segment !== undefined) return segment
    }
    return this.#named(baseOffset, writtenBefore)
  }

  /** Ends the preparing and removes what was prepared. */
  async discard(): Promise<void> {
    this.#stopped = true
    const { disk, directory } = this.#place
    const upcoming = this.#upcoming
    this.#upcoming = undefined
    const named = await upcoming?.segment.catch(() => undefined)
    await this.#preparing
    const spare = this.#spare
    this.#spare = undefined
    if (spare !== undefined) await disk.remove(spare.path)
    if (upcoming !== undefined) {
      // Of a file that holds nothing, the way it closes has nothing to say.
      await named?.release().catch(() => {})
      // It may have its name though the naming failed.
      await removeSurely(disk, join(directory, segmentFileName(upcoming.baseOffset, suffix.log)))
    } else if (spare !== undefined) await disk.syncDirectory(directory)
  }

  async #named(baseOffset: number, writtenBefore: number): Promise<Segment> {
    const place = this.#place
    // One that is not ready yet is for the segment after this one: nobody waits for zeros.
    const spare = this.#spare
    const path = join(place.directory, segmentFileName(baseOffset, suffix.log))
    if (spare === undefined) return Segment.create(place, baseOffset, writtenBefore)
    const before = place.disk.failedSyncs(place.directory)
    await place.disk.rename(spare.path, path)
    this.#spare = undefined
    const file = await place.disk.open(path, writing(place))
    try {
      await place.disk.syncDirectory(place.directory)
      const isSure = place.disk.failedSyncs(place.directory) === before
      const sizes = { written: 0, fileBytes: spare.sizeInBytes, writtenBefore }
      if (isSure) return await Segment.empty(place, baseOffset, file, sizes)
    } catch (error) {
      await file.close()
      throw error
    }
    // Somebody else's sync that failed may have given up its name.
    await file.close()
    return Segment.create(place, baseOffset, writtenBefore)
  }

  get #hasSpare(): boolean {
    return this.#preparing !== undefined || this.#spare !== undefined
  }

  async #prepare(path: string, mode: 'create' | 'write'): Promise<void> {
    this.#spare = await this.#place.preparing.run(() => this.#filled(path, mode))
    this.#preparing = undefined
  }

  /** A file of zeros, durable as such; undefined where that could not be had, which costs speed and nothing else. */
  async #filled(path: string, mode: 'create' | 'write'): Promise<Spare | undefined> {
    const { disk, directory, logger, preallocate, segmentBytes } = this.#place
    const sizeInBytes = preallocate === 'ahead' ? Math.min(spareAheadBytes, segmentBytes) : segmentBytes
    let file: DiskFile | undefined
    try {
      // Near a full disk the room belongs to messages. A file that is recycled has its room already.
      const free = mode === 'create' ? (await disk.space(directory))?.freeBytes : undefined
      if (free !== undefined && free < 2 * sizeInBytes) return undefined
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

/** The disk had no room or the process no descriptor: a later try may have both. */
export function mayPass(error: unknown): boolean {
  return isOutOfDescriptors(error) || (error instanceof HoldfastError && error.code === 'DISK_FULL')
}
