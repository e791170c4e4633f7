/** Reads the offset checkpoints of a log.dir as they are, and says what is wrong with them. */

import { join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import { checkpointFile } from '../checkpoints.js'
import { partitionDirectoryName } from '../segments/format.js'
import { decodeCheckpoint } from '../segments/text-files.js'
import type { Findings } from './findings.js'
import { readSmallFile } from './open-file.js'

export interface Checkpoints {
  /** Offsets by partition directory name; undefined where the file is missing or cannot be read. */
  readonly recoveryPoint: ReadonlyMap<string, number> | undefined
  readonly logStart: ReadonlyMap<string, number> | undefined
  readonly highWatermark: ReadonlyMap<string, number> | undefined
}

/** What compaction has reached in each log. */
export const cleanerCheckpoint = 'cleaner-offset-checkpoint'

export async function readCheckpoints(disk: Disk, logPath: string, findings: Findings): Promise<Checkpoints> {
  const read = (name: string) => readOffsets(disk, join(logPath, name), findings)
  await read(cleanerCheckpoint)
  return {
    recoveryPoint: await read(checkpointFile.recoveryPoint),
    logStart: await read(checkpointFile.logStart),
    highWatermark: await read(checkpointFile.highWatermark),
  }
}

async function readOffsets(disk: Disk, path: string, findings: Findings): Promise<Map<string, number> | undefined> {
  const bytes = await readSmallFile(disk, path)
  if (bytes === undefined) return undefined
  try {
    const offsets = new Map<string, number>()
    for (const [topic, partition, offset] of decodeCheckpoint(bytes, path, { fields: 3, numbers: 2 })) {
      const name = partitionDirectoryName(topic, Number(partition))
      if (offsets.has(name)) findings.add('checkpoint-wrong', path, `It has two lines for ${name}`)
      offsets.set(name, Number(offset))
    }
    return offsets
  } catch (error) {
    findings.add('checkpoint-unreadable', path, (error as Error).message)
    return undefined
  }
}

export interface KnownLog {
  readonly name: string
  /** Undefined where nobody can say it. */
  readonly endOffset: number | undefined
}

/**
 * Compares what the files say with the logs that there are. After a close in order the recovery point and the high
 * watermark are the end of each log; `isOurs` says that it was we who closed it.
 */
export function compareCheckpoints(
  logPath: string,
  { recoveryPoint, highWatermark, logStart }: Checkpoints,
  logs: readonly KnownLog[],
  { clean, isOurs }: { clean: boolean; isOurs: boolean },
  findings: Findings,
): void {
  const names = new Set(logs.map(({ name }) => name))
  const files = [
    { file: checkpointFile.recoveryPoint, offsets: recoveryPoint, atEnd: clean },
    { file: checkpointFile.highWatermark, offsets: highWatermark, atEnd: clean && isOurs },
    { file: checkpointFile.logStart, offsets: logStart, atEnd: false },
  ]
  for (const { file, offsets, atEnd } of files) {
    const path = join(logPath, file)
    if (offsets === undefined) {
      const isDue = clean && isOurs && logs.length > 0 && !findings.has('checkpoint-unreadable', path)
      if (isDue) findings.add('checkpoint-missing', path, 'It is missing, though the directory was closed in order')
      continue
    }
    for (const name of offsets.keys()) {
      if (!names.has(name)) findings.add('checkpoint-wrong', path, `It has a line for ${name}, which is not there`)
    }
    for (const { name, endOffset } of logs) {
      const offset = offsets.get(name)
      if (offset === undefined && atEnd) findings.add('checkpoint-wrong', path, `It has no line for ${name}`)
      if (offset === undefined || endOffset === undefined || (atEnd ? offset === endOffset : offset <= endOffset))
        continue
      const what = `It says ${offset} for ${name}, and that log ends at offset ${endOffset}`
      findings.add('checkpoint-wrong', path, what, { offset })
    }
  }
}
