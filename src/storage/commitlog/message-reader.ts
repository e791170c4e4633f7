/**
 * Reads messages of the commit log by their positions. Messages of one queue that lie close together, as those of one batch
 * do, share a read. They are copied out of a mapping of their file where there can be one: those of one queue among
 * thousands lie far apart, and a way through the thread pool for each would cost more than all the rest.
 */

import { HoldfastError } from '../../core/errors.js'
import { mapParallel } from '../../core/parallel.js'
import { InFlight } from '../../files/in-flight.js'
import type { Loan, MappedFiles } from '../../files/mapped-files.js'
import type { OpenFiles } from '../../files/open-files.js'
import type { FileSequence } from './file-sequence.js'
import { type MessageView, readMessage } from './message.js'

/** Where a message lies. */
export interface MessagePlace {
  readonly position: number
  readonly sizeInBytes: number
}

/** One read of many messages, and of what lies between them. */
interface Run {
  readonly position: number
  end: number
  readonly places: MessagePlace[]
}

function lengthOf({ position, end }: Run): number {
  return end - position
}

export interface ReadTables {
  readonly openFiles: OpenFiles
  /** Absent where nothing is to be mapped, as while a store is recovered. */
  readonly maps?: MappedFiles
}

/** To read so much for nothing is cheaper than another read. */
const gapBytes = 8 * 1024
const longestRunBytes = 4 * 1024 * 1024
const parallelRuns = 8

export class MessageReader {
  readonly #files: FileSequence
  readonly #openFiles: OpenFiles
  readonly #reads = new InFlight()
  readonly #maps: MappedFiles | undefined

  constructor(files: FileSequence, { openFiles, maps }: ReadTables) {
    this.#files = files
    this.#openFiles = openFiles
    this.#maps = maps
  }

  /**
   * The messages at `places`, which ascend. Their bytes are the caller's.
   * @throws OFFSET_OUT_OF_RANGE where a file was deleted, LOG_DAMAGED where one is missing or a place holds no sound message of that size
   */
  async read(places: readonly MessagePlace[]): Promise<MessageView[]> {
    const runs = this.#runsOf(places)
    // One piece of memory for all of them.
    const all = Buffer.allocUnsafeSlow(runs.reduce((sum, run) => sum + lengthOf(run), 0))
    const loans = new Loans(this.#maps)
    let used = 0
    try {
      const views = await mapParallel(runs, parallelRuns, (run) => {
        const bytes = all.subarray(used, used + lengthOf(run))
        used += bytes.length
        return this.#readRun(run, bytes, loans)
      })
      return views.length === 1 ? views[0] : views.flat()
    } finally {
      loans.release()
    }
  }

  /** The message that begins at `position`; undefined where there is none. For positions that somebody claims. */
  async at(position: number, end: number): Promise<MessageView | undefined> {
    if (!Number.isSafeInteger(position) || position < 0 || position + guessedBytes.header > end) return undefined
    const located = this.#files.locate(position)
    if (located === undefined) return undefined
    const left = Math.min(this.#files.fileBytes - located.offsetInFile, end - position)
    const guessed = await this.#bytes(position, Math.min(left, guessedBytes.message))
    if (guessed.length < guessedBytes.header) return undefined
    const sizeInBytes = guessed.readInt32BE(0)
    if (sizeInBytes <= 0 || sizeInBytes > left) return undefined
    const bytes = sizeInBytes <= guessed.length ? guessed : await this.#bytes(position, sizeInBytes)
    const found = readMessage(bytes, 0, bytes.length, position)
    return found.kind === 'message' ? found : undefined
  }

  /** Waits until nobody reads, and gives the open files back. */
  async close(): Promise<void> {
    await this.#reads.ended()
    for (const start of this.#files.starts) {
      this.#maps?.drop(this.#files.pathOf(start))
      await this.#openFiles.drop(this.#files.pathOf(start))
    }
  }

  #runsOf(places: readonly MessagePlace[]): Run[] {
    const runs: Run[] = []
    let last: Run | undefined
    for (const place of places) {
      const end = place.position + place.sizeInBytes
      const isNear =
        last !== undefined &&
        place.position >= last.end &&
        place.position - last.end <= gapBytes &&
        end - last.position <= longestRunBytes &&
        this.#files.startFor(place.position) === this.#files.startFor(last.position)
      if (last !== undefined && isNear) {
        last.end = end
        last.places.push(place)
      } else {
        last = { position: place.position, end, places: [place] }
        runs.push(last)
      }
    }
    return runs
  }

  async #readRun({ position, places }: Run, target: Buffer, loans: Loans): Promise<MessageView[]> {
    const bytes = await this.#fill(target, position, loans)
    return places.map((place) => {
      const start = place.position - position
      const found = readMessage(bytes, start, bytes.length - start, place.position)
      if (found.kind === 'fault') throw this.#damaged(place, `what is there ${found.reason}`)
      if (found.kind !== 'message') throw this.#damaged(place, 'nothing is there')
      if (found.sizeInBytes !== place.sizeInBytes) throw this.#damaged(place, `one of ${found.sizeInBytes} is`)
      return found
    })
  }

