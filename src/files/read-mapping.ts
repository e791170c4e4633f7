/** A file mapped for reading. It holds no descriptor: the mapping keeps the file alive, also one that has lost its name. */

import * as fsp from 'node:fs/promises'
import { HoldfastError } from '../core/errors.js'
import type { Mapping } from './disk.js'
import { diskError } from './disk-error.js'
import { type Libc, libc, pageBytes } from './libc.js'

/** @throws MMAP_UNAVAILABLE where libc cannot be reached */
export function libcForMapping(path: string): Libc {
  const system = libc()
  if (system !== undefined) return system
  throw new HoldfastError(
    'MMAP_UNAVAILABLE',
    `${path} cannot be mapped into memory: that takes Linux with glibc, the package koffi, and HOLDFAST_NO_LIBC not set to 1. Set file.engine=disk, which needs none of them.`,
  )
}

export async function mapForReading(path: string): Promise<Mapping> {
  const system = libcForMapping(path)
  try {
    const handle = await fsp.open(path, 'r')
    try {
      const { size } = await handle.stat()
      if (size === 0) throw new HoldfastError('DISK_FAILED', `Could not map ${path}: it is empty.`)
      return new ReadMapping(system, system.map(handle.fd, 0, size, 'read'), size)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw diskError(error, 'map', path)
  }
}

class ReadMapping implements Mapping {
  readonly bytes: Buffer
  readonly #system: Libc
  readonly #address: number
  readonly #length: number
  #populating = 0
  #unmapped = false

  constructor(system: Libc, address: number, length: number) {
    this.#system = system
    this.#address = address
    this.#length = length
    this.bytes = system.view(address, length)
  }

  async populate(from: number, to: number): Promise<boolean> {
    if (this.#unmapped) return false
    const start = Math.max(0, from - (from % pageBytes))
    const end = Math.min(to, this.#length)
    if (start >= end) return true
    // Nearly always so for what was written or read lately; the way through the pool would cost more than the answer.
    if (this.#system.isResident(this.#address + start, end - start)) return true
    this.#populating++
    try {
      await this.#system.populate(this.#address + start, end - start, 'read')
      return !this.#unmapped
    } catch {
      // A kernel before 5.14, or pages that cannot be read: touching them would be a signal, reading them is an error.
      return false
    } finally {
      this.#populating--
      this.#release()
    }
  }

  residentBytes(to: number): number {
    const length = Math.min(to, this.#length)
    if (this.#unmapped || length <= 0) return 0
    return Math.min(length, this.#system.residentBytes(this.#address, length))
  }

  unmap(): void {
    if (this.#unmapped) return
    this.#unmapped = true
    this.#release()
  }

  /** Once, and not under a populate: by then another mapping may lie at the address. */
  #release(): void {
    if (!this.#unmapped || this.#populating > 0) return
    // It fails only where the address is none of ours, and then there is nothing to give back.
    this.#system.unmap(this.#address, this.#length).catch(() => {})
  }
}
