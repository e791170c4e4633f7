/** The partition directories of a Kafka log.dir as a set: found, taken over, removed. */

import { join } from 'node:path'
import type { Logger } from '../core/logger.js'
import { type Randomness, randomUuid } from '../core/randomness.js'
import type { Disk } from '../files/disk.js'
import { makeSurely } from '../files/sure-names.js'
import { parsePartitionDirectoryName, parseSegmentFileName, partitionDirectoryName, suffix } from './segments/format.js'
import { decodePartitionMetadata } from './segments/text-files.js'
import { isTopicName, type Topic } from './topic-catalog.js'

/** A KRaft controller's own log: not a topic, even where it lies in the same directory. */
const clusterMetadataTopic = '__cluster_metadata'

const longestDirectoryName = 255

/** A directory with a greater number in its name is somebody's `backup-20251122`, not a partition. */
const greatestPartition = 99_999

/** Topics whose directories lie in the log.dir though no catalog names them: a directory that a Kafka broker left. */
export async function adoptTopics(
  disk: Disk,
  logPath: string,
  known: readonly Topic[],
  { randomness, logger }: { randomness: Randomness; logger: Logger },
): Promise<readonly Topic[]> {
  const names = new Set(known.map((topic) => topic.name))
  const found = new Map<string, { partitions: number; firstDirectory: string }>()
  for (const { name, isDirectory } of (await disk.list(logPath)) ?? []) {
    const parsed = isDirectory ? parsePartitionDirectoryName(name) : undefined
    if (parsed === undefined || names.has(parsed.topic) || !isTopicName(parsed.topic)) continue
    if (parsed.topic === clusterMetadataTopic) continue
    if (parsed.partition > greatestPartition || !(await holdsPartition(disk, join(logPath, name)))) {
      logger.warn({ directory: join(logPath, name) }, 'Left alone a directory that holds no partition.')
      continue
    }
    const seen = found.get(parsed.topic)
    found.set(parsed.topic, {
      partitions: Math.max(seen?.partitions ?? 0, parsed.partition + 1),
      firstDirectory: seen?.firstDirectory ?? name,
    })
  }
  const topics: Topic[] = []
  for (const [name, { partitions, firstDirectory }] of found) {
    const metadata = await disk.readFile(join(logPath, firstDirectory, 'partition.metadata'))
    const id = (metadata && decodePartitionMetadata(metadata)) ?? randomUuid(randomness)
    topics.push({ name, id, partitions, config: {}, adopted: true })
  }
  return topics
}

async function holdsPartition(disk: Disk, directory: string): Promise<boolean> {
  const entries = (await disk.list(directory)) ?? []
  return entries.some(({ name }) => name === 'partition.metadata' || parseSegmentFileName(name)?.suffix === suffix.log)
}

/** Removes what deletions that a crash interrupted have left, ours or Kafka's. */
export async function removeDeletedDirectories(disk: Disk, logPath: string): Promise<void> {
  for (const { name, isDirectory } of (await disk.list(logPath)) ?? []) {
    if (isDirectory && /^\S+-\S+\.\S+-delete$/.test(name)) await disk.remove(join(logPath, name))
  }
}

/** Those from `from` on that lie before `to`. */
interface Partitions {
  readonly from: number
  readonly to: number
}

/**
 * Removes a topic's directories of some partitions, also such as a growing that failed left beyond the topic's count, which
 * the next start would take for a topic: renamed first, so that no half of one is ever taken for a partition.
 */
export async function removePartitionDirectories(
  disk: Disk,
  logPath: string,
  topic: Topic,
  range: Partitions,
  randomness: Randomness,
): Promise<void> {
  const doomed: string[] = []
  await makeSurely(disk, logPath, async () => {
    for (const { name, partition } of await directoriesOf(disk, logPath, topic, range)) {
      const tail = `-${partition}.${randomUuid(randomness).toString('hex')}-delete`
      const doomedName = topic.name.slice(0, longestDirectoryName - tail.length) + tail
      await disk.rename(join(logPath, name), join(logPath, doomedName))
      doomed.push(doomedName)
    }
    await disk.syncDirectory(logPath)
  })
  for (const name of doomed) await disk.remove(join(logPath, name))
}

/**
 * The directories that are to go. Once a sync of the log.dir has failed, one that is gone may come back, and no later sync
 * would prevent it: an empty one takes its place, whose removal that sync can carry.
 */
async function directoriesOf(
  disk: Disk,
  logPath: string,
  topic: Topic,
  { from, to }: Partitions,
): Promise<readonly { readonly name: string; readonly partition: number }[]> {
  const found = new Map<string, number>()
  for (const { name, isDirectory } of (await disk.list(logPath)) ?? []) {
    const parsed = isDirectory ? parsePartitionDirectoryName(name) : undefined
    if (parsed?.topic !== topic.name || parsed.partition < from || parsed.partition >= to) continue
    if (parsed.partition > greatestPartition) continue
    const { partition } = parsed
    if (partition >= topic.partitions && !(await holdsPartition(disk, join(logPath, name)))) continue
    found.set(name, partition)
  }
  for (let partition = from; disk.failedSyncs(logPath) > 0 && partition < Math.min(to, topic.partitions); partition++) {
    const name = partitionDirectoryName(topic.name, partition)
    if (found.has(name)) continue
    await disk.makeDirectory(join(logPath, name))
    found.set(name, partition)
  }
  return [...found].map(([name, partition]) => ({ name, partition }))
}
