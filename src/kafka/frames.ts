/**
 * Splits a stream of bytes into frames: a 4-byte length and so many bytes. Both ends of a connection read with it.
 *
 * A length is a claim by somebody unknown. Memory for a frame is taken as its bytes arrive, at most twice as much as
 * arrived beyond the first mebibyte, and only when `reserve` allows it. A byte of a frame is copied once; never where one
 * chunk holds the whole frame, or where it was read into `room`; and once more where the buffer had to grow.
 */

import { HoldfastError } from '../core/errors.js'

/** Up to here the buffer of a frame is made at once in its full size. */
const firstCapacityBytes = 1024 * 1024
/** Where less of a frame is missing, it is better read together with what follows. */
const leastRoomBytes = 64 * 1024

export interface FrameReaderOptions {
  readonly minBytes: number
  readonly maxBytes: number
  /** Asked before memory for so many more bytes of a frame is taken. On false `next` gives nothing until it says true. */
  readonly reserve?: (bytes: number) => boolean
  /** Where the memory of frames comes from, and where it goes that turned out too small. */
  readonly buffers?: { take(bytes: number): Buffer; put(buffer: Buffer): void }
}

export class FrameReader {
  readonly #options: FrameReaderOptions
  /** Received and not used up yet; the first one from `#position` on. */
  readonly #chunks: Buffer[] = []
  #position = 0
  /** The last chunk is not ours: nothing of it may be left here when {@link detach} is done. */
  #isLent = false
  #isClosed = false
  #available = 0
  /** The frame that is being read: its length, or -1 before that is known. */
  #length = -1
  /** Its bytes so far, where they came in several chunks. */
  #body: Buffer | undefined
  #filled = 0
  #reserved = 0

  constructor(options: FrameReaderOptions) {
    this.#options = options
  }

  /** Some bytes of a frame are here and it is not whole. */
  get isMidFrame(): boolean {
    return this.#available > 0 || this.#length >= 0
  }

  /** What was pushed and has not been looked at. */
  get unreadBytes(): number {
    return this.#available
  }

  /** What was reserved for the frame that is being read. */
  get reservedBytes(): number {
    return this.#reserved
  }

  /** A chunk that is `lent` may be used again by its owner after {@link detach}. */
  push(chunk: Buffer, { lent = false }: { readonly lent?: boolean } = {}): void {
    if (chunk.length === 0 || this.#isClosed) return
    this.#chunks.push(chunk)
    this.#available += chunk.length
    this.#isLent = lent
  }

  /** Forgets what is unread, and everything that is pushed from now on. */
  close(): void {
    this.#isClosed = true
    this.#chunks.length = 0
    this.#available = 0
  }

  /** Keeps what is unread of a chunk that was lent. */
  detach(): void {
    if (!this.#isLent) return
    this.#isLent = false
    const last = this.#chunks.pop()
    if (last === undefined) return
    const from = this.#chunks.length === 0 ? this.#position : 0
    if (from > 0) this.#position = 0
    this.#chunks.push(Buffer.from(last.subarray(from)))
  }

  /**
   * Where the next bytes of the stream belong, if they are many: the rest of the frame that is being read, as far as there
   * is memory for it. Until they are there and {@link filled} is called, nothing else may be pushed.
   */
  get room(): Buffer | undefined {
    if (this.#body === undefined || this.#available > 0 || this.#isClosed) return undefined
    const missing = this.#body.length - this.#filled
    return missing < leastRoomBytes ? undefined : this.#body.subarray(this.#filled)
  }

  /** So many bytes were read into {@link room}. */
  filled(bytes: number): void {
    if (!this.#isClosed) this.#filled += bytes
  }

  /**
   * The next whole frame without its length, or undefined while bytes or room for them are missing. It is a view of a
   * chunk that was pushed, or a buffer of its own.
   * @throws INVALID_REQUEST for a length that is out of bounds; nothing can be read after that
   */
  next(): Buffer | undefined {
    if (this.#length < 0 && !this.#readLength()) return undefined
    const length = this.#length
    if (this.#body === undefined) {
      const isWhole = this.#chunks.length > 0 && this.#chunks[0].length - this.#position >= length
      const isView = isWhole && !this.#isLent
      if (!this.#reserveUpTo(isWhole ? length : Math.min(length, firstCapacityBytes))) return undefined
      if (isView) return this.#finish(this.#take(length))
      this.#body = this.#allocate(this.#reserved)
    }
    while (this.#available > 0 && this.#filled < length) {
      if (this.#filled === this.#body.length && !this.#grow(this.#body)) return undefined
      const piece = this.#take(Math.min(this.#chunks[0].length - this.#position, this.#body.length - this.#filled))
      piece.copy(this.#body, this.#filled)
      this.#filled += piece.length
    }
    return this.#filled === length ? this.#finish(this.#body) : undefined
  }

  #readLength(): boolean {
    if (this.#available < 4) return false
    let length = 0
    for (let index = 0; index < 4; index++) length = (length << 8) | this.#take(1)[0]
    const { minBytes, maxBytes } = this.#options
    if (length < minBytes || length > maxBytes) {
      throw new HoldfastError(
        'INVALID_REQUEST',
        `A frame claims a length of ${length} bytes; accepted are ${minBytes} to ${maxBytes}.${guess(length)}`,
      )
    }
    this.#length = length
    return true
  }

  /** The next `bytes` bytes, which lie in the first chunk. */
  #take(bytes: number): Buffer {
    const chunk = this.#chunks[0]
    const from = this.#position
    this.#position += bytes
    this.#available -= bytes
    if (this.#position === chunk.length) {
      this.#chunks.shift()
      this.#position = 0
    }
    return chunk.subarray(from, from + bytes)
  }

  #reserveUpTo(bytes: number): boolean {
    const more = bytes - this.#reserved
    if (more <= 0) return true
    if (this.#options.reserve?.(more) === false) return false
    this.#reserved = bytes
    return true
  }

  #grow(body: Buffer): boolean {
    if (!this.#reserveUpTo(Math.min(this.#length, body.length * 2))) return false
    const larger = this.#allocate(this.#reserved)
    body.copy(larger, 0, 0, this.#filled)
    this.#body = larger
    this.#options.buffers?.put(body)
    return true
  }

  #allocate(bytes: number): Buffer {
    return this.#options.buffers?.take(bytes) ?? Buffer.allocUnsafeSlow(bytes)
  }

  #finish(frame: Buffer): Buffer {
    this.#length = -1
    this.#body = undefined
    this.#filled = 0
    this.#reserved = 0
    return frame
  }
}

/** What somebody speaks who begins with these four bytes and not with a length. */
function guess(length: number): string {
  const first = Buffer.alloc(4)
  first.writeInt32BE(length)
  if (first[0] === 0x16 && first[1] === 0x03) return ' It looks like TLS; this is a plain port.'
  const text = first.toString('latin1')
  return /^[A-Z]{3}[A-Z ]$/.test(text) ? ` It begins with "${text}", which looks like HTTP.` : ''
}
