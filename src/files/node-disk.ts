/** The disk as Node reaches it. */

import * as fs from 'node:fs'
import * as fsp from 'node:fs/promises'
import { resolve as absolute, dirname } from 'node:path'
import { copyRange } from './copy-range.js'
import type { DirectoryEntry, Disk, FileStat, OpenOptions } from './disk.js'
import { diskError, errnoOf } from './disk-error.js'
import { durableCalls } from './gate.js'
import { libc } from './libc.js'
import { takeLock } from './lock-file.js'
import { MappedFile } from './mapped-file.js'
import { NodeFile } from './node-file.js'
import { libcForMapping, mapForReading } from './read-mapping.js'
import { makeSurely } from './sure-names.js'

const { O_CREAT, O_DSYNC, O_RDONLY, O_RDWR } = fs.constants

function openFlags({ mode, dsync, mapped }: OpenOptions): number {
  const access = mode === 'read' ? O_RDONLY : mode === 'write' ? O_RDWR : O_RDWR | O_CREAT
  // Where the platform has no O_DSYNC (Windows) the flag is undefined; `supportsDsync` tells the callers.
  return dsync && !mapped ? access | (O_DSYNC ?? 0) : access
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

/** By the absolute paths of directories. */
const failures = new Map<string, number>()

function failedSyncs(path: string): number {
  return failures.get(absolute(path)) ?? 0
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
        await durableCalls().run(() => handle.sync())
      } finally {
        await handle.close()
      }
    })(),
  ).catch((error: unknown) => {
    failures.set(absolute(path), failedSyncs(path) + 1)
    throw error
  })
}

function replaceFile(path: string, bytes: Buffer): Promise<void> {
  return makeSurely({ failedSyncs }, dirname(path), () => replaceOnce(path, bytes))
}

async function replaceOnce(path: string, bytes: Buffer): Promise<void> {
  const aside = `${path}.tmp`
  await describe(
    'write',
    aside,
    (async () => {
      const handle = await fsp.open(aside, 'w')
      try {
        await handle.writeFile(bytes)
        await durableCalls().run(() => handle.sync())
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
 * recursive mkdir says ENOENT where the file system is read-only. Once the parents are there ENOENT is an answer: /proc
 * says it of every new name.
 */
async function makeMissing(path: string): Promise<string | undefined> {
  try {
    return await makeOne(path)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    const first = await makeMissing(dirname(path))
    const made = await makeOne(path)
    return made === undefined ? first : (first ?? made)
  }
}

/** Makes a directory in one that is there; undefined where it was there before. */
async function makeOne(path: string): Promise<string | undefined> {
  try {
    await fsp.mkdir(path)
    return path
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && (await fsp.stat(path)).isDirectory()) return undefined
    throw error
  }
}

async function makeDirectory(given: string): Promise<void> {
  const path = absolute(given)
  const first = await describe('make the directory', path, makeMissing(path))
  if (first === undefined) return
  // Every directory from the first new one down got a new entry in its parent.
  const made = [path]
  while (made[made.length - 1] !== first) made.push(dirname(made[made.length - 1]))
  try {
    for (const one of made) await syncDirectory(dirname(one))
  } catch (error) {
    // Made, but not for good: it goes again, so that whoever tries once more does not take it for durable.
    for (const one of made) await fsp.rmdir(one).catch(() => {})
    throw error
  }
}

async function stat(path: string): Promise<FileStat | undefined> {
  const found = await ifPresent('stat', path, fsp.stat(path, { bigint: true }))
  if (found === undefined) return undefined
  const { dev, ino, size, mtimeNs, nlink } = found
  return {
    sizeInBytes: Number(size),
    names: Number(nlink),
    modifiedMs: Number(mtimeNs / 1_000_000n),
    version: `${dev}-${ino}-${size}-${mtimeNs}`,
  }
}

/** What a file system says that has no hard links, or that is another one than that of the file. */
const cannotLink: ReadonlySet<unknown> = new Set(['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

async function link(from: string, to: string): Promise<boolean> {
  try {
    await fsp.link(from, to)
    return true
  } catch (error) {
    if (cannotLink.has(errnoOf(error))) return false
    throw diskError(error, 'link', from)
  }
}

async function list(path: string): Promise<readonly DirectoryEntry[] | undefined> {
  const entries = await ifPresent('list', path, fsp.readdir(path, { withFileTypes: true }))
  return entries?.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }))
}

export const nodeDisk: Disk = {
  supportsDsync: O_DSYNC !== undefined,
  // Asked when it is needed: finding out loads libc.
  get supportsMapping() {
    return libc() !== undefined
  },
  async open(path, options) {
    const system = options.mapped ? libcForMapping(path) : undefined
    const fd = await new Promise<number>((resolve, reject) => {
      fs.open(path, openFlags(options), 0o644, (error, opened) => {
        if (error) reject(diskError(error, 'open', path))
        else resolve(opened)
      })
    })
    if (system === undefined) return new NodeFile(path, fd, options.dsync)
    return new MappedFile(system, path, fd, options.dsync === true, options.mostBytes)
  },
  map: mapForReading,
  copyRange,
  async space(path) {
    const stats = await fsp.statfs(path).catch(() => undefined)
    if (stats === undefined) return undefined
    const { blocks, bfree, bavail, bsize } = stats
    return { freeBytes: bavail * bsize, totalBytes: (blocks - bfree + bavail) * bsize }
  },
  readFile: (path) => ifPresent('read', path, fsp.readFile(path)),
  replaceFile,
  stat,
  link,
  list,
  makeDirectory,
  rename: (from, to) => describe('rename', from, fsp.rename(from, to)),
  remove: (path) => describe('remove', path, fsp.rm(path, { recursive: true, force: true })),
  syncDirectory,
  failedSyncs,
  lock: takeLock,
}