  #bytes(position: number, length: number): Promise<Buffer> {
    return this.#fill(Buffer.allocUnsafeSlow(length), position, new Loans(undefined))
  }

  /** Fills `target` from `position` on; returns the part of it that the file has bytes for. */
  #fill(target: Buffer, position: number, loans: Loans): Promise<Buffer> {
    return this.#reads.run(() => this.#filled(target, position, loans))
  }

  async #filled(target: Buffer, position: number, loans: Loans): Promise<Buffer> {
    const located = this.#files.locate(position)
    if (located === undefined) throw this.#noFile(position)
    const { path, offsetInFile } = located
    try {
      const loan = await loans.of(path)
      const end = offsetInFile + target.length
      if (loan !== undefined && end <= loan.bytes.length && (await loan.populate(offsetInFile, end))) {
        loan.bytes.copy(target, 0, offsetInFile, end)
        return target
      }
      const read = await this.#openFiles.use(path, (file) => file.read(target, offsetInFile))
      return read === target.length ? target : target.subarray(0, read)
    } catch (error) {
      // Removed under the reader's hands.
      throw this.#files.locate(position) === undefined ? this.#noFile(position) : error
    }
  }

  #noFile(position: number): HoldfastError {
    const { first = 0, directory } = this.#files
    if (position < first) {
      return new HoldfastError('OFFSET_OUT_OF_RANGE', `Position ${position} is not in the commit log any more.`)
    }
    return new HoldfastError('LOG_DAMAGED', `${directory} has lost its file for position ${position}. Put it back.`)
  }

  #damaged({ position, sizeInBytes }: MessagePlace, what: string): HoldfastError {
    const where = `${this.#files.directory} is damaged at position ${position}`
    return new HoldfastError('LOG_DAMAGED', `${where}: a message of ${sizeInBytes} bytes should be there (${what}).`)
  }
}

/** One read for nearly every message that is looked up by its position. */
const guessedBytes = { header: 8, message: 4096 }

/** The mappings that one reading has borrowed. */
class Loans {
  readonly #maps: MappedFiles | undefined
  readonly #loans = new Map<string, Promise<Loan | undefined>>()

  constructor(maps: MappedFiles | undefined) {
    this.#maps = maps
  }

  of(path: string): Promise<Loan | undefined> | undefined {
    if (this.#maps === undefined) return undefined
    let loan = this.#loans.get(path)
    if (loan === undefined) {
      loan = this.#maps.borrow(path)
      this.#loans.set(path, loan)
    }
    return loan
  }

  /** Nobody reads any more. */
  release(): void {
    for (const loan of this.#loans.values()) void loan.then((lent) => lent?.release())
  }
}
