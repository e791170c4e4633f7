/**
 * The memory that batches are built in. A megabyte that is new costs more than what is written into it (the kernel
 * zeroes it page by page), so the buffer of an acknowledged batch is built in again.
 */

/** Below it Node's own pool serves better. */
const leastBytes = 4096

export class BatchBuffers {
  readonly #mostBytes: number
  readonly #free: Buffer[] = []
  #freeBytes = 0

  /** @param mostBytes kept while nobody uses them */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** A buffer of `sizeInBytes` or more; undefined where a batch of that size needs none of its own. */
  take(sizeInBytes: number): Buffer | undefined {
    if (sizeInBytes < leastBytes) return undefined
    const free = this.#free.pop()
    if (free !== undefined) {
      this.#freeBytes -= free.length
      // One that is too small is let go: the batches have grown, and the next one would not fit either.
      if (free.length >= sizeInBytes) return free
    }
    // In powers of two, so that batches which vary a little fit into each other's buffers.
    return Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(sizeInBytes)))
  }

  /** `buffer` is touched by nobody any more. */
  give(buffer: Buffer): void {
    const isWhole = buffer.length === buffer.buffer.byteLength
    if (!isWhole || buffer.length < leastBytes || this.#freeBytes + buffer.length > this.#mostBytes) return
    this.#free.push(buffer)
    this.#freeBytes += buffer.length
  }
}
