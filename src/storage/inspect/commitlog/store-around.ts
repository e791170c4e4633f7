/** Finds the store directory of RocketMQ that a path lies in. */

import { basename, dirname, join } from 'node:path'
import type { Disk } from '../../../files/disk.js'
import { positionOfFileName, storeNames } from '../../commitlog/format.js'
import { storePathOf, storeState } from '../../store-places.js'

/** `consumequeue/<topic>/<queue id>` is the deepest that there is. */
const deepest = 3

/** The store that the directory is, or lies in, or is beside of; undefined where there is none. */
export async function storeAround(disk: Disk, directory: string): Promise<string | undefined> {
  const beside = storePathOf(dirname(directory))
  if (basename(directory) === storeState.directory && (await isStore(disk, beside))) return beside
  let path = directory
  for (let level = 0; level <= deepest && path !== dirname(path); level++, path = dirname(path)) {
    if (await isStore(disk, path)) return path
  }
  return undefined
}

/** A log.dir of Kafka's may be called `commitlog` too. */
export async function isStore(disk: Disk, path: string): Promise<boolean> {
  const names = new Set((await disk.list(path))?.map(({ name }) => name))
  if (names.has('holdfast.json')) return false
  if ([storeNames.consumeQueue, storeNames.checkpoint, storeNames.abort].some((name) => names.has(name))) return true
  if (!names.has(storeNames.commitLog)) return false
  const files = (await disk.list(join(path, storeNames.commitLog))) ?? []
  return files.some(({ name, isDirectory }) => !isDirectory && positionOfFileName(name) !== undefined)
}
