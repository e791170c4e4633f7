/** What a path given to a tool stands for: a data directory, a Kafka log.dir, one partition, RocketMQ's store, or one file of them. */

import { basename, dirname, join, resolve } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import type { Settings } from '../../core/settings.js'
import type { Disk, DiskLock } from '../../files/disk.js'
import { storeNames } from '../commitlog/format.js'
import { logPathOf } from '../data-directory.js'
import { parsePartitionDirectoryName } from '../segments/format.js'
import { storePathOf } from '../store-places.js'
import { storeAround } from './commitlog/store-around.js'
import { kindOfName } from './names.js'
import { kindOfPath } from './open-file.js'

export interface Target {
  /** The data directory; undefined where the log.dir or the store lies in none. */
  readonly dataPath: string | undefined
  /** Undefined where a store of RocketMQ's is meant alone. */
  readonly logPath: string | undefined
  /** RocketMQ's directory, where there is one and it is meant. */
  readonly storePath: string | undefined
  /** The partition directory, by name, where only one is meant. */
  readonly only: string | undefined
  /** The file that is meant, where it is one; of a store also a directory in it. */
  readonly file: string | undefined
}

/** Whether what lies at `path` is meant. */
export function isMeant({ file }: Target, path: string): boolean {
  return file === undefined || path === file || path.startsWith(`${file}/`)
}

/** @throws INVALID_ARGUMENT where there is nothing, or nothing that these tools know */
export async function targetOf(disk: Disk, path: string, settings: Settings): Promise<Target> {
  const whole = resolve(path)
  const kind = await kindOfPath(disk, whole)
  if (kind === undefined) throw new HoldfastError('INVALID_ARGUMENT', `There is no ${path}.`)
  const directory = kind === 'file' ? dirname(whole) : whole
  const file = kind === 'file' ? whole : undefined
  if (await isDataDirectory(disk, directory)) {
    const storePath = storePathOf(directory)
    const isThere = (await disk.list(storePath)) !== undefined
    const logPath = resolve(logPathOf(directory, settings))
    return { dataPath: directory, logPath, storePath: isThere ? storePath : undefined, only: undefined, file }
  }
  const isConfig = basename(directory) === 'config' && (await isDataDirectory(disk, dirname(directory)))
  if (isConfig) return { ...(await targetOf(disk, dirname(directory), settings)), file }
  const storePath = await storeAround(disk, directory)
  if (storePath !== undefined) {
    const inData = (await isDataDirectory(disk, dirname(storePath))) && storePath === storePathOf(dirname(storePath))
    const dataPath = inData ? dirname(storePath) : undefined
    return { dataPath, logPath: undefined, storePath, only: undefined, file: whole === storePath ? undefined : whole }
  }
  const isPartition =
    parsePartitionDirectoryName(basename(directory)) !== undefined && (await holdsSegments(disk, directory))
  const logPath = isPartition ? dirname(directory) : directory
  const isLogDirectory = isPartition || (await holdsPartitions(disk, directory))
  if (!isLogDirectory) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      `${path} is no data directory, no Kafka log.dir, no partition of one, no store of RocketMQ, and no file of these.`,
    )
  }
  const above = dirname(logPath)
  // Where the log lies elsewhere, nothing in it tells of which data directory it is.
  const dataPath =
    (await isDataDirectory(disk, above)) && resolve(logPathOf(above, settings)) === logPath ? above : undefined
  return { dataPath, logPath, storePath: undefined, only: isPartition ? basename(directory) : undefined, file }
}

/**
 * Locks what a target lies in, so that nobody changes it meanwhile: the data directory as a store would, the log.dir
 * as Kafka would, and the store as RocketMQ would. Where nothing can be written there is nothing to lock.
 * @throws DATA_DIR_LOCKED
 */
export async function lockTarget(disk: Disk, { dataPath, logPath, storePath }: Target): Promise<DiskLock> {
  const locks: DiskLock[] = []
  const release = async () => {
    for (const lock of locks.splice(0).reverse()) await lock.release()
  }
  const paths = [
    ...(dataPath === undefined ? [] : [join(dataPath, 'lock')]),
    ...(logPath === undefined ? [] : [join(logPath, '.lock')]),
    ...(storePath === undefined ? [] : [join(storePath, storeNames.lock)]),
  ]
  try {
    for (const path of paths) {
      if ((await disk.list(dirname(path))) === undefined) continue
      await disk.lock(path).then(
        (lock) => locks.push(lock),
        (error: unknown) => {
          if (!(error instanceof HoldfastError && error.code === 'DATA_DIR_READ_ONLY')) throw error
        },
      )
    }
  } catch (error) {
    await release()
    throw error
  }
  return { release }
}

async function isDataDirectory(disk: Disk, path: string): Promise<boolean> {
  const names = new Set((await disk.list(path))?.map(({ name }) => name))
  return names.has('holdfast.json') || (names.has('config') && names.has('log'))
}

async function holdsSegments(disk: Disk, path: string): Promise<boolean> {
  const entries = (await disk.list(path)) ?? []
  return entries.some(({ name }) => name === 'partition.metadata' || kindOfName(name).offset !== undefined)
}

async function holdsPartitions(disk: Disk, path: string): Promise<boolean> {
  const entries = (await disk.list(path)) ?? []
  return entries.some(({ name, isDirectory }) =>
    isDirectory
      ? parsePartitionDirectoryName(name) !== undefined
      : name === 'meta.properties' || kindOfName(name).kind === 'checkpoint',
  )
}
