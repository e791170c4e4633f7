/** A file of the simulated disk as somebody has it open. */

import { HoldfastError } from '../../src/core/errors.js'
import type { DiskFile } from '../../src/files/disk.js'
import type { MemoryDisk } from '../memory-disk.js'
import type { DiskOperation } from './faults.js'
import type { Begun, Inode } from './inode.js'

/** By what a mapped file grows: little, so that a test passes many borders. */
const reservedBytes = 4096

export interface HowOpened {
  readonly dsync: boolean
  readonly mapped: boolean
  readonly mostBytes?: number
}

export class MemoryFile implements DiskFile {
  readonly path: string
  readonly #disk: MemoryDisk
  readonly #inode: Inode
  readonly #how: HowOpened
  #isClosed = false
  /** What may run while somebody closes the file, which waits for it. */
  readonly #beside = new Set<Promise<unknown>>()

  constructor(disk: MemoryDisk, path: string, inode: Inode, how: HowOpened) {
    this.#disk = disk
    this.path = path
    this.#inode = inode
    this.#how = how
  }

  async size(): Promise<number> {
    await this.#look('size')
    return this.#inode.content.length
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    await this.#look('read', buffer.length)
    this.#disk.mayEvict(this.#inode, this.path)
    return this.#inode.content.slice(position).copy(buffer)
  }

  async write(buffers: readonly Buffer[], position: number): Promise<void> {
    this.#need('write')
    await this.#disk.whilePowered()
    await this.#write(this.#inode.begin(buffers, position), this.#how.dsync)
  }

  async sync(): Promise<void> {
    this.#need('sync')
    const covered = this.#inode.covered()
    await this.#step('sync')
    this.#disk.settle(this.#inode, covered, this.path)
    await this.#step('sync')
  }

  async truncate(length: number): Promise<void> {
    this.#need('truncate')
    await this.#step('truncate', length)
    const fault = this.#disk.ask('truncate', this.path, length)
    if (fault?.effect === 'none') throw this.#disk.error(fault, 'truncate', this.path)
    if (this.#inode.mappedLengths.some((mapped) => mapped > length)) {
      this.#disk.misused(`${this.path} was cut to ${length} while it was mapped`)
    }
    const cut = this.#inode.cut(length)
    if (fault !== undefined) throw this.#disk.error(fault, 'truncate', this.path)
    await this.#step('truncate', length)
    this.#disk.settle(this.#inode, new Set([cut.number]), this.path)
  }

  prepare(from: number, to: number, how: 'fallocate' | 'zero'): Promise<void> {
    return this.#aside(async () => {
      if (from >= to) return
      if (how === 'zero') {
        await this.#disk.whilePowered()
        await this.#write(this.#inode.begin([Buffer.alloc(to - from)], from), true, 'prepare')
        return
      }
      await this.#disk.step('prepare', this.path, to - from)
      const fault = this.#disk.ask('prepare', this.path, to - from)
      if (fault !== undefined) {
        if (fault.effect !== 'none') this.#inode.reserve(this.#disk.upTo(fault, to))
        throw this.#disk.error(fault, 'prepare', this.path)
      }
      this.#reserve(to)
      await this.#disk.step('prepare', this.path, to - from)
    })
  }

  async warm(from: number, to: number): Promise<void> {
    await this.#aside(() => this.#disk.look('warm', this.path, to - from)).catch(() => {})
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#disk.openFiles--
    await Promise.allSettled(this.#beside)
    await this.#disk.look('close', this.path)
    const fault = this.#disk.ask('close', this.path)
    if (fault !== undefined) throw this.#disk.error(fault, 'close', this.path)
  }

  async #write(begun: Begun, isDurable: boolean, operation: 'write' | 'prepare' = 'write'): Promise<void> {
    const { position, length } = begun
    const inode = this.#inode
    await this.#disk.step(operation, this.path, length)
    const fault = this.#disk.ask(operation, this.path, length)
    const landing = fault === undefined ? this.#room(position, length) : this.#disk.upTo(fault, length)
    const written = inode.land(begun, landing)
    if (fault !== undefined) throw this.#disk.error(fault, operation, this.path)
    if (landing < length) throw this.#disk.error({ errno: 'ENOSPC' }, operation, this.path)
    await this.#disk.step(operation, this.path, length)
    if (operation === 'write') this.#refuseClosed(operation)
    if (isDurable && written !== undefined) this.#disk.settle(inode, new Set([written.number]), this.path)
  }

  /** How much of a write the disk takes. A mapped file has its space before its bytes. */
  #room(position: number, length: number): number {
    const end = position + length
    const { mapped, mostBytes = Number.POSITIVE_INFINITY } = this.#how
    if (mapped && length > 0 && end > this.#inode.content.length) {
      const piece = Math.min(Math.ceil(end / reservedBytes) * reservedBytes, mostBytes)
      const reserved = this.#disk.fits(this.#inode, this.#inode.content.length, piece) ? piece : end
      if (!this.#disk.fits(this.#inode, position, reserved)) return 0
      this.#inode.reserve(reserved)
    }
    return this.#disk.fitting(this.#inode, position, end)
  }

  #reserve(to: number): void {
    const { length } = this.#inode.content
    if (to > length && !this.#disk.fits(this.#inode, length, to)) {
      throw this.#disk.error({ errno: 'ENOSPC' }, 'prepare', this.path)
    }
    this.#inode.reserve(to)
  }

  /** A file that is used after it was closed is a mistake of the caller's, which a real disk may not notice. */
  #need(operation: DiskOperation): void {
    if (this.#isClosed) throw this.#disk.misused(`${operation} of ${this.path} after it was closed`)
  }

  #refuseClosed(operation: DiskOperation): void {
    if (this.#isClosed) throw this.#disk.misused(`${this.path} was closed under a ${operation}`)
  }

  async #step(operation: DiskOperation, bytes = 0): Promise<void> {
    await this.#disk.step(operation, this.path, bytes)
    this.#refuseClosed(operation)
  }

  async #look(operation: DiskOperation, bytes = 0): Promise<void> {
    this.#need(operation)
    await this.#disk.look(operation, this.path, bytes)
    this.#refuseClosed(operation)
    const fault = this.#disk.ask(operation, this.path, bytes)
    if (fault !== undefined) throw this.#disk.error(fault, operation, this.path)
  }

  async #aside<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new HoldfastError('CLOSED', `${this.path} was closed.`)
    const running = work()
    this.#beside.add(running)
    try {
      return await running
    } finally {
      this.#beside.delete(running)
    }
  }
}
