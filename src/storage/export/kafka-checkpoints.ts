/** Kafka's checkpoints of a log.dir, with the lines of some partitions replaced and all others as they were. */

import { join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import { checkpointFile, encodeOffsets, type PartitionOffset } from '../checkpoints.js'
import { partitionDirectoryName } from '../segments/format.js'
import { decodeCheckpoint } from '../segments/text-files.js'

export interface TakenOver {
  readonly topic: string
  readonly partition: number
  readonly logStartOffset: number
  readonly endOffset: number
  readonly firstBase: number
  readonly cleanedUpTo: number | undefined
}

/** What each file says of a log; undefined where it has no line of it. */
const lines: Readonly<Record<keyof typeof checkpointFile, (log: TakenOver) => number | undefined>> = {
  recoveryPoint: ({ endOffset }) => endOffset,
  highWatermark: ({ endOffset }) => endOffset,
  // Kafka has a line only where the files do not say it themselves.
  logStart: ({ logStartOffset, firstBase }) => (logStartOffset > firstBase ? logStartOffset : undefined),
  cleaner: ({ cleanedUpTo }) => cleanedUpTo,
}

/**
 * To be called before the directories are in place: to a log that is still empty the lines do no harm (Kafka takes what
 * lies beyond its end for its end, and begins it where it is said to start), and one that is there needs all of them.
 * @throws DATA_DIR_DAMAGED where a file of Kafka's cannot be read
 */
export async function writeKafkaCheckpoints(disk: Disk, logDir: string, logs: readonly TakenOver[]): Promise<void> {
  const taken = new Set(logs.map(({ topic, partition }) => partitionDirectoryName(topic, partition)))
  for (const [kind, offsetOf] of Object.entries(lines) as [keyof typeof lines, (typeof lines)['logStart']][]) {
    const path = join(logDir, checkpointFile[kind])
    const before = await disk.readFile(path)
    const kept = decodeCheckpoint(before ?? Buffer.alloc(0), path, { fields: 3, numbers: 2 })
      .filter(([topic, partition]) => !taken.has(partitionDirectoryName(topic, Number(partition))))
      .map(([topic, partition, offset]) => ({ topic, partition: Number(partition), offset: Number(offset) }))
    const added = logs.flatMap((log): PartitionOffset | [] => {
      const offset = offsetOf(log)
      return offset === undefined ? [] : { topic: log.topic, partition: log.partition, offset }
    })
    const bytes = encodeOffsets([...kept, ...added])
    if (!bytes.equals(before ?? encodeOffsets([]))) await disk.replaceFile(path, bytes)
  }
}
