/**
 * The floor that appends are measured against: the least a Node program can do to put the same bytes on the disk.
 * Callers wait, one `writev` takes everything that waits, and answers. No offsets, no checksums, no index, no recovery.
 *
 * With `fillBytes` the file is filled with zeros over its whole length first, and written round and round: each write
 * is then a pure overwrite, which leaves the journal of the file system out of it. Without, the file grows.
 */

import { constants, writev } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** libuv takes no more buffers in one call. */
const mostBuffers = 1024

export interface RawLoopOptions {
  /** Each write returns once it is on stable storage (O_DSYNC). */
  readonly dsync: boolean
  /** Length of the file, zero-filled; it grows from nothing where absent. */
  readonly fillBytes?: number
}

export class RawLoop {
  readonly #file: FileHandle
  readonly #fillBytes: number
  #position = 0
  #buffers: Buffer[] = []
  /** One a buffer; a buffer that others of its append follow has none. */
  #waiters: (Waiter | undefined)[] = []
  #writing = false
  /** Writes so far; every caller that was answered shared one. */
  rounds = 0
  /** How long filling the file took. */
  readonly fillMs: number

  private constructor(file: FileHandle, fillBytes: number, fillMs: number) {
    this.#file = file
    this.#fillBytes = fillBytes
    this.fillMs = fillMs
  }

  static async open(path: string, { dsync, fillBytes = 0 }: RawLoopOptions): Promise<RawLoop> {
    const start = performance.now()
    if (fillBytes > 0) await fillWithZeros(path, fillBytes)
    const fillMs = performance.now() - start
    const flags = constants.O_RDWR | constants.O_CREAT | (dsync ? constants.O_DSYNC : 0)
    return new RawLoop(await open(path, flags), fillBytes, fillMs)
  }

  /** Resolves when the bytes are written and, with `dsync`, on the disk. */
  append(...bytes: readonly Buffer[]): Promise<void> {
    return new Promise((resolve, reject) => {
      for (const buffer of bytes) {
        this.#buffers.push(buffer)
        this.#waiters.push(undefined)
      }
      this.#waiters[this.#waiters.length - 1] = { resolve, reject }
      if (this.#writing) return
      this.#writing = true
      queueMicrotask(() => this.#writeRound())
    })
  }

  /** Begins anew with an empty file. Only where none is under way. */
  async empty(): Promise<void> {
    await this.#file.truncate(0)
    this.#position = 0
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  #writeRound(): void {
    const count = this.#takeable()
    const buffers = this.#buffers.splice(0, count)
    const waiters = this.#waiters.splice(0, count)
    const expected = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
    if (this.#fillBytes > 0 && this.#position + expected > this.#fillBytes) this.#position = 0
    writev(this.#file.fd, buffers, this.#position, (failed, written) => {
      const error = failed ?? (written === expected ? undefined : new Error(`wrote ${written} of ${expected} bytes`))
      this.#position += written
      this.rounds++
      for (const waiter of waiters) error === undefined ? waiter?.resolve() : waiter?.reject(error)
      if (this.#buffers.length > 0) this.#writeRound()
      else this.#writing = false
    })
  }

  /** How many of the waiting buffers go into one call, ending where an append ends. */
  #takeable(): number {
    if (this.#buffers.length <= mostBuffers) return this.#buffers.length
    let count = mostBuffers
    while (count > 1 && this.#waiters[count - 1] === undefined) count--
    return count
  }
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

async function fillWithZeros(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w')
  const zeros = Buffer.alloc(Math.min(bytes, 1 << 20))
  for (let position = 0; position < bytes; position += zeros.length) {
    await file.write(zeros, 0, Math.min(zeros.length, bytes - position), position)
  }
  await file.sync()
  await file.close()
}
