/**
 * A disk in memory that can lose power, and that fails as disks do. It keeps the weakest promises that file systems give
 * and that the contract of `Disk` lets through; a test that passes on it leans on nothing else.
 *
 * WHEN THE POWER FAILS, at a step that the test chooses or whenever a scheduler stops to answer, no call of the old disk
 * is answered any more, and `afterCrash` gives the disk that is found (`afterKill` the one where only the process died):
 * - bytes that were synced, or written to a dsync file by a call that returned, are there, and the length to read them;
 *   neither says anything about bytes beside them;
 * - of other writes, also of those that are under way, any subset of 512-byte sectors is there, in any order; what is
 *   missing reads as it was before, or as zeros where the file grew; the length is any that the file had since its last
 *   sync. So a file that was created, filled and named durably, and never synced, may be empty, zeros, or part of it;
 * - names that were created, renamed or removed since the last sync of their directory are there or not, each by itself,
 *   whatever happened to the same name later; a rename is one step, also from one directory into another;
 * - a sync of a directory makes the names durable that were there when it began, and not a byte of the files; the name of
 *   a new directory is durable with its parent;
 * - replaceFile leaves the old file or the new one, and beside it a `.tmp` with any part of its bytes; a directory that is
 *   being removed may be left with any part of what was in it;
 * - a mapped file grows by whole pieces, so that it ends in zeros which nobody wrote; what was copied into it is not safer
 *   than what was written;
 * - zeros of `prepare` are durable when it returns, alone and without the writes beside them; of a reservation not even
 *   the length is.
 * When only the process dies, all that returned is in the page cache, as unsynced as before, and of a write that was under
 * way any front of it.
 *
 * WHILE IT RUNS, `faults` may let any call fail, before, after or half way through its effect (see ./disk/faults.ts):
 * - a sync (of a file, a directory, or at the end of a dsync write) that fails has brought any sectors, or names, of what
 *   it covers to the disk; the rest never gets there, later syncs succeed, and everybody reads the new bytes until the
 *   power fails or, at a moment of the disk's choice, the page cache forgets them;
 * - a write that fails has written nothing, all, or any front of it;
 * - a full disk (`capacityBytes` with `refuses`) takes what fits of a write and refuses the rest; or takes all, and the
 *   sync fails. What overwrites bytes that have space needs none; a hole has none. Space comes back with a file's last name.
 * With `pace` each step of each call, also of reading, waits for the promise that it gives, so that whoever resolves them
 * decides the order of everything; without it a step is a turn of the event loop, and reading takes none.
 *
 * The bytes of a mapping turn to rubbish when it is unmapped, where a real one would end the process; bytes are taken
 * from the caller's buffers when the write happens, not when it is asked for. Using a closed file is an error, and in
 * `misuses`, as is shortening a mapped one.
 *
 * What it does not model: bits that rot, sectors that land elsewhere, a disk that lies about a sync which it answered
 * with success before any failed; sectors torn inside, or that take their neighbours along; SIGBUS; reads that see half of
 * a write; a rename that leaves both names or none; space of unlinked files that are still open, and of directories.
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
import { makeSurely } from '../src/files/sure-names.js'
import { Directory, type Node, type Numbers } from './disk/directory.js'
import type { DiskFaults, DiskOperation, Fault } from './disk/faults.js'
import { Image } from './disk/image.js'
import { Inode } from './disk/inode.js'
import { MemoryFile } from './disk/memory-file.js'
import type { SeededRandomness } from './seeded-randomness.js'

/** What is read from a mapping that is gone. */
const rubbish = 0xdd

export interface MemoryDiskOptions {
  readonly supportsDsync?: boolean
  readonly supportsMapping?: boolean
  /** When the next step of a call happens; the next turn of the event loop where it is not given. */
  readonly pace?: (operation: DiskOperation, path: string, bytes: number) => Promise<void>
  readonly faults?: DiskFaults
  readonly capacityBytes?: number
  readonly refuses?: WhatIsRefused
}

/** When a full disk says so: never, at the write, or only at the sync, as a volume does that promised more than it has. */
export type WhatIsRefused = 'nothing' | 'writes' | 'syncs'

