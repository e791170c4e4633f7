/**
 * The few libc calls that Node does not offer, through koffi. Everything here is optional: where the library cannot be
 * loaded or the platform is another one, `libc` is undefined and the callers take their slower way.
 */

import { createRequire } from 'node:module'

export interface Libc {
  /**
   * Takes a write lock on the whole file, without waiting; false where another open file holds one. It conflicts with
   * the lock that Java's FileChannel.tryLock takes (both are fcntl record locks), and the kernel drops it with the
   * descriptor, however the process ends.
   */
  tryLock(fd: number): boolean
}

// Linux, <fcntl.h>: a lock that belongs to the open file description, so that a second open in the same process
// conflicts too and closing an unrelated descriptor does not drop it.
const setOpenFileLock = 37
const writeLock = 1
const structFlockBytes = 32
const wouldBlock: ReadonlySet<number> = new Set([11, 13])

function load(): Libc | undefined {
  if (process.platform !== 'linux' || process.env['HOLDFAST_NO_LIBC'] === '1') return undefined
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const fcntl = koffi.load('libc.so.6').func('int fcntl(int fd, int cmd, ...)')
    return {
      tryLock(fd) {
        // struct flock { short l_type; short l_whence; off_t l_start; off_t l_len; pid_t l_pid }, all zero but the
        // type: from the start (SEEK_SET) to the end whatever it grows to.
        const flock = Buffer.alloc(structFlockBytes)
        flock.writeInt16LE(writeLock, 0)
        if (fcntl(fd, setOpenFileLock, 'void *', flock) === 0) return true
        const errno = koffi.errno()
        if (wouldBlock.has(errno)) return false
        throw new Error(`fcntl(F_OFD_SETLK) failed with errno ${errno}`)
      },
    }
  } catch {
    return undefined
  }
}

let loaded: { readonly libc: Libc | undefined } | undefined

/** Loaded at first use: a program that only imports the package pays nothing. */
export function libc(): Libc | undefined {
  loaded ??= { libc: load() }
  return loaded.libc
}
