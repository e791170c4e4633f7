/**
 * A log.dir of a Kafka broker (KRaft) that is stopped: what it holds, and the two names under which an export puts
 * directories aside in it. Both end in `-delete`, so that Kafka clears away at its start what an export that was
 * interrupted has left; and each has a mark in it, so that the next export knows its own.
 */

import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import type { Randomness } from '../../core/randomness.js'
import type { Disk } from '../../files/disk.js'
import { parsePartitionDirectoryName, parseSegmentFileName, suffix } from '../segments/format.js'
import { decodeEpochs, decodePartitionMetadata, decodeProperties } from '../segments/text-files.js'

/** The first half of the UUID in the name: "Holdfast", and which of the two it is. */
const marks = {
  /** What is being put together, to become the partition. */
  staged: '486f6c64666173740000',
  /** What Kafka had there. */
  aside: '486f6c64666173740001',
} as const

const longestName = 255
const uuidDigits = 32

/** A name for the directory of a partition while it is not the one in use. */
export function nameAside(directory: string, mark: keyof typeof marks, randomness: Randomness): string {
  const start = marks[mark]
  const tail = `.${start}${randomness.bytes((uuidDigits - start.length) / 2).toString('hex')}-delete`
  if (directory.length + tail.length <= longestName) return directory + tail
  const message = `The name ${directory} is too long to be exported: ${longestName - tail.length} characters at most.`
  throw new HoldfastError('EXPORT_REFUSED', message)
}

interface Leftover {
  readonly name: string
  readonly directory: string
  readonly mark: keyof typeof marks
}

function leftoverOf(name: string): Leftover | undefined {
  const match = /^(.+)\.([0-9a-f]{32})-delete$/.exec(name)
  if (match === null) return undefined
  const [, directory, uuid] = match
  const mark = uuid.startsWith(marks.staged) ? 'staged' : uuid.startsWith(marks.aside) ? 'aside' : undefined
  return mark && { name, directory, mark }
}

/**
 * Takes back what an export that was interrupted has left: a partition that was between its two directories gets the one
 * that Kafka made. With `dryRun` it only says whether there is such a partition.
 */
export async function settleLeftovers(disk: Disk, path: string, dryRun: boolean): Promise<{ isBetween: boolean }> {
  const names = new Set((await disk.list(path))?.map(({ name }) => name))
  const leftovers = [...names].flatMap((name) => leftoverOf(name) ?? [])
  const between = leftovers.filter(({ directory, mark }) => mark === 'aside' && !names.has(directory))
  if (dryRun || leftovers.length === 0) return { isBetween: between.length > 0 }
  for (const { name, directory } of between) await disk.rename(join(path, name), join(path, directory))
  await disk.syncDirectory(path)
  for (const leftover of leftovers) if (!between.includes(leftover)) await disk.remove(join(path, leftover.name))
  await disk.syncDirectory(path)
  return { isBetween: false }
}

/** Why Kafka's directory cannot be worked on; undefined where it can. */
export async function whyNotReady(disk: Disk, path: string): Promise<string | undefined> {
  const names = new Set((await disk.list(path))?.map(({ name }) => name))
  const properties = decodeProperties((await disk.readFile(join(path, 'meta.properties'))) ?? Buffer.alloc(0))
  const isFormatted =
    properties['version'] === '1' && properties['cluster.id'] !== undefined && properties['node.id'] !== undefined
  if (!isFormatted)
    return `${path} is no log.dir of a KRaft broker: format it with kafka-storage.sh, start Kafka, create the topics, and stop it`
  if (names.has('.kafka_cleanshutdown')) return undefined
  return `${path} was not closed in order: start Kafka on it once more and stop it with SIGTERM (or kafka-server-stop.sh)`
}

export interface KafkaPartition {
  /** The log.dir that it lies in. */
  readonly logDir: string
  readonly topic: string
  readonly partition: number
  /** Its directory in there, by name. */
  readonly directory: string
  /** The bytes of `partition.metadata`; undefined where it names no topic id. */
  readonly metadata: Buffer | undefined
  /** The latest that Kafka is known to have led in. */
  readonly leaderEpoch: number
  /** Of the segments that hold anything, by the name of the `.log` file. */
  readonly segments: ReadonlyMap<string, number>
}

/** The partitions of a log.dir, by topic. */
export async function partitionsOf(
  disk: Disk,
  logDir: string,
  topics: ReadonlySet<string>,
): Promise<readonly KafkaPartition[]> {
  const partitions: KafkaPartition[] = []
  for (const { name: directory, isDirectory } of (await disk.list(logDir)) ?? []) {
    const parsed = isDirectory ? parsePartitionDirectoryName(directory) : undefined
    if (parsed === undefined || !topics.has(parsed.topic)) continue
    const path = join(logDir, directory)
    const metadata = await disk.readFile(join(path, 'partition.metadata'))
    const epochs = await disk.readFile(join(path, 'leader-epoch-checkpoint'))
    const segments = new Map<string, number>()
    for (const { name } of (await disk.list(path)) ?? []) {
      if (parseSegmentFileName(name)?.suffix !== suffix.log) continue
      const sizeInBytes = (await disk.stat(join(path, name)))?.sizeInBytes ?? 0
      if (sizeInBytes > 0) segments.set(name, sizeInBytes)
    }
    partitions.push({
      logDir,
      ...parsed,
      directory,
      metadata: metadata && decodePartitionMetadata(metadata) && metadata,
      leaderEpoch: (epochs && decodeEpochs(epochs, join(path, 'leader-epoch-checkpoint')).at(-1)?.epoch) ?? 0,
      segments,
    })
  }
  return partitions
}
