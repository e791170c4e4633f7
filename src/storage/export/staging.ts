/**
 * Puts together the directory that becomes a partition of Kafka's, under a name that Kafka clears away at its start. What
 * Kafka will write goes into an empty segment of its own behind ours: so no file of ours is ever written to by Kafka, and
 * sealed ones can be one and the same file on both sides. Kafka removes and renames such files; it alters none.
 *
 * The producer snapshot at the end holds nobody: Kafka gives away producer ids from 0 on, as we do, and a producer of
 * Kafka's that got the id of one of ours would be taken for it, and its first batch for one that was written before.
 */

import { join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import { copyFiles } from '../backup/file-copies.js'
import type { EpochStart } from '../log/leader-epochs.js'
import { ProducerStates } from '../producer-states.js'
import { segmentFileName, suffix } from '../segments/format.js'
import { encodeProducerSnapshot } from '../segments/producer-snapshot.js'
import { encodeEpochs } from '../segments/text-files.js'
import type { ExportHow } from './contract.js'
import { copyLowered, lowerStarts } from './lower-epochs.js'
import type { PlannedPartition } from './plan.js'

/** The bytes that were copied of the segments, after each of them. */
export type OnStaged = (doneBytes: number) => void

/** Everything in `directory`, durable but for its own name; how many bytes of segments were copied. */
export async function stageLog(
  disk: Disk,
  directory: string,
  { source, target, lowerTo }: PlannedPartition,
  { how, onStaged }: { how: ExportHow; onStaged: OnStaged },
): Promise<number> {
  await disk.makeDirectory(directory)
  let copiedBytes = 0
  for (const { baseOffset, sizeInBytes, isLast, indexes } of source.segments) {
    const log = segmentFileName(baseOffset, suffix.log)
    const [from, to] = [join(source.directory, log), join(directory, log)]
    // Whoever goes on with the data directory writes behind the last batch of the last segment.
    const mayShare = how !== 'copy' && !isLast && lowerTo === undefined
    if (!mayShare || !(await disk.link(from, to))) {
      if (lowerTo === undefined) await copyFiles(disk, [{ from, to, sizeInBytes }], {})
      else await copyLowered(disk, { from, to, baseOffset, latest: lowerTo })
      copiedBytes += sizeInBytes
    }
    for (const index of indexes) await copyWhole(disk, source.directory, directory, segmentFileName(baseOffset, index))
    onStaged(sizeInBytes)
  }
  const epochs = lowerTo === undefined ? source.epochs : lowerStarts(source.epochs, lowerTo)
  await finish(disk, directory, { endOffset: source.endOffset, epochs, metadata: target.metadata })
  return copiedBytes
}

async function copyWhole(disk: Disk, from: string, to: string, name: string): Promise<void> {
  const sizeInBytes = (await disk.stat(join(from, name)))?.sizeInBytes ?? 0
  await copyFiles(disk, [{ from: join(from, name), to: join(to, name), sizeInBytes }], {})
}

export interface Ending {
  readonly endOffset: number
  readonly epochs: readonly EpochStart[]
  readonly metadata: Buffer | undefined
}

/** Adds the segment that Kafka writes to, and what it looks for beside it. */
export async function finish(disk: Disk, directory: string, { endOffset, epochs, metadata }: Ending): Promise<void> {
  const empty = [suffix.log, suffix.offsetIndex, suffix.timeIndex]
  for (const one of empty) await writeNew(disk, join(directory, segmentFileName(endOffset, one)), Buffer.alloc(0))
  const snapshot = encodeProducerSnapshot(new ProducerStates())
  await writeNew(disk, join(directory, segmentFileName(endOffset, suffix.snapshot)), snapshot)
  await writeNew(disk, join(directory, 'leader-epoch-checkpoint'), encodeEpochs(epochs))
  if (metadata !== undefined) await writeNew(disk, join(directory, 'partition.metadata'), metadata)
  await disk.syncDirectory(directory)
}

/** A file that nobody looks at yet. */
export async function writeNew(disk: Disk, path: string, bytes: Buffer): Promise<void> {
  const file = await disk.open(path, { mode: 'create' })
  try {
    if (bytes.length > 0) await file.write([bytes], 0)
    await file.sync()
  } finally {
    await file.close()
  }
}
