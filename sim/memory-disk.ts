/**
 * A disk in memory that can lose power.
 *
 * THE FAULTS IT MODELS. Power fails at a step that the test chooses; from then on no call of the old disk is ever
 * answered, and `afterCrash` gives the disk that is found afterwards (`afterKill` the one where only the process died):
 * - bytes that were synced, or written to a dsync file by a call that returned, are there;
 * - of other writes any subset of 512-byte sectors is there, what is missing reads as it was before, or as zeros where
 *   the file grew; the length is any that the file had since its last sync;
 * - names that were created, renamed or removed since the last sync of their directory are there or not, each by itself;
 *   a rename is one step: it happened or it did not;
 * - replaceFile leaves the old file or the new one;
 * - a mapped file grows by whole pieces, so that it ends in zeros which nobody wrote; what was copied into it is not safer
 *   than what was written;
 * - zeros of `prepare` are durable when it returns, alone and without the writes beside them; of a reservation not even
 *   the length is;
 * - the bytes of a mapping turn to rubbish when it is unmapped, where a real one would end the process.
 * What it does not model: bits that rot, sectors that land elsewhere, a disk that lies about a sync.
 */

import { basename, dirname } from 'node:path'
import { systemClock } from '../src/core/clock.js'
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
import type { SeededRandomness } from './seeded-randomness.js'

const sectorBytes = 512
/** By what a mapped file grows: little, so that a test passes many borders. */
const reservedBytes = 4096
/** What is read from a mapping that is gone. */
const rubbish = 0xdd

interface PendingWrite {
  readonly position: number
  readonly bytes: Buffer
}

let inodes = 0

class Inode {
  readonly number = ++inodes
  /** Grows with each change. */
  changes = 0
  /** As a reader sees it. */
  content: Buffer
  /** As it is on stable storage. */
  durable: Buffer
  pending: PendingWrite[] = []

  constructor(content: Buffer = Buffer.alloc(0)) {
    this.content = content
    this.durable = content
  }

  write(bytes: Buffer, position: number): void {
    this.changes++
    this.content = overlaid(this.content, bytes, position)
    this.pending.push({ position, bytes })
  }

  /** What a sync that begins now will have made durable when it returns. */
  mark(): { readonly content: Buffer; readonly writes: number } {
    return { content: this.content, writes: this.pending.length }
  }

  settle({ content, writes } = this.mark()): void {
    this.durable = content
    this.pending = this.pending.slice(writes)
  }

  /** Reserves: the file is longer from now on, and nothing else was done. */
  grow(length: number): void {
    if (length > this.content.length) this.write(Buffer.alloc(0), length)
  }

  /** Makes [from, to) durable as it was at `mark`, and no byte beside it; the length reaches at least to its end. */
  settleRange(from: number, to: number, { content, writes }: { content: Buffer; writes: number }): void {
    this.durable = overlaid(this.durable, content.subarray(from, to), from)
    const before = this.pending.slice(0, writes).flatMap(({ position, bytes }) => {
      const end = position + bytes.length
      if (bytes.length === 0 || end <= from || position >= to) return [{ position, bytes }]
      const head = { position, bytes: bytes.subarray(0, Math.max(0, from - position)) }
      const tail = { position: Math.min(end, to), bytes: bytes.subarray(Math.min(bytes.length, to - position)) }
      return [head, tail].filter((part) => part.bytes.length > 0)
    })
    this.pending = [...before, ...this.pending.slice(writes)]
  }

  /** What a crash leaves of it. */
  crashed(random: SeededRandomness): Buffer {
    let content = this.durable
    for (const { position, bytes } of this.pending) {
      // The length may have reached the disk without the bytes, and the bytes of the front without those of the back.
      const grown = random.once(3)
        ? Math.max(content.length, position + random.below(bytes.length + 1))
        : content.length
      let next = overlaid(content, Buffer.alloc(0), grown)
      for (let at = 0; at < bytes.length; ) {
        const sectorEnd = Math.min(bytes.length, at + sectorBytes - ((position + at) % sectorBytes))
        if (!random.once(2)) next = overlaid(next, bytes.subarray(at, sectorEnd), position + at)
        at = sectorEnd
      }
      content = next
    }
    return content
  }
}

