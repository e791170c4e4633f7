/**
 * What a backup says of itself: `backup.json` in each generation, written last.
 *
 *   TARGET/
 *     lock                       held while a backup is taken
 *     20261125T224500Z/          a generation: a whole data directory, and
 *       backup.json              what is in it
 *     20261125T231500Z.partial/  one that was not finished; the next backup removes it
 *
 * FORMAT MIGRATION GUIDE. `version` is raised when a reader of the version before would go wrong; a program reads its own
 * version and the one before.
 */

import { HoldfastError } from '../../core/errors.js'
import { parseJson } from '../data-directory.js'

export const manifestFile = 'backup.json'
const manifestVersion = 1

/** At the end of the name of a generation that is being written. */
export const partial = '.partial'

export interface BackedUpFile {
  /** Relative to the generation, with forward slashes. */
  readonly path: string
  readonly sizeInBytes: number
  /** Behind so many bytes it holds zeros; absent where it is full. */
  readonly usedBytes?: number
  /** Of the file it was taken from, where that will not change any more: one that is still the same is not copied again. */
  readonly source?: string
}

export interface BackedUpLog {
  readonly topic: string
  readonly partition: number
  readonly startOffset: number
  /** The first offset that is not in it. */
  readonly endOffset: number
  /** Compaction, ours or Kafka's, may have left offsets out. */
  readonly mayHaveHoles: boolean
  /** The store could read the log only so far. */
  readonly damage?: string
}

/** A queue of the commit log. */
export interface BackedUpQueue {
  readonly topic: string
  readonly partition: number
  readonly startOffset: number
  /** The first offset that is not in it. */
  readonly endOffset: number
  /** Messages of the topic's name before this position are of an earlier topic. */
  readonly since: number
}

export interface BackedUpCommitLog {
  /** Behind the last message. */
  readonly endPosition: number
  readonly queues: readonly BackedUpQueue[]
  /** The store could read the commit log only so far. */
  readonly damage?: string
}

export interface Manifest {
  readonly takenAtMs: number
  readonly clusterId: string
  readonly logs: readonly BackedUpLog[]
  /** Absent where the store had none. */
  readonly commitLog?: BackedUpCommitLog
  readonly files: readonly BackedUpFile[]
}

/** The name of a generation that is begun at this time (ms), behind the newest one where the clock went back. */
export function generationName(nowMs: number, existing: readonly string[]): string {
  const name = `${new Date(nowMs).toISOString().replace(/[-:]/g, '').slice(0, 15)}Z`
  const newest = existing.at(-1)
  if (newest === undefined || name > newest) return name
  const [stem, count = '0'] = newest.split('-')
  return `${stem}-${String(Number(count) + 1).padStart(4, '0')}`
}

export function isGeneration(name: string): boolean {
  return /^\d{8}T\d{6}Z(-\d{4})?$/.test(name)
}

export function encodeManifest(manifest: Manifest): Buffer {
  return Buffer.from(`${JSON.stringify({ version: manifestVersion, ...manifest }, null, 1)}\n`)
}

/** @throws DATA_DIR_NEWER, DATA_DIR_DAMAGED */
export function decodeManifest(bytes: Buffer, path: string): Manifest {
  const { version, ...found } = parseJson(bytes, path)
  if (typeof version === 'number' && version > manifestVersion) {
    throw new HoldfastError('DATA_DIR_NEWER', `${path} has version ${version}; this program reads ${manifestVersion}.`)
  }
  const { clusterId, takenAtMs, logs, commitLog, files } = found as Partial<Manifest>
  const isSound =
    version === manifestVersion &&
    typeof clusterId === 'string' &&
    Number.isSafeInteger(takenAtMs) &&
    Array.isArray(logs) &&
    logs.every(isLog) &&
    (commitLog === undefined || isCommitLog(commitLog)) &&
    Array.isArray(files) &&
    files.every(isFile)
  if (isSound) return found as unknown as Manifest
  throw new HoldfastError('DATA_DIR_DAMAGED', `${path} does not tell what the backup holds. Use another generation.`)
}

function isLog(row: Partial<BackedUpLog> | null): boolean {
  return (
    typeof row?.topic === 'string' &&
    [row.partition, row.startOffset, row.endOffset].every((value) => Number.isSafeInteger(value)) &&
    typeof row.mayHaveHoles === 'boolean'
  )
}

function isCommitLog(row: Partial<BackedUpCommitLog> | null): boolean {
  const isQueue = (queue: Partial<BackedUpQueue> | null) =>
    typeof queue?.topic === 'string' &&
    [queue.partition, queue.startOffset, queue.endOffset, queue.since].every((value) => Number.isSafeInteger(value))
  return Number.isSafeInteger(row?.endPosition) && Array.isArray(row?.queues) && row.queues.every(isQueue)
}

/** What of a file takes up space. */
export function bytesIn({ sizeInBytes, usedBytes }: BackedUpFile): number {
  return usedBytes ?? sizeInBytes
}

/** A path that led out of the generation would be written, and removed, elsewhere. */
function isFile(row: Partial<BackedUpFile> | null): boolean {
  return (
    typeof row?.path === 'string' &&
    Number.isSafeInteger(row.sizeInBytes) &&
    !row.path.split('/').some((part) => part === '' || part === '.' || part === '..')
  )
}
