/**
 * Checks everything that a path stands for and says what it found. It changes nothing, and whatever the bytes are, it
 * comes to an end with a report.
 */

import { join } from 'node:path'
import type { Clock } from '../../core/clock.js'
import { resolveSettings, type Settings } from '../../core/settings.js'
import type { Disk } from '../../files/disk.js'
import { partitionDirectoryName } from '../segments/format.js'
import { checkDataDirectory, type DataDirectoryFacts } from './check-data-directory.js'
import { checkKeyIndexes } from './check-key-indexes.js'
import { checkLogDirectory, type LogDirectoryFacts } from './check-log-directory.js'
import type { PartitionFacts } from './check-partition.js'
import type { BatchObserver } from './check-segment.js'
import { type Finding, Findings } from './findings.js'
import { kindOfName } from './names.js'
import { sizeOf } from './open-file.js'
import { lockTarget, type Target, targetOf } from './target.js'

/** A position that a group has committed, read from the log of its coordinator. */
export interface CommittedOffset {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** Reads committed offsets out of the batches of `__consumer_offsets`, which the rooms above know how to do. */
export interface CommittedReader extends BatchObserver {
  /** Those in force when all batches have been seen. */
  committed(): Iterable<CommittedOffset>
  /** Why records could not be read. */
  readonly faults: readonly { readonly offset: number; readonly what: string }[]
}

export interface Progress {
  readonly bytesDone: number
  /** Of the `.log` files. */
  readonly bytesTotal: number
}

export interface VerifyOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly settings?: Settings
  /** Only structure, CRCs and what follows from them: the records themselves are not walked. */
  readonly quick?: boolean
  readonly committedReader?: () => CommittedReader
  readonly onProgress?: (progress: Progress) => void
  readonly onFinding?: (finding: Finding) => void
}

export interface VerifyReport {
  readonly findings: readonly Finding[]
  readonly bytes: number
  readonly partitions: number
  readonly durationMs: number
}

/** What a repair goes by. */
export interface VerifiedTarget {
  readonly target: Target
  readonly data: DataDirectoryFacts | undefined
  readonly log: LogDirectoryFacts
  readonly findings: Findings
  readonly bytes: number
}

const offsetsTopic = '__consumer_offsets'

/** @throws INVALID_ARGUMENT where the path is nothing to verify, DATA_DIR_LOCKED where somebody serves it */
export async function verify(path: string, options: VerifyOptions): Promise<VerifyReport> {
  const began = options.clock.monotonic()
  const target = await targetOf(options.disk, path, options.settings ?? resolveSettings())
  const lock = await lockTarget(options.disk, target)
  try {
    const { findings, bytes, log } = await verifyTarget(target, options)
    const wanted = findings.all.filter((finding) => target.file === undefined || finding.path === target.file)
    return { findings: wanted, bytes, partitions: log.partitions.length, durationMs: options.clock.monotonic() - began }
  } finally {
    await lock.release()
  }
}

/** The same for who holds the lock already. */
export async function verifyTarget(target: Target, options: VerifyOptions): Promise<VerifiedTarget> {
  const { disk, onProgress = () => {} } = options
  const { dataPath, logPath, only } = target
  const onFinding = (finding: Finding) => {
    if (target.file === undefined || finding.path === target.file) options.onFinding?.(finding)
  }
  const findings = new Findings(onFinding)
  const bytesTotal = await logBytes(disk, logPath, only)
  let bytesDone = 0
  const onBytes = (bytes: number) => {
    bytesDone += bytes
    onProgress({ bytesDone, bytesTotal })
  }
  const readers: { partition: number; reader: CommittedReader }[] = []
  const observerOf = (topic: string, partition: number): BatchObserver | undefined => {
    const reader = topic === offsetsTopic ? options.committedReader?.() : undefined
    if (reader !== undefined) readers.push({ partition, reader })
    return reader
  }
  const data = dataPath === undefined ? undefined : await checkDataDirectory(disk, dataPath, logPath, findings)
  const { topics, clusterId } = data ?? {}
  if (dataPath !== undefined && only === undefined) await checkKeyIndexes(disk, dataPath, findings)
  const indexIntervalBytes = (options.settings ?? resolveSettings())['log.index.interval.bytes']
  const deep = options.quick !== true
  const request = { logPath, topics, clusterId, only, indexIntervalBytes, deep, observerOf, onBytes }
  const log = await checkLogDirectory(disk, request, findings)
  if (only === undefined) {
    checkCommitted(log, readers, findings)
    if (dataPath !== undefined) checkProducerIds(dataPath, data, log.partitions, findings)
  }
  return { target, data, log, findings, bytes: bytesDone }
}

async function logBytes(disk: Disk, logPath: string, only: string | undefined): Promise<number> {
  const directories = (await disk.list(logPath)) ?? []
  let sum = 0
  for (const { name, isDirectory } of directories) {
    if (!isDirectory || (only !== undefined && name !== only)) continue
    for (const file of (await disk.list(join(logPath, name))) ?? []) {
      if (file.isDirectory || kindOfName(file.name).kind !== 'log') continue
      sum += await sizeOf(disk, join(logPath, name, file.name))
    }
  }
  return sum
}

function checkCommitted(
  { logPath, partitions }: LogDirectoryFacts,
  readers: readonly { partition: number; reader: CommittedReader }[],
  findings: Findings,
): void {
  const ends = new Map(partitions.map((one) => [partitionDirectoryName(one.topic, one.partition), one]))
  for (const { partition, reader } of readers) {
    const path = join(logPath, partitionDirectoryName(offsetsTopic, partition))
    for (const { offset, what } of reader.faults) findings.add('record-unreadable', path, what, { offset })
    for (const { group, topic, partition: of, offset } of reader.committed()) {
      const name = partitionDirectoryName(topic, of)
      const log = ends.get(name)
      if (log === undefined || log.isDamaged) continue
      const start = Math.max(log.request.logStartOffset ?? 0, log.segments[0]?.baseOffset ?? 0)
      if (offset >= start && offset <= log.endOffset) continue
      const what = `Group ${group} has committed offset ${offset} of ${name}, which holds ${start} to ${log.endOffset}`
      findings.add('committed-outside', path, what, { offset })
    }
  }
}

function checkProducerIds(
  dataPath: string,
  data: DataDirectoryFacts | undefined,
  partitions: readonly PartitionFacts[],
  findings: Findings,
): void {
  const greatest = Math.max(-1, ...partitions.map(({ greatestProducerId }) => greatestProducerId))
  if (greatest < 0 || (data?.nextProducerId ?? -1) > greatest) return
  const path = join(dataPath, 'config', 'producer-ids.json')
  if (findings.has('metadata-unreadable', path)) return
  const says =
    data?.nextProducerId === undefined ? 'It is missing' : `It says that ${data.nextProducerId} was never given away`
  findings.add('producer-ids-wrong', path, `${says}, and producer ${greatest} has written`)
}
