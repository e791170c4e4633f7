/**
 * The memory of frames, used again: a server that takes a gigabyte a second would otherwise allocate a gigabyte a second,
 * which costs it page faults and a collection of the whole heap every few dozen megabytes.
 *
 * A buffer comes back only through {@link FrameBuffers.put}, from one who knows that nobody reads it any more; without
 * that it is left to the garbage collector, which is always right.
 */

/** Smaller frames share Node's pool of small buffers, and are not used again. */
const leastBytes = 4096
/** Kept for the next frames, all sizes together. */
const mostKeptBytes = 16 * 1024 * 1024

export class FrameBuffers {
  /** By their size. */
  readonly #kept = new Map<number, ArrayBufferLike[]>()
  #keptBytes = 0
  /** Those that were given out from here: a frame may also be a view of memory that others look at. */
  readonly #out = new WeakSet<ArrayBufferLike>()

  get keptBytes(): number {
    return this.#keptBytes
  }

  /** Exactly `bytes` bytes, with anything in them. */
  take(bytes: number): Buffer {
    if (bytes < leastBytes) return Buffer.allocUnsafe(bytes)
    const size = sizeFor(bytes)
    const kept = this.#kept.get(size)?.pop()
    if (kept !== undefined) this.#keptBytes -= size
    const memory = kept ?? Buffer.allocUnsafeSlow(size).buffer
    this.#out.add(memory)
    return Buffer.from(memory, 0, bytes)
  }

  /** Nobody reads this frame any more, nor any other view of its memory. Frames that are not from here are left alone. */
  put(frame: Buffer): void {
    const memory = frame.buffer
    if (!this.#out.delete(memory)) return
    const size = memory.byteLength
    if (this.#keptBytes + size > mostKeptBytes) return
    this.#keptBytes += size
    const kept = this.#kept.get(size)
    if (kept === undefined) this.#kept.set(size, [memory])
    else kept.push(memory)
  }
}

/** Four sizes for each power of two, so that frames of about one length share theirs and at most a quarter is wasted. */
function sizeFor(bytes: number): number {
  const step = 2 ** (Math.floor(Math.log2(bytes)) - 2)
  return Math.ceil(bytes / step) * step
}
