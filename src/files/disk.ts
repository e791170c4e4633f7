/**
 * The one door to the disk. Every other room reads and writes through this face, so that a simulated or a recording
 * disk can stand behind it.
 *
 * What an implementation promises, and no more:
 * - bytes written are on stable storage only after `sync` of that file (or at once where it was opened with `dsync`);
 * - a name created, renamed or removed is durable only after `syncDirectory` of its parent, except where a method says
 *   that it does so itself;
 * - after a write or sync failed, what the file holds in the written range is unknown, and a later `sync` that succeeds
 *   says nothing about it.
 *
 * A mapped file is the same file with another way in: `write` copies into a mapping, `sync` is msync, and a dsync file
 * syncs the written range before `write` resolves. Everything else holds for it alike.
 *
 * Failures are HoldfastErrors: DISK_FULL, DATA_DIR_READ_ONLY, or DISK_FAILED for the rest, the system's error as cause.
 */

export interface DiskFile {
  readonly path: string
  /** Current length in bytes. */
  size(): Promise<number>
  /** Fills `buffer` from `position` on; returns the bytes read, fewer than asked for only at the end of the file. */
  read(buffer: Buffer, position: number): Promise<number>
  /** Writes all of `buffers`, one after the other, from `position` on. */
  write(buffers: readonly Buffer[], position: number): Promise<void>
  /** Makes the written bytes, and the length needed to read them, durable. */
  sync(): Promise<void>
  /** Sets the length, durably. */
  truncate(length: number): Promise<void>
  /**
   * Makes [from, to) hold zeros that a later write overwrites in place; the file grows to `to` where it was shorter.
   * `fallocate` reserves blocks (only behind the present end; where the file system cannot, nothing happens), `zero`
   * writes zeros, which are durable when this resolves. Nobody may write into the range meanwhile.
   */
  prepare(from: number, to: number, how: 'fallocate' | 'zero'): Promise<void>
  /**
   * Brings [from, to) into memory, `touch`, or keeps it there until the file is closed, `lock`; where that is not
   * possible or not allowed, nothing happens. Never fails.
   */
  warm(from: number, to: number, how: 'touch' | 'lock'): Promise<void>
  close(): Promise<void>
}

export interface OpenOptions {
  /** `create` makes the file, or opens it where it exists already. */
  readonly mode: 'read' | 'write' | 'create'
  /** Each write returns only once it is on stable storage (O_DSYNC; msync for a mapped file). */
  readonly dsync?: boolean
  /** Written through a mapping, which grows by reserved pieces. @throws MMAP_UNAVAILABLE where `supportsMapping` is not */
  readonly mapped?: boolean
  /** Of a mapped file: it reserves nothing beyond this length, a multiple of a page. */
  readonly mostBytes?: number
}

/** A file mapped for reading, at the length it had when it was mapped. What is written into it later shows, once populated. */
export interface Mapping {
  /** Nobody touches a byte of it after `unmap`: that would end the process. The file is not shortened meanwhile. */
  readonly bytes: Buffer
  /** Brings [from, to) into memory, so that touching it neither waits nor faults; false where the disk could not. */
  populate(from: number, to: number): Promise<boolean>
  /** How much of [0, to) is in memory now, by whole pages; absent where nobody can tell. Touches nothing. */
  residentBytes?(to: number): number
  unmap(): void
}

export interface DirectoryEntry {
  readonly name: string
  readonly isDirectory: boolean
}

export interface FileStat {
  readonly sizeInBytes: number
  /** How many names lead to the file. */
  readonly names: number
  /** When it was last written, ms since 1970. */
  readonly modifiedMs: number
  /** Another text once the file was written again, or another file has its name. */
  readonly version: string
}

/** What this process can have of a file system: what is kept for the administrator counts in neither. */
export interface DiskSpace {
  readonly freeBytes: number
  readonly totalBytes: number
}

/** Held until `release`, or until the process ends however it ends. */
export interface DiskLock {
  release(): Promise<void>
}

export interface Disk {
  /** Whether `dsync` in OpenOptions has an effect here; where not, a caller must sync. */
  readonly supportsDsync: boolean
  /** Whether files can be mapped here, for `map` and for `mapped` in OpenOptions. */
  readonly supportsMapping: boolean
  open(path: string, options: OpenOptions): Promise<DiskFile>
  /** Of the file system where `path` lies; undefined where the platform does not tell. */
  space(path: string): Promise<DiskSpace | undefined>
  /** Maps a file that is not empty. @throws MMAP_UNAVAILABLE where `supportsMapping` is not */
  map(path: string): Promise<Mapping>
  /**
   * Copies `length` bytes from one file into another, by the kernel where it can (copy_file_range), durable after `sync`
   * of the target. Both are open on this disk. @throws DISK_FAILED where the source ends early
   */
  copyRange(from: DiskFile, fromPosition: number, to: DiskFile, toPosition: number, length: number): Promise<void>
  /** The whole file, or undefined where there is none. */
  readFile(path: string): Promise<Buffer | undefined>
  /** Puts `bytes` under `path` so that a crash leaves the old file or the new one, whole: written aside, synced, renamed, directory synced. */
  replaceFile(path: string, bytes: Buffer): Promise<void>
  /** undefined where there is no such file. */
  stat(path: string): Promise<FileStat | undefined>
  /**
   * Gives a file a second name, durable after a sync of that name's directory. False where the file system cannot, or
   * where `to` lies on another one.
   */
  link(from: string, to: string): Promise<boolean>
  /** What lies in a directory, in no order; undefined where there is none. */
  list(path: string): Promise<readonly DirectoryEntry[] | undefined>
  /** Makes a directory and its missing parents, durably. */
  makeDirectory(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Removes a file or a whole directory; nothing happens where there is none. */
  remove(path: string): Promise<void>
  syncDirectory(path: string): Promise<void>
  /**
   * How many syncs of a directory have failed so far, whoever asked for them. Each may have given up any name that was made
   * before it: no later sync says that this one is there, though it succeeds. So who makes a name looks at this before and,
   * once that is synced, after, and makes the name anew where it is another number.
   */
  failedSyncs(path: string): number
  /**
   * Takes the exclusive lock on `path`, a file that is created for it and names the holder.
   * @throws DATA_DIR_LOCKED with the holder's pid
   */
  lock(path: string): Promise<DiskLock>
}
