/**
 * Finds the files of a key index. What does not belong there is left alone, what belongs there and cannot be used is moved
 * aside, never deleted: all of it can be made again from the commit log.
 */

import { join } from 'node:path'
import type { Logger } from '../../core/logger.js'
import type { Disk } from '../../files/disk.js'
import { IndexFile } from './index-file.js'
import {
  decodeIndexHeader,
  headerBehind,
  type IndexHeader,
  type IndexShape,
  indexFileBytes,
  indexHeaderBytes,
  isIndexFileName,
} from './index-format.js'

export interface IndexPlace {
  readonly disk: Disk
  /** RocketMQ's `store/index`. */
  readonly directory: string
  /** Where unusable files go, in the same file system; made when there is one. */
  readonly aside: string
  readonly shape: IndexShape
  readonly logger: Logger
}

export interface FoundIndex {
  /** Oldest first. */
  readonly files: IndexFile[]
  /** Why the index has to be built again; undefined where nothing is missing. */
  readonly damage: string | undefined
}

export async function findIndexFiles(place: IndexPlace): Promise<FoundIndex> {
  const { disk, directory, logger } = place
  const names: string[] = []
  for (const { name, isDirectory } of (await disk.list(directory)) ?? []) {
    if (isIndexFileName(name) && !isDirectory) names.push(name)
    else logger.warn({ path: join(directory, name) }, 'What is no file of the key index was left alone.')
  }
  const files: IndexFile[] = []
  let damage: string | undefined
  for (const name of names.sort()) {
    if (await removeIfEmpty(place, name)) continue
    const header = await readHeader(place, name, files.at(-1)?.header)
    if (typeof header === 'string') {
      await moveAside(place, name, header)
      damage ??= header
    } else files.push(new IndexFile(directory, name, header))
  }
  return { files, damage }
}

/** Moves a file out of the index, and says why. */
export async function moveAside(
  { disk, directory, aside, logger }: IndexPlace,
  name: string,
  why: string,
): Promise<void> {
  const to = join(aside, name)
  await disk.makeDirectory(aside)
  await disk.rename(join(directory, name), to)
  await disk.syncDirectory(directory)
  logger.warn(
    { why, to },
    'A file of the key index cannot be used; it was moved aside, and the index has to be rebuilt.',
  )
}

/** A file without a byte: a crash came when it had just been made. */
async function removeIfEmpty({ disk, directory, logger }: IndexPlace, name: string): Promise<boolean> {
  const path = join(directory, name)
  if ((await disk.stat(path))?.sizeInBytes !== 0) return false
  await disk.remove(path)
  await disk.syncDirectory(directory)
  logger.info({ path }, 'A file of the key index that held nothing was removed.')
  return true
}

/** The header, or what is wrong with the file. */
async function readHeader(
  { disk, directory, shape }: IndexPlace,
  name: string,
  previous: IndexHeader | undefined,
): Promise<IndexHeader | string> {
  const file = await disk.open(join(directory, name), { mode: 'read' })
  try {
    const [size, expected] = [await file.size(), indexFileBytes(shape)]
    if (size !== expected) {
      return `${name} has ${size} bytes, where max.hash.slot.num and max.index.num make ${expected}.`
    }
    const bytes = Buffer.alloc(indexHeaderBytes)
    await file.read(bytes, 0)
    const header = decodeIndexHeader(bytes, shape)
    if (header === undefined) return `${name} has a header that cannot be one.`
    if (header.next === 1) return headerBehind(previous)
    if (previous !== undefined && header.beginPosition < previous.endPosition) {
      return `${name} begins before the file before it ends.`
    }
    return header
  } finally {
    await file.close()
  }
}
