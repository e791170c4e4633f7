/**
 * A disk that does what it is told to do wrong: it stands before another disk, shows every call to a judge, and fails,
 * shortens or holds back those that the judge names. It also counts, so that a test can fail the Nth call for every N.
 *
 * The faults are those that the contract of `Disk` allows: a failed write may have written any part of its bytes, a
 * failed replaceFile may leave its `.tmp` behind, a failed prepare or copyRange may have done a part, a failed rename or
 * removal has not happened. A warm that fails is silent, a populate that fails says false.
 */

import { HoldfastError } from '../src/core/errors.js'
import type {
  DirectoryEntry,
  Disk,
  DiskFile,
  DiskLock,
  DiskSpace,
  FileStat,
  Mapping,
  OpenOptions,
} from '../src/files/disk.js'
import { diskError } from '../src/files/disk-error.js'
import type { DiskOperation, Errno } from './disk/faults.js'

export type { DiskOperation } from './disk/faults.js'

export interface DiskCall {
  readonly operation: DiskOperation
  readonly path: string
  /** The how-manieth call it is, from 1 on. */
  readonly number: number
  /** Bytes asked for or given, where the call has some. */
  readonly bytes: number
}

/** An errno ends the call with that error; nothing lets it through. The call waits until the promise settles. */
export type Verdict = Errno | undefined
export type Judge = (call: DiskCall) => Verdict | Promise<Verdict>

export class FaultDisk implements Disk {
  readonly #inner: Disk
  readonly supportsDsync: boolean
  readonly supportsMapping: boolean
  readonly calls: DiskCall[] = []
  /** Of syncs, by directory. */
  readonly #failures = new Map<string, number>()
  judge: Judge
  openFiles = 0
  mappings = 0

  constructor(
    inner: Disk,
    judge: Judge = () => undefined,
    options: { supportsDsync?: boolean; supportsMapping?: boolean } = {},
  ) {
    this.#inner = inner
    this.judge = judge
    this.supportsDsync = options.supportsDsync ?? inner.supportsDsync
    this.supportsMapping = options.supportsMapping ?? inner.supportsMapping
  }

  /** How many calls of `operation` there were, on paths that end in `suffix`. */
  count(operation: DiskOperation, suffix = ''): number {
    return this.calls.filter((call) => call.operation === operation && call.path.endsWith(suffix)).length
  }

  async open(path: string, options: OpenOptions): Promise<DiskFile> {
    await this.ask('open', path)
    const dsync = options.dsync === true && this.supportsDsync
    if (options.mapped && !this.supportsMapping) {
      throw new HoldfastError('MMAP_UNAVAILABLE', `${path} cannot be mapped on this disk.`)
    }
    const file = await this.#inner.open(path, { ...options, dsync })
    this.openFiles++
    return new FaultFile(this, file)
  }

  async map(path: string): Promise<Mapping> {
    if (!this.supportsMapping) throw new HoldfastError('MMAP_UNAVAILABLE', `${path} cannot be mapped on this disk.`)
    await this.ask('map', path)
    const mapping = await this.#inner.map(path)
    this.mappings++
    let mapped = true
    return {
      bytes: mapping.bytes,
      populate: async (from, to) => {
        const allowed = await this.ask('populate', path, to - from).then(
          () => true,
          () => false,
        )
        return allowed && (await mapping.populate(from, to))
      },
      unmap: () => {
        if (mapped) this.mappings--
        mapped = false
        mapping.unmap()
      },
    }
  }

  async copyRange(from: DiskFile, fromPosition: number, to: DiskFile, toPosition: number, length: number) {
    const source = innerOf(from)
    const target = innerOf(to)
    try {
      await this.ask('copyRange', to.path, length)
    } catch (error) {
      await this.#inner.copyRange(source, fromPosition, target, toPosition, Math.floor((length * 2) / 3))
      throw error
    }
    await this.#inner.copyRange(source, fromPosition, target, toPosition, length)
  }

  space(path: string): Promise<DiskSpace | undefined> {
    return this.#inner.space(path)
  }

  async readFile(path: string): Promise<Buffer | undefined> {
    await this.ask('readFile', path)
    return this.#inner.readFile(path)
  }

  async replaceFile(path: string, bytes: Buffer): Promise<void> {
    try {
      await this.ask('replaceFile', path, bytes.length)
    } catch (error) {
      await this.#leaveAside(path, bytes)
      throw error
    }
    return this.#inner.replaceFile(path, bytes)
  }

