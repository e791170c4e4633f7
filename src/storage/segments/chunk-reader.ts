/**
 * Reads a file from the front to the back in large pieces and hands out views of them. With `ahead` the next piece is
 * read while the present one is worked on, into memory that is used again, so that a scan is as fast as the slower of
 * disk and checksum and not as both together.
 */

import type { DiskFile } from '../../files/disk.js'

export interface ChunkOptions {
  /** Bytes read at once, a megabyte unless given. */
  readonly chunkBytes?: number
  /** Reads the next piece in advance. Who asks for it has to await `settle` before the file is closed. */
  readonly ahead?: boolean
}

const defaultChunkBytes = 1024 * 1024

/** What is left of a piece is put in front of the next one, so that a batch across their border is whole. */
interface Piece {
  readonly memory: Buffer
  /** Where the piece lies in the file. */
  start: number
  length: number
}

export class ChunkReader {
  readonly #file: DiskFile
  readonly #end: number
  readonly #chunkBytes: number
  readonly #ahead: boolean
  /** What can be handed out, and where it lies in the file. */
  #view: Buffer = Buffer.alloc(0)
  #viewStart = 0
  /** Memory that nobody looks at, and what is being read into the other. */
  #spare: Buffer | undefined
  #inView: Buffer | undefined
  #coming: Promise<Piece> | undefined

  /** Nothing is read from `end` on. */
  constructor(file: DiskFile, end: number, { chunkBytes = defaultChunkBytes, ahead = false }: ChunkOptions = {}) {
    this.#file = file
    this.#end = end
    this.#chunkBytes = chunkBytes
    this.#ahead = ahead
  }

  /** The `length` bytes at `position`, valid until the next call; undefined where the file is shorter than it was. */
  async bytes(position: number, length: number): Promise<Buffer | undefined> {
    const here = this.bytesHere(position, length)
    if (here !== undefined) return here
    if (this.#coming !== undefined && (await this.#takeComing(position, length))) return this.#view.subarray(0, length)
    await this.#readAt(position, length)
    return this.#view.length < length ? undefined : this.#view.subarray(0, length)
  }

  /** The same where they have been read already, else undefined. */
  bytesHere(position: number, length: number): Buffer | undefined {
    const at = position - this.#viewStart
    return at >= 0 && at + length <= this.#view.length ? this.#view.subarray(at, at + length) : undefined
  }

  /** Everything from `position` on that has been read already; valid until the next call that reads. */
  restHere(position: number): Buffer {
    const at = position - this.#viewStart
    return at >= 0 ? this.#view.subarray(at) : this.#view.subarray(0, 0)
  }

  /** Resolves when nothing is being read in advance any more. */
  async settle(): Promise<void> {
    await this.#coming?.catch(() => {})
    this.#coming = undefined
  }

  /** Whether the piece that was read in advance, with what is left of the present one in front, has what is wanted. */
  async #takeComing(position: number, length: number): Promise<boolean> {
    const coming = this.#coming as Promise<Piece>
    this.#coming = undefined
    const { memory, start, length: read } = await coming
    const headroom = memory.length - this.#chunkBytes
    const carried = start - position
    const isHere = carried >= 0 && carried <= headroom && position >= this.#viewStart && carried + read >= length
    if (!isHere) {
      this.#spare = memory
      return false
    }
    this.#view.copy(memory, headroom - carried, position - this.#viewStart)
    this.#spare = this.#inView
    this.#inView = memory
    this.#view = memory.subarray(headroom - carried, headroom + read)
    this.#viewStart = position
    this.#readAhead()
    return true
  }

  async #readAt(position: number, length: number): Promise<void> {
    const want = Math.max(0, Math.min(this.#end - position, Math.max(this.#chunkBytes, length)))
    const chunk = Buffer.allocUnsafeSlow(want)
    const read = await this.#file.read(chunk, position)
    this.#view = chunk.subarray(0, read)
    this.#viewStart = position
    if (this.#ahead) this.#readAhead()
  }

  #readAhead(): void {
    const start = this.#viewStart + this.#view.length
    if (start >= this.#end) return
    // Room for as much again in front: most batches that lie across the border of two pieces fit.
    const memory = this.#spare ?? Buffer.allocUnsafeSlow(2 * this.#chunkBytes)
    this.#spare = undefined
    const target = memory.subarray(this.#chunkBytes, this.#chunkBytes + Math.min(this.#chunkBytes, this.#end - start))
    const coming = this.#file.read(target, start).then((length) => ({ memory, start, length }))
    // Who needs the piece hears of the error; who does not, need not.
    coming.catch(() => {})
    this.#coming = coming
  }
}
