/** A file as Node reaches it. Callbacks rather than FileHandles on the write path: one allocation less per call. */

import * as fs from 'node:fs'
import { HoldfastError } from '../core/errors.js'
import type { DiskFile } from './disk.js'
import { diskError, errnoOf } from './disk-error.js'
import { durableCalls } from './gate.js'
import { libc } from './libc.js'

/** The most that is filled with zeros, or read ahead, by one call: others wait for their turn in the pool meanwhile. */
const pieceBytes = 1_048_576
let zeros: Buffer | undefined

const { O_DSYNC, O_WRONLY } = fs.constants
const unsupportedErrnos: ReadonlySet<string> = new Set(['EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EINVAL'])

export class NodeFile implements DiskFile {
  readonly path: string
  readonly fd: number
  /** Writes wait for the disk. */
  readonly #dsync: boolean
  #closed = false
  /** What runs beside the owner's own calls, and must have ended before the descriptor's number can go to another file. */
  readonly #beside = new Set<Promise<unknown>>()

  constructor(path: string, fd: number, dsync = false) {
    this.path = path
    this.fd = fd
    this.#dsync = dsync
  }

  protected get isClosed(): boolean {
    return this.#closed
  }

  size(): Promise<number> {
    return this.call('measure', (done) => fs.fstat(this.fd, (error, stat) => done(error, stat?.size)))
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    let filled = 0
    while (filled < buffer.length) {
      const count = await this.call<number>('read', (done) =>
        fs.read(this.fd, buffer, filled, buffer.length - filled, position + filled, done),
      )
      if (count === 0) break
      filled += count
    }
    return filled
  }

  write(buffers: readonly Buffer[], position: number): Promise<void> {
    const writing = () => this.#writeTo(this.fd, buffers, position)
    return this.#dsync ? durableCalls().run(writing) : writing()
  }

  sync(): Promise<void> {
    return durableCalls().run(() => this.call('sync', (done) => fs.fdatasync(this.fd, done)))
  }

  async truncate(length: number): Promise<void> {
    await this.call<void>('truncate', (done) => fs.ftruncate(this.fd, length, done))
    await durableCalls().run(() => this.call<void>('sync', (done) => fs.fsync(this.fd, done)))
  }

  prepare(from: number, to: number, how: 'fallocate' | 'zero'): Promise<void> {
    return this.beside(() => (how === 'zero' ? this.#fillWithZeros(from, to) : this.#reserveBehindEnd(from, to)))
  }

  async warm(from: number, to: number): Promise<void> {
    await this.beside(async () => {
      // Not posix_fadvise: the kernel stops it at the size of its read-ahead window, and does not say so.
      const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(pieceBytes, to - from)))
      for (let at = from; at < to && !this.#closed; at += buffer.length) {
        if ((await this.read(buffer.subarray(0, to - at), at)) < buffer.length) return
      }
    }).catch(() => {})
  }

  async close(): Promise<void> {
    // By the time of a second call the number may belong to another file.
    if (this.#closed) return
    this.#closed = true
    await Promise.allSettled(this.#beside)
    return this.call('close', (done) => fs.close(this.fd, done))
  }

  /** Tells a file that has views of its own that [from, to) came past them. */
  changedBeside(_from: number, _to: number): void {}

  /** Runs `work`, for which `close` waits. @throws CLOSED once that was called */
  protected async beside<T>(work: () => Promise<T>): Promise<T> {
    this.refuseClosed()
    const running = work()
    this.#beside.add(running)
    try {
      return await running
    } finally {
      this.#beside.delete(running)
    }
  }

  protected refuseClosed(): void {
    if (this.#closed) throw new HoldfastError('CLOSED', `${this.path} was closed.`)
  }

  protected call<T>(doing: string, start: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      start((error, value) => {
        if (error) reject(diskError(error, doing, this.path))
        else resolve(value as T)
      })
    })
  }

  async #writeTo(fd: number, buffers: readonly Buffer[], position: number): Promise<void> {
    let rest = buffers
    let at = position
    while (rest.length > 0) {
      const pending = rest
      const written = await this.call<number>('write', (done) => {
        if (pending.length === 1) fs.write(fd, pending[0], 0, pending[0].length, at, done)
        else fs.writev(fd, pending as Buffer[], at, done)
      })
      rest = without(rest, written)
      if (written === 0 && rest.length > 0) {
        throw new HoldfastError('DISK_FAILED', `Could not write ${this.path}: the disk took no bytes.`)
      }
      at += written
    }
  }

  /**
   * Through a descriptor of its own: Linux reports an error of writing back once to each descriptor, so that on a
   * shared one this could be told what a record's write should have been told, and that would pass for durable.
   */
  async #fillWithZeros(from: number, to: number): Promise<void> {
    zeros ??= Buffer.alloc(pieceBytes)
    const own = await this.#openAgain()
    try {
      for (let at = from; at < to && !this.#closed; at += pieceBytes) {
        const piece = [zeros.subarray(0, to - at)]
        await durableCalls().run(() => this.#writeTo(own ?? this.fd, piece, at))
        if (own === undefined) await this.sync()
      }
      this.refuseClosed()
    } finally {
      if (own !== undefined) await this.call('close', (done) => fs.close(own, done))
    }
  }

  /** Another descriptor of this very file, whatever its name is by now; undefined where the system has no such way. */
  #openAgain(): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      if (process.platform !== 'linux') return resolve(undefined)
      fs.open(`/proc/self/fd/${this.fd}`, O_WRONLY | O_DSYNC, (error, own) => {
        if (error === null) resolve(own)
        else if (errnoOf(error) === 'ENOENT') resolve(undefined)
        else reject(diskError(error, 'open', this.path))
      })
    })
  }

  async #reserveBehindEnd(from: number, to: number): Promise<void> {
    const start = Math.max(from, await this.size())
    if (start >= to) return
    await libc()
      ?.reserve(this.fd, start, to - start)
      .catch((error) => {
        if (!unsupportedErrnos.has(errnoOf(error) ?? '')) throw diskError(error, 'reserve space in', this.path)
      })
  }
}

/** What is left of `buffers` after their first `written` bytes. */
function without(buffers: readonly Buffer[], written: number): readonly Buffer[] {
  let left = written
  for (let i = 0; i < buffers.length; i++) {
    if (left < buffers[i].length) return [buffers[i].subarray(left), ...buffers.slice(i + 1)]
    left -= buffers[i].length
  }
  return []
}
