/**
 * The zeros in front of a writer. A durable write that overwrites zeros changes no metadata, so the file system's journal
 * stays out of it: measured, that is worth 1.3x to a lone caller and 2x to many. The zeros are written behind the
 * writer's back, one step at a time, through a descriptor of their own: an error there is nobody else's, and means no
 * more than that the file grows as it is written.
 *
 * What holds: a step never touches bytes below what is written or being written, since a writer that reaches a step waits
 * for its end; and behind what was written the file holds zeros only, which no reader takes for a record.
 */

import type { Logger } from '../core/logger.js'
import type { Disk, DiskFile } from './disk.js'
import type { Gate } from './gate.js'

/** `ahead`: as far as the writer was busy so far. The others: to the end of the segment. */
export type Preallocation = 'none' | 'ahead' | 'fallocate' | 'zero'

export interface RunwayOptions {
  /** Shared by all logs of a store. */
  readonly gate: Gate
  readonly disk: Disk
  readonly path: string
  readonly how: Preallocation
  /** Where the segment ends. */
  readonly segmentBytes: number
  readonly logger: Logger
  /** Called after each step, with the range that is new. */
  onPrepared(from: number, to: number): void
}

const mib = 1024 * 1024
/** One step, and so the longest that a writer waits for one. */
const stepBytes = mib
/** A log that wrote less than this is not worth a runway: a store may hold thousands of them. */
const idleBytes = 64 * 1024
const longestRunwayBytes = 32 * mib
/** A writer that writes so much while one step is prepared has no disk to spare for zeros: they cost it more than they save. */
const busyBytes = stepBytes / 4
/** It is asked again when it has written so much more. */
const pauseBytes = 64 * mib
/** Distance that a step keeps from the writer, in rounds of the size that it wrote last. */
const distanceInRounds = 4

export class Runway {
  readonly #options: RunwayOptions
  /** The file holds zeros from what is written up to here. */
  #end: number
  #written: number
  /** Bytes that this log has written before this segment: a busy log goes on with a long runway. */
  readonly #writtenBefore: number
  #lastRoundBytes = 0
  /** The range of the step under way. */
  #step: { readonly from: number; readonly to: number; readonly done: Promise<void> } | undefined
  #work: Promise<void> | undefined
  #stopped: boolean
  /** Nothing is prepared before so much is written. */
  #pausedUntil = 0
  #whenComplete: () => void = () => {}

  /** @param fileBytes length of the file, which holds zeros behind `written` */
  constructor(options: RunwayOptions, { written, fileBytes, writtenBefore }: RunwayStart) {
    this.#options = options
    this.#written = written
    this.#end = fileBytes
    this.#writtenBefore = writtenBefore
    this.#stopped = options.how === 'none'
  }

  /** Bytes that this log has written through this runway and those before it. */
  get writtenInAll(): number {
    return this.#writtenBefore + this.#written
  }

  /** Resolves when [from, to) may be written: no step is under way in it, and none will be. */
  async admit(from: number, to: number): Promise<void> {
    this.#lastRoundBytes = to - from
    this.#written = Math.max(this.#written, to)
    while (this.#step !== undefined && this.#step.from < to) await this.#step.done
  }

  /** Goes on preparing where too little is left in front of the writer. */
  extend(): void {
    // A segment that was made of a spare: the next spare waits a while for a file that could be recycled.
    if (this.isComplete && this.#written >= this.#options.segmentBytes / 4) this.#announce()
    if (this.#stopped || this.#work !== undefined) return
    const wanted = this.#written < this.#pausedUntil ? 0 : this.#wanted()
    if (wanted === 0 || this.#end - this.#written >= wanted / 2 || this.#end >= this.#options.segmentBytes) return
    this.#work = this.#options.gate.run(() => this.#prepare())
  }

  /** Whether all of the segment is prepared. Never where that failed: a disk without room for it has none for more. */
  get isComplete(): boolean {
    return this.#end >= this.#options.segmentBytes
  }

  /** Calls `then`, once, when the segment is prepared to its end; where it was so from the start, when a quarter is written. */
  whenComplete(then: () => void): void {
    this.#whenComplete = then
  }

  #announce(): void {
    const then = this.#whenComplete
    this.#whenComplete = () => {}
    then()
  }

  /** Ends the preparing; when this resolves nobody touches the file any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#work
  }

  /** How many bytes of zeros the writer should have in front of it. */
  #wanted(): number {
    const { how, segmentBytes } = this.#options
    if (how !== 'ahead') return 2 * segmentBytes
    const inAll = this.writtenInAll
    return inAll < idleBytes ? 0 : Math.min(2 * inAll, longestRunwayBytes)
  }

  /** Bytes that the file will grow by, if it is prepared as far as it should be. */
  #missing(): number {
    const { segmentBytes } = this.#options
    return Math.min(segmentBytes, this.#written + this.#wanted()) - Math.max(this.#end, this.#written)
  }

  async #prepare(): Promise<void> {
    const { disk, path, logger } = this.#options
    let file: DiskFile | undefined
    try {
      // Near a full disk the room belongs to messages: zeros that lie idle would make a write fail that has its place.
      const free = (await disk.space(path))?.freeBytes
      if (free !== undefined && free < 2 * this.#missing()) {
        this.#stopped = true
        return
      }
      file = await disk.open(path, { mode: 'write', dsync: true })
      while (
        !this.#stopped &&
        this.#written >= this.#pausedUntil &&
        this.#end < this.#options.segmentBytes &&
        this.#end - this.#written < this.#wanted()
      ) {
        await this.#prepareStep(file)
      }
      if (this.isComplete) this.#announce()
    } catch (err) {
      this.#stopped = true
      logger.warn({ path, err }, 'Could not prepare space in front of a log; it grows as it is written.')
    } finally {
      this.#work = undefined
      // Every byte of it was durable when it was written.
      await file?.close().catch(() => {})
    }
  }

  async #prepareStep(file: DiskFile): Promise<void> {
    const { how, segmentBytes, onPrepared } = this.#options
    const kind = how === 'fallocate' ? 'fallocate' : 'zero'
    const from = Math.max(
      this.#end,
      this.#written + (this.#written === 0 ? 0 : distanceInRounds * this.#lastRoundBytes),
    )
    const to = kind === 'fallocate' ? segmentBytes : Math.min(segmentBytes, from + stepBytes)
    if (from >= to) {
      this.#end = segmentBytes
      return
    }
    const writtenBefore = this.#written
    const work = file.prepare(from, to, kind)
    this.#step = { from, to, done: work.catch(() => {}) }
    try {
      await work
      this.#end = to
      onPrepared(from, to)
      if (how === 'ahead' && this.#written - writtenBefore > busyBytes) this.#pausedUntil = this.#written + pauseBytes
    } finally {
      this.#step = undefined
    }
  }
}

export interface RunwayStart {
  readonly written: number
  readonly fileBytes: number
  readonly writtenBefore: number
}