/** What outlives a process. */
interface Volume {
  readonly root: Directory
  readonly numbers: Numbers
}

export class MemoryDisk implements Disk {
  readonly supportsDsync: boolean
  readonly supportsMapping: boolean
  readonly pace: MemoryDiskOptions['pace']
  readonly faults: DiskFaults | undefined
  /** What `space` says of its size; it can be told another. Undefined: it does not tell. */
  capacityBytes: number | undefined
  refuses: WhatIsRefused
  /** Mappings that nobody has unmapped. */
  mappings = 0
  openFiles = 0
  /** What callers did that the contract forbids, and that a real disk may not notice. */
  readonly misuses: string[] = []
  readonly #volume: Volume
  readonly #failedSyncs = new Map<string, number>()
  readonly #locked = new Set<string>()
  #steps = 0
  #crashAt = Number.POSITIVE_INFINITY
  #whenCrashed: () => void = () => {}

  constructor(options: MemoryDiskOptions = {}, volume: Volume = { root: new Directory(), numbers: { next: 0 } }) {
    this.supportsDsync = options.supportsDsync ?? true
    this.supportsMapping = options.supportsMapping ?? true
    this.pace = options.pace
    this.faults = options.faults
    this.capacityBytes = options.capacityBytes
    this.refuses = options.refuses ?? 'nothing'
    this.#volume = volume
  }

  /** Steps so far: each call that changes something has two and more, one before it is done and one before it is answered. */
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

