/** The end of a move: the topics that Kafka has now leave the data directory. */

import type { Randomness } from '../../core/randomness.js'
import type { Disk } from '../../files/disk.js'
import { removePartitionDirectories } from '../partition-directories.js'
import type { ExportableTopics, SourceDirectory } from './source.js'

/** Marked first, all at once: the next start finishes what a crash interrupts, and what is known of them elsewhere. */
export async function takeOut(
  disk: Disk,
  { logPath }: SourceDirectory,
  { catalog, topics }: ExportableTopics,
  randomness: Randomness,
): Promise<void> {
  await catalog.put(...topics.map((topic) => ({ ...topic, deleting: true })))
  for (const topic of topics)
    await removePartitionDirectories(disk, logPath, topic, { from: 0, to: Number.POSITIVE_INFINITY }, randomness)
}
