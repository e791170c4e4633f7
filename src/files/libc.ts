/**
 * The few libc calls that Node does not offer, through koffi. Everything here is optional: where the library cannot be
 * loaded or the platform is another one, `libc` is undefined and the callers take their slower way.
 *
 * What can wait for the disk runs in libuv's pool, never on the main thread. Failures are errors with the system's
 * name as `code`, as those of node:fs.
 */

import { createRequire } from 'node:module'
import { Gate } from './gate.js'

export interface Libc {
  /**
   * Takes a write lock on the whole file, without waiting; false where another open file holds one. It conflicts with
   * the lock that Java's FileChannel.tryLock takes (both are fcntl record locks), and the kernel drops it with the
   * descriptor, however the process ends.
   */
  tryLock(fd: number): boolean
  /** Maps [offset, offset + length) of a file, shared; `offset` is a multiple of {@link pageBytes}. The address. */
  map(fd: number, offset: number, length: number, access: 'read' | 'write'): number
  /** The bytes at an address. Nobody touches them once that address is unmapped. */
  view(address: number, length: number): Buffer
  /** It takes long where many pages were touched, hence not at once. */
  unmap(address: number, length: number): Promise<void>
  /** msync(MS_SYNC): resolves when the pages are on stable storage. `address` is on a page. */
  sync(address: number, length: number): Promise<void>
  /** Whether all these mapped pages are in memory now; asked at once, as it waits for nothing. `address` is on a page. */
  isResident(address: number, length: number): boolean
  /** How many bytes of these mapped pages are in memory now, by whole pages. */
  residentBytes(address: number, length: number): number
  /** Brings mapped pages into memory, ready to be read or written. @throws where one of them could not be read */
  populate(address: number, length: number, access: 'read' | 'write'): Promise<void>
  /** Keeps mapped pages in memory. @throws above RLIMIT_MEMLOCK */
  lockMemory(address: number, length: number): Promise<void>
  /** Gives [from, from + length) of a file blocks of its own, and the file at least that length; bytes that are there stay. */
  reserve(fd: number, from: number, length: number): Promise<void>
  /** Copies inside the kernel; the bytes that were copied, fewer than asked for where it likes. */
  copyRange(from: number, fromPosition: number, to: number, toPosition: number, length: number): Promise<number>
}

/** The unit of mapping. Larger pages than this exist (64 KiB on some ARM kernels); what is aligned to this fits those. */
export const pageBytes = 65_536
const leastPageBytes = 4096

// Linux, <fcntl.h>: a lock that belongs to the open file description, so that a second open in the same process
// conflicts too and closing an unrelated descriptor does not drop it.
const setOpenFileLock = 37
const writeLock = 1
const structFlockBytes = 32
const wouldBlock: ReadonlySet<string> = new Set(['EAGAIN', 'EACCES'])

// Linux, <sys/mman.h>, the same on every architecture that Node runs on.
const protection = { read: 1, write: 1 | 2 }
const mapShared = 1
const synchronously = 4
const populateAdvice = { read: 22, write: 23 }

/** koffi refuses more than 256 calls at a time, and each holds memory of its own; the pool has few threads anyway. */
const callsAtOnce = 16

type Koffi = typeof import('koffi')
type NativeCall = ReturnType<ReturnType<Koffi['load']>['func']>

function load(): Libc | undefined {
  if (process.platform !== 'linux' || process.env['HOLDFAST_NO_LIBC'] === '1') return undefined
  try {
    return bind(createRequire(import.meta.url)('koffi') as Koffi)
  } catch {
    return undefined
  }
}

