/**
 * Makes a data directory of a backup: copied aside, verified, and only then given its name, so that there is never half
 * of one under it. The backup is left as it is.
 */

import { dirname, join } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import type { Disk } from '../../files/disk.js'
import { copyFiles, type Watcher } from './file-copies.js'
import { type Generation, generationNames, readGeneration } from './generations.js'
import { bytesIn, manifestFile, partial } from './manifest.js'
import { verifyGeneration } from './verifying.js'

export interface RestoreReport {
  /** The generation that it was made of. */
  readonly from: string
  readonly path: string
  readonly takenAtMs: number
  readonly logs: number
  readonly files: number
  readonly sizeInBytes: number
}

/**
 * @param backup a generation, or the directory of several, the newest of which is taken
 * @param path the data directory to make; there is none yet, or an empty one
 * @throws INVALID_ARGUMENT for something that is no backup, or a path that is taken; BACKUP_DAMAGED; DISK_FULL, DISK_FAILED
 */
export async function restore(disk: Disk, backup: string, path: string, watcher: Watcher = {}): Promise<RestoreReport> {
  const generation = await chosenGeneration(disk, backup)
  const { manifest } = generation
  const there = await disk.list(path)
  if (there !== undefined && there.length > 0)
    throw new HoldfastError('INVALID_ARGUMENT', `${path} is not empty. Restore into a directory that is not there yet.`)
  const sizeInBytes = manifest.files.reduce((sum, file) => sum + bytesIn(file), 0)
  const aside = path.replace(/\/+$/, '') + partial
  await disk.remove(aside)
  await disk.makeDirectory(aside)
  const free = (await disk.space(aside))?.freeBytes
  if (free !== undefined && free < sizeInBytes)
    throw new HoldfastError('DISK_FULL', `The backup is ${sizeInBytes} bytes, and ${free} are free where ${path} lies.`)
  const directories = new Set(manifest.files.map((file) => dirname(join(aside, file.path))))
  for (const directory of directories) await disk.makeDirectory(directory)
  const copies = manifest.files.map((file) => ({
    from: join(generation.path, file.path),
    to: join(aside, file.path),
    sizeInBytes: bytesIn(file),
    ...(file.usedBytes !== undefined && { fileBytes: file.sizeInBytes }),
  }))
  await copyFiles(disk, copies, watcher)
  for (const directory of directories) await disk.syncDirectory(directory)
  await verifyGeneration(disk, aside, manifest, watcher)
  if (there !== undefined) await disk.remove(path)
  await disk.rename(aside, path)
  await disk.syncDirectory(dirname(aside))
  const { takenAtMs, logs, commitLog, files } = manifest
  const logsCount = logs.length + (commitLog?.queues.length ?? 0)
  return { from: generation.path, path, takenAtMs, logs: logsCount, files: files.length, sizeInBytes }
}

async function chosenGeneration(disk: Disk, backup: string): Promise<Generation> {
  if ((await disk.readFile(join(backup, manifestFile))) !== undefined) return readGeneration(disk, backup, '.')
  const newest = (await generationNames(disk, backup)).at(-1)
  if (newest === undefined) throw new HoldfastError('INVALID_ARGUMENT', `There is no backup in ${backup}.`)
  return readGeneration(disk, backup, newest)
}