type Node = Inode | Directory

type Change =
  | { readonly kind: 'add'; readonly name: string; readonly node: Node }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }

class Directory {
  readonly entries = new Map<string, Node>()
  durable = new Map<string, Node>()
  pending: Change[] = []

  change(change: Change): void {
    apply(this.entries, change)
    this.pending.push(change)
  }

  namesOf(inode: Inode): number {
    let names = 0
    for (const node of this.entries.values())
      names += node instanceof Directory ? node.namesOf(inode) : Number(node === inode)
    return names
  }

  /** Of all files in it and below, each name counted. */
  get sizeInBytes(): number {
    let bytes = 0
    for (const node of this.entries.values())
      bytes += node instanceof Directory ? node.sizeInBytes : node.content.length
    return bytes
  }

  settle(): void {
    this.durable = new Map(this.entries)
    this.pending = []
  }

  /** `survivors`: a file with several names is one file afterwards too. */
  crashed(random: SeededRandomness, survivors = new Map<Inode, Inode>()): Directory {
    const names = new Map(this.durable)
    for (const change of this.pending) if (!random.once(2)) apply(names, change)
    const found = new Directory()
    for (const [name, node] of names) {
      if (node instanceof Directory) found.entries.set(name, node.crashed(random, survivors))
      else {
        const survivor = survivors.get(node) ?? new Inode(node.crashed(random))
        survivors.set(node, survivor)
        found.entries.set(name, survivor)
      }
    }
    found.durable = new Map(found.entries)
    return found
  }
}

function apply(names: Map<string, Node>, change: Change): void {
  if (change.kind === 'add') names.set(change.name, change.node)
  else if (change.kind === 'remove') names.delete(change.name)
  else {
    const node = names.get(change.from)
    if (node === undefined) return
    names.delete(change.from)
    names.set(change.to, node)
  }
}

/** `content` with `bytes` laid over it from `position` on, grown by zeros where it must. */
function overlaid(content: Buffer, bytes: Buffer, position: number): Buffer {
  const result = Buffer.alloc(Math.max(content.length, position + bytes.length))
  content.copy(result)
  bytes.copy(result, position)
  return result
}

export class MemoryDisk implements Disk {
  readonly supportsDsync: boolean
  readonly supportsMapping: boolean
  /** What `space` says of its size; it can be told another, and refuses no write. Undefined: it does not tell. */
  capacityBytes: number | undefined
  /** Mappings that nobody has unmapped. */
  mappings = 0
  readonly #root: Directory
  readonly #locked = new Set<string>()
  #steps = 0
  #crashAt = Number.POSITIVE_INFINITY
  #whenCrashed: () => void = () => {}

  constructor(options: { supportsDsync?: boolean; supportsMapping?: boolean } = {}, root = new Directory()) {
    this.supportsDsync = options.supportsDsync ?? true
    this.supportsMapping = options.supportsMapping ?? true
    this.#root = root
  }

  /** Steps so far: each call that changes something has two, one before it is done and one before it is answered. */
  get steps(): number {
    return this.#steps
  }

  /** The power is gone. */
  get hasCrashed(): boolean {
    return this.#steps >= this.#crashAt
  }

  /** Takes the power away at the `steps`th step from now on; resolves when it has happened. */
  crashAfter(steps: number): Promise<void> {
    this.#crashAt = this.#steps + steps
    return new Promise((resolve) => {
      this.#whenCrashed = resolve
    })
  }

