/**
 * An exclusive lock on a file that names its holder.
 *
 * Where libc can be reached the kernel holds the lock and drops it with the process, so a stale one cannot exist; the
 * file's text is there for the error message only. Elsewhere the text is the lock: it appears whole or not
 * at all, and one whose process is gone is taken over. Two processes that take over the same stale file in the same
 * instant are not told apart; that is the price of a platform without kernel locks.
 */

import { link, open, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { HoldfastError } from '../core/errors.js'
import type { DiskLock } from './disk.js'
import { diskError, errnoOf } from './disk-error.js'
import { libc } from './libc.js'

/** Locks of this process, for the way without libc, where the pid in the file cannot tell two openers apart. */
const heldHere = new Set<string>()

export async function takeLock(given: string): Promise<DiskLock> {
  // By its one true name, as a directory can be reached by several.
  const directory = await realpath(dirname(given)).catch((error) => {
    throw diskError(error, 'open the lock', given)
  })
  const path = join(directory, basename(given))
  const system = libc()
  return system === undefined ? takeByText(path) : takeByKernel(path, system.tryLock)
}

async function takeByKernel(path: string, tryLock: (fd: number) => boolean): Promise<DiskLock> {
  const handle = await open(path, 'a+').catch((error) => {
    throw diskError(error, 'open the lock', path)
  })
  // The descriptor is gone, and the lock with it, whatever closing says.
  const release = () =>
    handle.close().catch((error) => {
      throw diskError(error, 'close the lock', path)
    })
  try {
    if (!tryLock(handle.fd)) throw await lockedError(path)
    await handle.truncate(0)
    await handle.write(holderText())
  } catch (error) {
    await release()
    throw diskError(error, 'take the lock', path)
  }
  return { release }
}

async function takeByText(path: string): Promise<DiskLock> {
  for (let attempt = 0; attempt < 2 && !heldHere.has(path); attempt++) {
    if (await createWithText(path)) {
      heldHere.add(path)
      return {
        release: async () => {
          heldHere.delete(path)
          await rm(path, { force: true })
        },
      }
    }
    const holder = await holderOf(path)
    if (holder !== undefined && isAlive(holder.pid)) break
    await rm(path, { force: true })
  }
  throw await lockedError(path)
}

/** Makes the file together with its text, so that nobody ever reads a lock that names no holder; false where it exists. */
async function createWithText(path: string): Promise<boolean> {
  const aside = `${path}.${process.pid}`
  try {
    await writeFile(aside, holderText())
    await link(aside, path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw diskError(error, 'create the lock', path)
  } finally {
    await rm(aside, { force: true })
  }
}

const holderText = (): string => `${JSON.stringify({ pid: process.pid })}\n`

async function holderOf(path: string): Promise<{ pid: number } | undefined> {
  try {
    const holder = JSON.parse(await readFile(path, 'utf8')) as { pid?: unknown }
    return typeof holder.pid === 'number' && holder.pid > 0 ? { pid: holder.pid } : undefined
  } catch {
    // Absent, or not written yet: the holder stays unnamed.
    return undefined
  }
}

/** Signal 0 asks whether the process is there; EPERM says that it is, and another user's. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}

async function lockedError(path: string): Promise<HoldfastError> {
  const holder = await holderOf(path)
  const who = holder === undefined ? 'another process' : `process ${holder.pid}`
  return new HoldfastError('DATA_DIR_LOCKED', `${path} is held by ${who}. Stop it, or use another data directory.`)
}
