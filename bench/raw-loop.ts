/**
 * The floor that durable appends are measured against: the least a Node program can do to put the same bytes on the
 * disk. Callers wait, one `writev` on an O_DSYNC descriptor takes everything that waits, and answers. No offsets, no
 * checksums, no index, no recovery.
 */

import { close, constants, open, writev } from 'node:fs'
import { promisify } from 'node:util'

const openFile = promisify(open)
const closeFile = promisify(close)

/** libuv takes no more buffers in one call. */
const mostBuffers = 1024

export class RawLoop {
  readonly #fd: number
  #position = 0
  #buffers: Buffer[] = []
  #waiters: (() => void)[] = []
  #writing = false
  rounds = 0

  private constructor(fd: number) {
    this.#fd = fd
  }

  static async open(path: string): Promise<RawLoop> {
    return new RawLoop(
      await openFile(path, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | constants.O_DSYNC),
    )
  }

  /** Resolves when `bytes` are on the disk. */
  append(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#buffers.push(bytes)
      this.#waiters.push(resolve)
      if (this.#writing) return
      this.#writing = true
      queueMicrotask(() => this.#writeRound())
    })
  }

  close(): Promise<void> {
    return closeFile(this.#fd)
  }

  #writeRound(): void {
    const buffers = this.#buffers.splice(0, mostBuffers)
    const waiters = this.#waiters.splice(0, mostBuffers)
    const expected = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
    writev(this.#fd, buffers, this.#position, (error, written) => {
      if (error || written !== expected) throw error ?? new Error(`wrote ${written} of ${expected} bytes`)
      this.#position += written
      this.rounds++
      for (const resolve of waiters) resolve()
      if (this.#buffers.length > 0) this.#writeRound()
      else this.#writing = false
    })
  }
}