  /** The disk as the next process finds it where only the process died: the page cache is still there, and as unsynced as before. */
  afterKill(): MemoryDisk {
    return new MemoryDisk(this, this.#root)
  }

  /** The disk as it is found after the power failed. */
  afterCrash(random: SeededRandomness): MemoryDisk {
    return new MemoryDisk(this, this.#root.crashed(random))
  }

  /** Lets other work come in between, and never returns once the power is gone. */
  async step(): Promise<void> {
    this.#steps++
    if (this.#steps === this.#crashAt) this.#whenCrashed()
    await new Promise<void>((resolve) => systemClock.soon(resolve))
    if (this.#steps >= this.#crashAt) await new Promise<never>(() => {})
  }

  async open(path: string, { mode, dsync, mapped, mostBytes }: OpenOptions): Promise<DiskFile> {
    if (mapped) this.#needMapping(path)
    await this.step()
    const directory = this.#directory(dirname(path))
    let inode = directory?.entries.get(basename(path))
    if (inode === undefined && mode === 'create' && directory !== undefined) {
      inode = new Inode()
      directory.change({ kind: 'add', name: basename(path), node: inode })
    }
    if (!(inode instanceof Inode)) throw missing('open', path)
    const isDsync = dsync === true && this.supportsDsync
    return new MemoryFile(this, path, inode, { dsync: isDsync, mapped: mapped === true, mostBytes })
  }

  async space(): Promise<DiskSpace | undefined> {
    const totalBytes = this.capacityBytes
    return totalBytes === undefined ? undefined : { totalBytes, freeBytes: totalBytes - this.#root.sizeInBytes }
  }

  async map(path: string): Promise<Mapping> {
    this.#needMapping(path)
    await this.step()
    const inode = this.#directory(dirname(path))?.entries.get(basename(path))
    if (!(inode instanceof Inode)) throw missing('map', path)
    if (inode.content.length === 0) throw new HoldfastError('DISK_FAILED', `Could not map ${path}: it is empty.`)
    const bytes = Buffer.from(inode.content)
    let mapped = true
    this.mappings++
    return {
      bytes,
      // What was written meanwhile shows, as it does in the page cache; what was cut away cannot be had.
      populate: async (from, to) => {
        await new Promise<void>((resolve) => systemClock.soon(resolve))
        if (!mapped || to > inode.content.length) return false
        inode.content.copy(bytes, from, from, Math.min(to, bytes.length))
        return true
      },
      unmap: () => {
        if (!mapped) return
        mapped = false
        this.mappings--
        bytes.fill(rubbish)
      },
    }
  }

  async copyRange(from: DiskFile, fromPosition: number, to: DiskFile, toPosition: number, length: number) {
    const bytes = Buffer.alloc(length)
    if ((await from.read(bytes, fromPosition)) < length) {
      throw new HoldfastError('DISK_FAILED', `Could not copy from ${from.path}: it ends early.`)
    }
    await to.write([bytes], toPosition)
  }

  async readFile(path: string): Promise<Buffer | undefined> {
    const inode = this.#directory(dirname(path))?.entries.get(basename(path))
    return inode instanceof Inode ? Buffer.from(inode.content) : undefined
  }

  async replaceFile(path: string, bytes: Buffer): Promise<void> {
    await this.step()
    const directory = this.#existing(dirname(path))
    const change: Change = { kind: 'add', name: basename(path), node: new Inode(Buffer.from(bytes)) }
    directory.change(change)
    await this.step()
    // It ends with a sync of the directory, which makes every name in it durable.
    directory.settle()
  }

  async stat(path: string): Promise<FileStat | undefined> {
    const inode = this.#directory(dirname(path))?.entries.get(basename(path))
    if (!(inode instanceof Inode)) return undefined
    const names = this.#root.namesOf(inode)
    const { length } = inode.content
    return {
      sizeInBytes: length,
      names,
      modifiedMs: inode.changes,
      version: `${inode.number}-${inode.changes}-${length}`,
    }
  }

  async link(from: string, to: string): Promise<boolean> {
    await this.step()
    const inode = this.#directory(dirname(from))?.entries.get(basename(from))
    if (!(inode instanceof Inode)) throw missing('link', from)
    this.#existing(dirname(to)).change({ kind: 'add', name: basename(to), node: inode })
    await this.step()
    return true
  }

  async list(path: string): Promise<readonly DirectoryEntry[] | undefined> {
    const directory = this.#directory(path)
    return directory && [...directory.entries].map(([name, node]) => ({ name, isDirectory: node instanceof Directory }))
  }

  async makeDirectory(path: string): Promise<void> {
    await this.step()
    let directory = this.#root
    for (const name of path.split('/').filter((part) => part !== '')) {
      let next = directory.entries.get(name)
      if (next === undefined) {
        next = new Directory()
        directory.change({ kind: 'add', name, node: next })
        await this.step()
        directory.settle()
      }
      directory = next as Directory
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await this.step()
    const [source, target] = [this.#existing(dirname(from)), this.#existing(dirname(to))]
    const node = source.entries.get(basename(from))
    if (source === target) source.change({ kind: 'rename', from: basename(from), to: basename(to) })
    else if (node !== undefined) {
      // The new name first: no crash leaves a file without any.
      target.change({ kind: 'add', name: basename(to), node })
      target.settle()
      source.change({ kind: 'remove', name: basename(from) })
    }
    await this.step()
  }

  async remove(path: string): Promise<void> {
    await this.step()
    this.#existing(dirname(path)).change({ kind: 'remove', name: basename(path) })
    await this.step()
  }

  async syncDirectory(path: string): Promise<void> {
    await this.step()
    this.#existing(path).settle()
    await this.step()
  }

  async lock(path: string): Promise<DiskLock> {
    if (this.#locked.has(path)) throw new HoldfastError('DATA_DIR_LOCKED', `${path} is held.`)
    this.#locked.add(path)
    return { release: async () => void this.#locked.delete(path) }
  }

  #needMapping(path: string): void {
    if (!this.supportsMapping) throw new HoldfastError('MMAP_UNAVAILABLE', `${path} cannot be mapped on this disk.`)
  }

  #existing(path: string): Directory {
    const directory = this.#directory(path)
    if (directory === undefined) throw new HoldfastError('DISK_FAILED', `There is no directory ${path}.`)
    return directory
  }

  #directory(path: string): Directory | undefined {
    let directory: Node | undefined = this.#root
    for (const name of path.split('/').filter((part) => part !== '')) {
      directory = directory instanceof Directory ? directory.entries.get(name) : undefined
    }
    return directory instanceof Directory ? directory : undefined
  }
}

class MemoryFile implements DiskFile {
  readonly path: string
  readonly #disk: MemoryDisk
  readonly #inode: Inode
  readonly #dsync: boolean
  readonly #mapped: boolean
  readonly #mostBytes: number

  constructor(
    disk: MemoryDisk,
    path: string,
    inode: Inode,
    { dsync, mapped, mostBytes = Number.POSITIVE_INFINITY }: { dsync: boolean; mapped: boolean; mostBytes?: number },
  ) {
    this.#disk = disk
    this.path = path
    this.#inode = inode
    this.#dsync = dsync
    this.#mapped = mapped
    this.#mostBytes = mostBytes
  }

  async size(): Promise<number> {
    return this.#inode.content.length
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    const { content } = this.#inode
    return position < content.length ? content.copy(buffer, 0, position) : 0
  }

  async write(buffers: readonly Buffer[], position: number): Promise<void> {
    await this.#disk.step()
    // A copy: what the caller does with its bytes afterwards is its own business.
    const bytes = Buffer.concat(buffers)
    if (bytes.length > 0) {
      const end = position + bytes.length
      if (this.#mapped) this.#inode.grow(Math.min(Math.ceil(end / reservedBytes) * reservedBytes, this.#mostBytes))
      this.#inode.write(bytes, position)
    }
    const mark = this.#inode.mark()
    await this.#disk.step()
    if (this.#dsync) this.#inode.settle(mark)
  }

  async sync(): Promise<void> {
    const mark = this.#inode.mark()
    await this.#disk.step()
    this.#inode.settle(mark)
    await this.#disk.step()
  }

  async truncate(length: number): Promise<void> {
    await this.#disk.step()
    this.#inode.changes++
    const { content } = this.#inode
    this.#inode.content = overlaid(content.subarray(0, length), Buffer.alloc(0), length)
    this.#inode.settle()
    await this.#disk.step()
  }

  async prepare(from: number, to: number, how: 'fallocate' | 'zero'): Promise<void> {
    if (from >= to) return
    await this.#disk.step()
    if (how === 'fallocate') this.#inode.grow(to)
    else this.#inode.write(Buffer.alloc(to - from), from)
    const mark = this.#inode.mark()
    await this.#disk.step()
    if (how === 'zero') this.#inode.settleRange(from, to, mark)
  }

  async warm(): Promise<void> {}

  async close(): Promise<void> {}
}

/** As the system says it. */
function missing(doing: string, path: string): HoldfastError {
  return diskError(Object.assign(new Error('ENOENT'), { code: 'ENOENT' }), doing, path)
}
