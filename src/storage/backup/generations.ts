/** The generations that lie in a backup directory: found, read, removed. */

import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import type { Disk } from '../../files/disk.js'
import { decodeManifest, isGeneration, type Manifest, manifestFile, partial } from './manifest.js'

export interface Generation {
  readonly name: string
  readonly path: string
  readonly manifest: Manifest
}

/** Names of the generations that were finished, oldest first. */
export async function generationNames(disk: Disk, target: string): Promise<string[]> {
  const entries = (await disk.list(target)) ?? []
  return entries.flatMap(({ name, isDirectory }) => (isDirectory && isGeneration(name) ? [name] : [])).sort()
}

/** @throws DATA_DIR_DAMAGED, DATA_DIR_NEWER; INVALID_ARGUMENT where there is no generation */
export async function readGeneration(disk: Disk, target: string, name: string): Promise<Generation> {
  const path = join(target, name)
  const file = join(path, manifestFile)
  const bytes = await disk.readFile(file)
  if (bytes === undefined)
    throw new HoldfastError('INVALID_ARGUMENT', `${path} is no backup: it has no ${manifestFile}.`)
  return { name, path, manifest: decodeManifest(bytes, file) }
}

/** Removes what a backup that was not finished has left. */
export async function removeUnfinished(disk: Disk, target: string): Promise<void> {
  for (const { name, isDirectory } of (await disk.list(target)) ?? []) {
    if (!isDirectory || !name.endsWith(partial) || !isGeneration(name.slice(0, -partial.length))) continue
    await disk.remove(join(target, name))
  }
}

/** Removes the oldest generations, so that `keep` are left; the names of those removed. */
export async function removeOldest(disk: Disk, target: string, keep: number): Promise<string[]> {
  const names = await generationNames(disk, target)
  const doomed = names.slice(0, Math.max(0, names.length - keep))
  for (const name of doomed) {
    // A crash in between must leave no half of a generation under its name.
    await disk.rename(join(target, name), join(target, name + partial))
    await disk.syncDirectory(target)
    await disk.remove(join(target, name + partial))
  }
  return doomed
}
