/** How the tools open what they look at: for reading, and closed again whatever happens. */

import { basename, dirname, resolve } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import type { Disk, DiskFile } from '../../files/disk.js'

/** Files of text are small; a larger one is none of ours. */
export const mostTextBytes = 64 * 1024 * 1024

export async function withFile<T>(
  disk: Disk,
  path: string,
  work: (file: DiskFile, size: number) => Promise<T>,
): Promise<T> {
  const file = await disk.open(path, { mode: 'read' })
  try {
    return await work(file, await file.size())
  } finally {
    await file.close()
  }
}

/** 0 where there is no such file. */
export async function sizeOf(disk: Disk, path: string): Promise<number> {
  return (await disk.stat(path))?.sizeInBytes ?? 0
}

/** The content of a small file; undefined where there is none. @throws DATA_DIR_DAMAGED where it is not small */
export async function readSmallFile(disk: Disk, path: string): Promise<Buffer | undefined> {
  if ((await kindOfPath(disk, path)) !== 'file') return undefined
  const size = await sizeOf(disk, path)
  if (size <= mostTextBytes) return disk.readFile(path)
  throw new HoldfastError('DATA_DIR_DAMAGED', `${path} has ${size} bytes; no file of this kind is that long.`)
}

/** Runs `work` on what a disk may refuse to read: then `refused` is told, and anything else that goes wrong is thrown. */
export async function orRefused<T>(work: () => Promise<T>, refused: (why: string) => T): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const isDisk =
      error instanceof HoldfastError && (error.code === 'DISK_FAILED' || error.code === 'DATA_DIR_READ_ONLY')
    if (isDisk) return refused(error.message)
    throw error
  }
}

export async function kindOfPath(disk: Disk, path: string): Promise<'file' | 'directory' | undefined> {
  const whole = resolve(path)
  if (whole === dirname(whole)) return 'directory'
  const entry = (await disk.list(dirname(whole)).catch(() => undefined))?.find(({ name }) => name === basename(whole))
  if (entry === undefined) return undefined
  return entry.isDirectory ? 'directory' : 'file'
}