  /** Half of what was to be written lies beside the file that stays. */
  async #leaveAside(path: string, bytes: Buffer): Promise<void> {
    const aside = await this.#inner.open(`${path}.tmp`, { mode: 'create' })
    await aside.write([bytes.subarray(0, bytes.length >> 1)], 0)
    await aside.close()
  }

  async stat(path: string): Promise<FileStat | undefined> {
    await this.ask('stat', path)
    return this.#inner.stat(path)
  }

  async link(from: string, to: string): Promise<boolean> {
    await this.ask('link', to)
    return this.#inner.link(from, to)
  }

  async list(path: string): Promise<readonly DirectoryEntry[] | undefined> {
    await this.ask('list', path)
    return this.#inner.list(path)
  }

  async makeDirectory(path: string): Promise<void> {
    await this.ask('makeDirectory', path)
    return this.#inner.makeDirectory(path)
  }

  async rename(from: string, to: string): Promise<void> {
    await this.ask('rename', from)
    return this.#inner.rename(from, to)
  }

  async remove(path: string): Promise<void> {
    await this.ask('remove', path)
    return this.#inner.remove(path)
  }

  async syncDirectory(path: string): Promise<void> {
    await this.ask('syncDirectory', path).catch((error: unknown) => {
      this.#failures.set(path, (this.#failures.get(path) ?? 0) + 1)
      throw error
    })
    return this.#inner.syncDirectory(path)
  }

  failedSyncs(path: string): number {
    return (this.#failures.get(path) ?? 0) + this.#inner.failedSyncs(path)
  }

  async lock(path: string): Promise<DiskLock> {
    await this.ask('lock', path)
    return this.#inner.lock(path)
  }

  /** Shows the call to the judge. @throws as a disk does, where the verdict is an errno */
  async ask(operation: DiskOperation, path: string, bytes = 0): Promise<void> {
    const call: DiskCall = { operation, path, bytes, number: this.calls.length + 1 }
    this.calls.push(call)
    const errno = await this.judge(call)
    if (errno === undefined) return
    throw diskError(Object.assign(new Error(`${errno}: injected`), { code: errno }), operation, path)
  }
}

/** The file as the disk behind knows it. */
function innerOf(file: DiskFile): DiskFile {
  return file instanceof FaultFile ? file.inner : file
}

class FaultFile implements DiskFile {
  readonly path: string
  readonly #disk: FaultDisk
  readonly inner: DiskFile
  #closed = false

  constructor(disk: FaultDisk, inner: DiskFile) {
    this.#disk = disk
    this.inner = inner
    this.path = inner.path
  }

  async size(): Promise<number> {
    await this.#ask('size')
    return this.inner.size()
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    await this.#ask('read', buffer.length)
    return this.inner.read(buffer, position)
  }

  async write(buffers: readonly Buffer[], position: number): Promise<void> {
    const all = Buffer.concat(buffers)
    try {
      await this.#ask('write', all.length)
    } catch (error) {
      // As a disk that fills up does: a part is there, and the rest is refused.
      await this.inner.write([all.subarray(0, (all.length * 2) / 3)], position)
      throw error
    }
    await this.inner.write(buffers, position)
  }

  async sync(): Promise<void> {
    await this.#ask('sync')
    await this.inner.sync()
  }

  async truncate(length: number): Promise<void> {
    await this.#ask('truncate', length)
    await this.inner.truncate(length)
  }

  async prepare(from: number, to: number, how: 'fallocate' | 'zero'): Promise<void> {
    try {
      await this.#ask('prepare', to - from)
    } catch (error) {
      await this.inner.prepare(from, from + Math.floor(((to - from) * 2) / 3), how)
      throw error
    }
    await this.inner.prepare(from, to, how)
  }

  async warm(from: number, to: number, how: 'touch' | 'lock'): Promise<void> {
    const allowed = await this.#ask('warm', to - from).then(
      () => true,
      () => false,
    )
    if (allowed) await this.inner.warm(from, to, how)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#disk.openFiles--
    // The descriptor is gone even where closing it reports an error.
    await this.inner.close()
    await this.#disk.ask('close', this.path)
  }

  /** A file that is used after it was closed is a mistake of the caller's, which a real disk may not notice. */
  async #ask(operation: DiskOperation, bytes = 0): Promise<void> {
    if (this.#closed) throw new Error(`${operation} of ${this.path} after it was closed`)
    await this.#disk.ask(operation, this.path, bytes)
    if (this.#closed) throw new Error(`${this.path} was closed under a ${operation}`)
  }
}
