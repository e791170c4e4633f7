/** The disk as Node reaches it. Callbacks rather than FileHandles on the write path: one allocation less per call. */

import * as fs from 'node:fs'
import * as fsp from 'node:fs/promises'
import { resolve as absolute, dirname } from 'node:path'
import { HoldfastError } from '../core/errors.js'
import type { DirectoryEntry, Disk, DiskFile, OpenOptions } from './disk.js'
import { diskError, errnoOf } from './disk-error.js'
import { takeLock } from './lock-file.js'

class NodeFile implements DiskFile {
  readonly path: string
  readonly #fd: number
  #closed = false

  constructor(path: string, fd: number) {
    this.path = path
    this.#fd = fd
  }

  size(): Promise<number> {
    return this.#call('measure', (done) => fs.fstat(this.#fd, (error, stat) => done(error, stat?.size)))
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    let filled = 0
    while (filled < buffer.length) {
      const count = await this.#call<number>('read', (done) =>
        fs.read(this.#fd, buffer, filled, buffer.length - filled, position + filled, done),
      )
      if (count === 0) break
      filled += count
    }
    return filled
  }

  async write(buffers: readonly Buffer[], position: number): Promise<void> {
    let rest = buffers
    let at = position
    while (rest.length > 0) {
      const pending = rest
      const written = await this.#call<number>('write', (done) => {
        if (pending.length === 1) fs.write(this.#fd, pending[0], 0, pending[0].length, at, done)
        else fs.writev(this.#fd, pending as Buffer[], at, done)
      })
      rest = without(rest, written)
      if (written === 0 && rest.length > 0) {
        throw new HoldfastError('DISK_FAILED', `Could not write ${this.path}: the disk took no bytes.`)
      }
      at += written
    }
  }

  sync(): Promise<void> {
    return this.#call('sync', (done) => fs.fdatasync(this.#fd, done))
  }

  async truncate(length: number): Promise<void> {
    await this.#call<void>('truncate', (done) => fs.ftruncate(this.#fd, length, done))
    await this.#call<void>('sync', (done) => fs.fsync(this.#fd, done))
  }

  async close(): Promise<void> {
    // By the time of a second call the number may belong to another file.
    if (this.#closed) return
    this.#closed = true
    return this.#call('close', (done) => fs.close(this.#fd, done))
  }

  #call<T>(doing: string, start: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      start((error, value) => {
        if (error) reject(diskError(error, doing, this.path))
        else resolve(value as T)
      })
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

const { O_CREAT, O_DSYNC, O_RDONLY, O_RDWR } = fs.constants

function openFlags({ mode, dsync }: OpenOptions): number {
  const access = mode === 'read' ? O_RDONLY : mode === 'write' ? O_RDWR : O_RDWR | O_CREAT
  // Where the platform has no O_DSYNC (Windows) the flag is undefined; `supportsDsync` tells the callers.
  return dsync ? access | (O_DSYNC ?? 0) : access
}

async function describe<T>(doing: string, path: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw diskError(error, doing, path)
  }
}

/** undefined where the path does not exist. */
async function ifPresent<T>(doing: string, path: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw diskError(error, doing, path)
  }
}

async function syncDirectory(path: string): Promise<void> {
  // A directory cannot be opened for syncing on Windows, and its entries are durable there without.
  if (process.platform === 'win32') return
  await describe(
    'sync the directory',
    path,
    (async () => {
      const handle = await fsp.open(path, 'r')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    })(),
  )
}

async function replaceFile(path: string, bytes: Buffer): Promise<void> {
  const aside = `${path}.tmp`
  await describe(
    'write',
    aside,
    (async () => {
      const handle = await fsp.open(aside, 'w')
      try {
        await handle.writeFile(bytes)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await fsp.rename(aside, path)
    })(),
  )
  await syncDirectory(dirname(path))
}

/**
 * Makes a directory and its missing parents; the topmost that was made, or undefined where all were there. Node's own
 * recursive mkdir says ENOENT where the file system is read-only.
 */
async function makeMissing(path: string): Promise<string | undefined> {
  try {
    await fsp.mkdir(path)
    return path
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && (await fsp.stat(path)).isDirectory()) return undefined
    if (errnoOf(error) !== 'ENOENT') throw error
    const first = await makeMissing(dirname(path))
    return (await makeMissing(path)) === undefined ? first : (first ?? path)
  }
}

async function makeDirectory(given: string): Promise<void> {
  const path = absolute(given)
  const first = await describe('make the directory', path, makeMissing(path))
  if (first === undefined) return
  // Every directory from the first new one down got a new entry in its parent.
  for (let made = path; ; made = dirname(made)) {
    await syncDirectory(dirname(made))
    if (made === first) return
  }
}

async function list(path: string): Promise<readonly DirectoryEntry[] | undefined> {
  const entries = await ifPresent('list', path, fsp.readdir(path, { withFileTypes: true }))
  return entries?.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }))
}

export const nodeDisk: Disk = {
  supportsDsync: O_DSYNC !== undefined,
  async open(path, options) {
    const fd = await new Promise<number>((resolve, reject) => {
      fs.open(path, openFlags(options), 0o644, (error, opened) => {
        if (error) reject(diskError(error, 'open', path))
        else resolve(opened)
      })
    })
    return new NodeFile(path, fd)
  },
  readFile: (path) => ifPresent('read', path, fsp.readFile(path)),
  replaceFile,
  list,
  makeDirectory,
  rename: (from, to) => describe('rename', from, fsp.rename(from, to)),
  remove: (path) => describe('remove', path, fsp.rm(path, { recursive: true, force: true })),
  syncDirectory,
  lock: takeLock,
}
