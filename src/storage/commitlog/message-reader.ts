/**
 * Reads messages of the commit log by their positions. Messages of one queue that lie close together, as those of one batch
 * do, share a read; what lies apart is read at the same time.
 */

import { HoldfastError } from '../../core/errors.js'
import { mapParallel } from '../../core/parallel.js'
import { InFlight } from '../../files/in-flight.js'
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

/** To read so much for nothing is cheaper than another read. */
const gapBytes = 8 * 1024
const longestRunBytes = 4 * 1024 * 1024
const parallelRuns = 8

export class MessageReader {
  readonly #files: FileSequence
  readonly #openFiles: OpenFiles
  readonly #reads = new InFlight()

  constructor(files: FileSequence, openFiles: OpenFiles) {
    this.#files = files
    this.#openFiles = openFiles
  }

  /**
   * The messages at `places`, which ascend. Their bytes are the caller's.
   * @throws OFFSET_OUT_OF_RANGE where a file was deleted, LOG_DAMAGED where one is missing or a place holds no sound message of that size
   */
  async read(places: readonly MessagePlace[]): Promise<MessageView[]> {
    const runs = this.#runsOf(places)
    const views = await mapParallel(runs, parallelRuns, (run) => this.#readRun(run))
    return views.length === 1 ? views[0] : views.flat()
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
    for (const start of this.#files.starts) await this.#openFiles.drop(this.#files.pathOf(start))
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

  async #readRun({ position, end, places }: Run): Promise<MessageView[]> {
    const bytes = await this.#bytes(position, end - position)
    return places.map((place) => {
      const start = place.position - position
      const found = readMessage(bytes, start, bytes.length - start, place.position)
      if (found.kind === 'fault') throw this.#damaged(place, `what is there ${found.reason}`)
      if (found.kind !== 'message') throw this.#damaged(place, 'nothing is there')
      if (found.sizeInBytes !== place.sizeInBytes) throw this.#damaged(place, `one of ${found.sizeInBytes} is`)
      return found
    })
  }

  async #bytes(position: number, length: number): Promise<Buffer> {
    const located = this.#files.locate(position)
    if (located === undefined) throw this.#noFile(position)
    const bytes = Buffer.allocUnsafeSlow(length)
    try {
      const read = await this.#reads.run(() =>
        this.#openFiles.use(located.path, (file) => file.read(bytes, located.offsetInFile)),
      )
      return read === length ? bytes : bytes.subarray(0, read)
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