function bind(koffi: Koffi): Libc {
  const library = koffi.load('libc.so.6')
  const fcntl = library.func('int fcntl(int fd, int cmd, ...)')
  const mmap = library.func(
    'intptr_t mmap(intptr_t address, size_t length, int prot, int flags, int fd, int64_t offset)',
  )
  const munmap = library.func('int munmap(intptr_t address, size_t length)')
  const msync = library.func('int msync(intptr_t address, size_t length, int flags)')
  const madvise = library.func('int madvise(intptr_t address, size_t length, int advice)')
  const mincore = library.func('int mincore(intptr_t address, size_t length, void *pages)')
  const mlock = library.func('int mlock(intptr_t address, size_t length)')
  const fallocate = library.func('int posix_fallocate(int fd, int64_t offset, int64_t length)')
  const copy = library.func(
    'int64_t copy_file_range(int from, int64_t *fromAt, int to, int64_t *toAt, size_t length, uint flags)',
  )
  const failure = (doing: string, errno: number) => systemError(koffi, doing, errno)
  const call = asynchronously(koffi)
  const expectZero = async (doing: string, native: NativeCall, ...values: unknown[]) => {
    const { result, errno } = await call(native, values)
    if (result !== 0) throw failure(doing, errno)
  }
  return {
    tryLock(fd) {
      // struct flock { short l_type; short l_whence; off_t l_start; off_t l_len; pid_t l_pid }, all zero but the
      // type: from the start (SEEK_SET) to the end whatever it grows to.
      const flock = Buffer.alloc(structFlockBytes)
      flock.writeInt16LE(writeLock, 0)
      if (fcntl(fd, setOpenFileLock, 'void *', flock) === 0) return true
      const error = failure('fcntl(F_OFD_SETLK)', koffi.errno())
      if (wouldBlock.has(error.code ?? '')) return false
      throw error
    },
    map(fd, offset, length, access) {
      const address = mmap(0, length, protection[access], mapShared, fd, offset) as number
      if (address === -1) throw failure('mmap', koffi.errno())
      return address
    },
    view: (address, length) => Buffer.from(koffi.view(address, length)),
    unmap: (address, length) => expectZero('munmap', munmap, address, length),
    sync: (address, length) => expectZero('msync', msync, address, length, synchronously),
    isResident(address, length) {
      // One byte for a page, its lowest bit for the answer. Where pages are larger than the least size, fewer are written.
      const pages = Buffer.alloc(Math.ceil(length / leastPageBytes), 1)
      return mincore(address, length, pages) === 0 && pages.every((page) => (page & 1) === 1)
    },
    residentBytes(address, length) {
      const pages = Buffer.alloc(Math.ceil(length / leastPageBytes))
      if (mincore(address, length, pages) !== 0) return 0
      return pages.reduce((sum, page) => sum + (page & 1) * leastPageBytes, 0)
    },
    populate: (address, length, access) => expectZero('madvise', madvise, address, length, populateAdvice[access]),
    lockMemory: (address, length) => expectZero('mlock', mlock, address, length),
    async reserve(fd, from, length) {
      // Unlike the others it returns the error's number. A signal may interrupt it, and it goes on where it was.
      for (;;) {
        const { result } = await call(fallocate, [fd, from, length])
        if (result === 0) return
        const error = failure('posix_fallocate', result)
        if (error.code !== 'EINTR') throw error
      }
    },
    async copyRange(from, fromPosition, to, toPosition, length) {
      const { result, errno } = await call(copy, [from, [fromPosition], to, [toPosition], length, 0])
      if (result < 0) throw failure('copy_file_range', errno)
      return result
    },
  }
}

type Answer = { readonly result: number; readonly errno: number }

/** Runs native calls in libuv's pool. */
function asynchronously(koffi: Koffi): (native: NativeCall, values: readonly unknown[]) => Promise<Answer> {
  const gate = new Gate(callsAtOnce)
  return (native, values) =>
    gate.run(
      () =>
        new Promise((resolve, reject) => {
          native.async(...values, (error: unknown, result: number) => {
            // The number of the call's thread, which koffi lends to this one for as long as the callback runs.
            const errno = koffi.errno()
            if (error) reject(error)
            else resolve({ result, errno })
          })
        }),
    )
}

function systemError(koffi: Koffi, doing: string, errno: number): NodeJS.ErrnoException {
  const code = Object.entries(koffi.os.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`
  return Object.assign(new Error(`${code}: ${doing} failed`), { code, errno })
}

let loaded: { readonly libc: Libc | undefined } | undefined

/** Loaded at first use: a program that only imports the package pays nothing. */
export function libc(): Libc | undefined {
  loaded ??= { libc: load() }
  return loaded.libc
}