  /**
   * The disk as the next process finds it where only the process died: the page cache is still there, and as unsynced as
   * before. `random`: of writes that were under way a part may be there; nothing without.
   */
  afterKill(random?: SeededRandomness): MemoryDisk {
    this.#root.killed(random)
    return new MemoryDisk(this, this.#volume)
  }

  /** The disk as it is found after the power failed. */
  afterCrash(random: SeededRandomness): MemoryDisk {
    const { root, numbers } = this.#volume
    return new MemoryDisk(this, { root: root.crashed(random, numbers), numbers })
  }

  async open(path: string, { mode, dsync, mapped, mostBytes }: OpenOptions): Promise<DiskFile> {
    if (mapped) this.#needMapping(path)
    await this.step('open', path)
    const fault = this.ask('open', path)
    if (fault?.effect === 'none') throw this.error(fault, 'open', path)
    const inode = mode === 'create' ? this.#created(path) : this.#file(path)
    if (fault !== undefined) throw this.error(fault, 'open', path)
    if (inode === undefined) throw missing('open', path)
    this.openFiles++
    const isDsync = dsync === true && this.supportsDsync
    return new MemoryFile(this, path, inode, { dsync: isDsync, mapped: mapped === true, mostBytes })
  }

  async space(path: string): Promise<DiskSpace | undefined> {
    await this.look('space', path)
    const totalBytes = this.capacityBytes
    if (totalBytes === undefined) return undefined
    return { totalBytes, freeBytes: totalBytes - this.#root.sum(({ content }) => content.length) }
  }

  async map(path: string): Promise<Mapping> {
    this.#needMapping(path)
    await this.step('map', path)
    this.#refuse('map', path)
    const inode = this.#file(path)
    if (inode === undefined) throw missing('map', path)
    if (inode.content.length === 0) throw new HoldfastError('DISK_FAILED', `Could not map ${path}: it is empty.`)
    this.mayEvict(inode, path)
    return this.#mapping(path, inode)
  }

  async copyRange(from: DiskFile, fromPosition: number, to: DiskFile, toPosition: number, length: number) {
    const fault = this.ask('copyRange', to.path, length)
    const bytes = Buffer.alloc(fault === undefined ? length : this.upTo(fault, length))
    if ((await from.read(bytes, fromPosition)) < bytes.length) {
      throw new HoldfastError('DISK_FAILED', `Could not copy from ${from.path}: it ends early.`)
    }
    await to.write([bytes], toPosition)
    if (fault !== undefined) throw this.error(fault, 'copyRange', to.path)
  }

  async readFile(path: string): Promise<Buffer | undefined> {
    await this.look('readFile', path)
    this.#refuse('readFile', path)
    const inode = this.#file(path)
    if (inode === undefined) return undefined
    this.mayEvict(inode, path)
    return Buffer.from(inode.content.slice())
  }

  replaceFile(path: string, bytes: Buffer): Promise<void> {
    return makeSurely(this, dirname(path), () => this.#replaceOnce(path, bytes))
  }

  async #replaceOnce(path: string, bytes: Buffer): Promise<void> {
    const aside = `${path}.tmp`
    this.#refuse('replaceFile', path, bytes.length)
    const file = await this.open(aside, { mode: 'create' })
    try {
      // What an earlier attempt left goes with the opening.
      this.#file(aside)?.cut(0)
      await file.write([bytes], 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await this.rename(aside, path)
    await this.syncDirectory(dirname(path))
  }

  async stat(path: string): Promise<FileStat | undefined> {
    await this.look('stat', path)
    this.#refuse('stat', path)
    const inode = this.#file(path)
    if (inode === undefined) return undefined
    const { number, changes, content } = inode
    return {
      sizeInBytes: content.length,
      names: this.#root.namesOf(inode),
      modifiedMs: changes,
      version: `${number}-${changes}-${content.length}`,
    }
  }

  link(from: string, to: string): Promise<boolean> {
    return this.#altering('link', to, () => {
      const inode = this.#file(from)
      if (inode === undefined) throw missing('link', from)
      const target = this.#existing(dirname(to))
      if (target.entries.has(basename(to))) throw failure('EEXIST', 'link', to)
      target.change({ kind: 'add', name: basename(to), node: inode })
      return true
    })
  }

  async list(path: string): Promise<readonly DirectoryEntry[] | undefined> {
    await this.look('list', path)
    this.#refuse('list', path)
    const directory = this.#directory(path)
    return directory && [...directory.entries].map(([name, node]) => ({ name, isDirectory: node instanceof Directory }))
  }

  async makeDirectory(path: string): Promise<void> {
    await this.step('makeDirectory', path)
    const fault = this.ask('makeDirectory', path)
    if (fault?.effect === 'none') throw this.error(fault, 'makeDirectory', path)
    const made: string[] = []
    for (let at = '', names = path.split('/').filter((part) => part !== ''); names.length > 0; ) {
      const [parent, name] = [this.#existing(at), names.shift() as string]
      at = `${at}/${name}`
      const node = parent.entries.get(name)
      if (node instanceof Inode) throw failure('ENOTDIR', 'make the directory', path)
      if (node === undefined) {
        parent.change({ kind: 'add', name, node: new Directory() })
        made.push(at)
        await this.step('makeDirectory', at)
        if (fault?.effect === 'part') break
      }
    }
    if (fault !== undefined) throw this.error(fault, 'makeDirectory', path)
    try {
      for (const one of made.reverse()) await this.syncDirectory(dirname(one))
    } catch (error) {
      for (const one of made) {
        const isEmpty = this.#existing(one).entries.size === 0
        if (isEmpty) this.#existing(dirname(one)).change({ kind: 'remove', name: basename(one) })
      }
      throw error
    }
  }

  rename(from: string, to: string): Promise<void> {
    return this.#altering('rename', from, () => {
      const [source, target] = [this.#existing(dirname(from)), this.#existing(dirname(to))]
      const node = source.entries.get(basename(from))
      if (node === undefined) throw missing('rename', from)
      const replaced = target.entries.get(basename(to))
      if (replaced instanceof Directory && replaced.entries.size > 0) throw failure('ENOTEMPTY', 'rename', from)
      if (source === target) source.change({ kind: 'rename', from: basename(from), to: basename(to), node })
      else {
        const fate = {}
        target.change({ kind: 'add', name: basename(to), node }, fate)
        source.change({ kind: 'remove', name: basename(from) }, fate)
      }
    })
  }

  async remove(path: string): Promise<void> {
    await this.step('remove', path)
    const fault = this.ask('remove', path)
    if (fault?.effect !== 'none') {
      const parent = this.#directory(dirname(path))
      const node = parent?.entries.get(basename(path))
      if (node instanceof Directory && !(await this.#empty(path, node, fault)))
        throw this.error(fault ?? { errno: 'EIO' }, 'remove', path)
      if (node !== undefined) parent?.change({ kind: 'remove', name: basename(path) })
    }
    if (fault !== undefined) throw this.error(fault, 'remove', path)
    await this.step('remove', path)
  }

  async syncDirectory(path: string): Promise<void> {
    const covered = this.#existing(path).covered()
    await this.step('syncDirectory', path)
    const directory = this.#existing(path)
    const fault = this.ask('syncDirectory', path)
    if (fault === undefined) directory.settle(covered)
    else {
      // Without a descriptor nothing was asked of the disk: all is as it was.
      if (fault.errno !== 'EMFILE') directory.giveUp(covered, fault.effect, (limit) => this.#below(limit))
      this.#failedSyncs.set(path, this.failedSyncs(path) + 1)
      throw this.error(fault, 'syncDirectory', path)
    }
    await this.step('syncDirectory', path)
  }

  /** Changes of names in the directory of `path`, or in it where it is one, that no sync covers. */
  unsyncedNames(path: string): number {
    return (this.#directory(path) ?? this.#directory(dirname(path)))?.unsynced ?? 0
  }

  failedSyncs(path: string): number {
    return this.#failedSyncs.get(path) ?? 0
  }

  async lock(path: string): Promise<DiskLock> {
    await this.look('lock', path)
    this.#refuse('lock', path)
    if (this.#locked.has(path)) throw new HoldfastError('DATA_DIR_LOCKED', `${path} is held.`)
    this.#locked.add(path)
    return { release: async () => void this.#locked.delete(path) }
  }

  /** Lets other work come in between, and never returns once the power is gone. */
  async step(operation: DiskOperation, path: string, bytes = 0): Promise<void> {
    this.#steps++
    if (this.#steps === this.#crashAt) this.#whenCrashed()
    if (this.pace !== undefined) await this.pace(operation, path, bytes)
    else await new Promise<void>((resolve) => systemClock.soon(resolve))
    await this.whilePowered()
  }

  /** Never resolves once the power is gone. */
  async whilePowered(): Promise<void> {
    if (this.hasCrashed) await new Promise<never>(() => {})
  }

  /** The step of a call that changes nothing. */
  async look(operation: DiskOperation, path: string, bytes = 0): Promise<void> {
    if (this.pace !== undefined) await this.step(operation, path, bytes)
    else await this.whilePowered()
  }

  /** Whether this call goes wrong. */
  ask(operation: DiskOperation, path: string, bytes = 0): Fault | undefined {
    return this.faults?.ask(operation, path, bytes)
  }

  /** How much of `length` has happened in spite of a fault. */
  upTo({ effect }: Fault, length: number): number {
    if (effect === 'none') return 0
    return effect === 'all' ? length : this.#below(length + 1)
  }

  /** Notes what a caller must not do; the error to throw where it cannot go on. */
  misused(how: string): Error {
    this.misuses.push(how)
    return new Error(how)
  }

  error({ errno }: Pick<Fault, 'errno'>, operation: DiskOperation, path: string): HoldfastError {
    return diskError(Object.assign(new Error(`${errno}: injected`), { code: errno }), operation, path)
  }

  /** Makes these changes of a file durable. @throws where the sync fails, after which no other sync does it */
  settle(inode: Inode, numbers: ReadonlySet<number>, path: string): void {
    const ranges = inode.rangesOf(numbers)
    const bytes = ranges.reduce((sum, [from, to]) => sum + to - from, 0)
    const fault = this.ask('sync', path, bytes) ?? this.#thinFault(inode, ranges)
    if (fault === undefined) {
      inode.settle(numbers)
      return
    }
    inode.giveUp(numbers, fault.effect, (limit) => this.#below(limit))
    throw this.error(fault, 'sync', path)
  }

  /** Whether [from, to) of a file finds room. */
  fits(inode: Inode, from: number, to: number): boolean {
    return this.#fitting(inode, from, to) === to - from
  }

  /** How many bytes of [from, to) are written before the disk is full: as many as fit, or fewer. */
  fitting(inode: Inode, from: number, to: number): number {
    const room = this.#fitting(inode, from, to)
    return room === to - from ? room : this.#below(room + 1)
  }

  /** The page cache may forget, before a file is read, what a failed sync left in it. */
  mayEvict(inode: Inode, path: string): void {
    if (inode.hasGivenUp && this.faults?.evicts(path)) inode.evict()
  }

  #fitting({ content }: Inode, from: number, to: number): number {
    if (this.capacityBytes === undefined || this.refuses !== 'writes') return to - from
    return content.fitting(from, to, this.capacityBytes - this.#root.sum((inode) => inode.content.takenBytes))
  }

  #thinFault({ durable }: Inode, ranges: readonly (readonly [number, number])[]): Fault | undefined {
    if (this.capacityBytes === undefined || this.refuses !== 'syncs') return undefined
    const freeBytes = this.capacityBytes - this.#root.sum((inode) => inode.durable.takenBytes)
    const fits = ranges.every(([from, to]) => durable.fitting(from, to, freeBytes) === to - from)
    return fits ? undefined : { errno: 'ENOSPC', effect: 'none' }
  }

  /** Without faults, which know a seed, always the middle. */
  #below(limit: number): number {
    return this.faults?.below(limit) ?? limit >> 1
  }

  get #root(): Directory {
    return this.#volume.root
  }

  /** A change of names: one step before it is done, and one before it is answered. */
  async #altering<T>(operation: DiskOperation, path: string, change: () => T): Promise<T> {
    await this.step(operation, path)
    const fault = this.ask(operation, path)
    if (fault !== undefined) {
      if (fault.effect !== 'none') change()
      throw this.error(fault, operation, path)
    }
    const result = change()
    await this.step(operation, path)
    return result
  }

  /** Removes what is in a directory; with a fault, which stops it half way, only some of it. */
  async #empty(path: string, directory: Directory, fault: Fault | undefined): Promise<boolean> {
    for (const [name, node] of [...directory.entries]) {
      if (fault?.effect === 'part' && this.#below(2) === 0) return false
      if (node instanceof Directory && !(await this.#empty(`${path}/${name}`, node, fault))) return false
      directory.change({ kind: 'remove', name })
      await this.step('remove', `${path}/${name}`)
    }
    return true
  }

  #mapping(path: string, inode: Inode): Mapping {
    const bytes = Buffer.from(inode.content.slice())
    let isMapped = true
    this.mappings++
    inode.mappedLengths.push(bytes.length)
    return {
      bytes,
      // What was written meanwhile shows, as it does in the page cache; what was cut away cannot be had.
      populate: async (from, to) => {
        await this.step('populate', path, to - from)
        if (!isMapped || to > inode.content.length || this.ask('populate', path, to - from) !== undefined) return false
        this.mayEvict(inode, path)
        inode.content.slice(from, Math.min(to, bytes.length)).copy(bytes, from)
        return true
      },
      unmap: () => {
        if (!isMapped) return
        isMapped = false
        this.mappings--
        inode.mappedLengths.splice(inode.mappedLengths.indexOf(bytes.length), 1)
        bytes.fill(rubbish)
      },
    }
  }

  #refuse(operation: DiskOperation, path: string, bytes = 0): void {
    const fault = this.ask(operation, path, bytes)
    if (fault !== undefined) throw this.error(fault, operation, path)
  }

  #needMapping(path: string): void {
    if (!this.supportsMapping) throw new HoldfastError('MMAP_UNAVAILABLE', `${path} cannot be mapped on this disk.`)
  }

  #file(path: string): Inode | undefined {
    const node = this.#directory(dirname(path))?.entries.get(basename(path))
    return node instanceof Inode ? node : undefined
  }

  /** The file, which is made where there is none. */
  #created(path: string): Inode | undefined {
    const directory = this.#directory(dirname(path))
    if (directory === undefined || directory.entries.has(basename(path))) return this.#file(path)
    const node = new Inode(++this.#volume.numbers.next, new Image())
    directory.change({ kind: 'add', name: basename(path), node })
    return node
  }

  #existing(path: string): Directory {
    const directory = this.#directory(path)
    if (directory === undefined) throw missing('find the directory', path)
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

/** As the system says it. */
function missing(doing: string, path: string): HoldfastError {
  return failure('ENOENT', doing, path)
}

function failure(errno: string, doing: string, path: string): HoldfastError {
  return diskError(Object.assign(new Error(errno), { code: errno }), doing, path)
}
