/**
 * Checks everything that a path stands for and says what it found. It changes nothing, and whatever the bytes are, it
 * comes to an end with a report.
 */

import { join } from 'node:path'
import type { Clock } from '../../core/clock.js'
import { resolveSettings, type Settings } from '../../core/settings.js'
import type { Disk } from '../../files/disk.js'
import { storeNames } from '../commitlog/format.js'
import { logPathOf } from '../data-directory.js'
import { GreatestIds, idRangeOf } from '../producer-id-ranges.js'
import { partitionDirectoryName } from '../segments/format.js'
import { snapshotPathOf } from '../store-places.js'
import { checkDataDirectory, type DataDirectoryFacts } from './check-data-directory.js'
import { checkKeyIndexes } from './check-key-indexes.js'
import { checkLogDirectory, type LogDirectoryFacts } from './check-log-directory.js'
import type { BatchObserver } from './check-segment.js'
import { checkStore, type StoreFacts } from './commitlog/check-store.js'
import { checkTopicsOfStore, sinceFrom } from './commitlog/topics-of-store.js'
import { type Finding, Findings } from './findings.js'
import { kindOfName } from './names.js'
import { sizeOf } from './open-file.js'
import { isMeant, lockTarget, type Target, targetOf } from './target.js'

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
  /** Of the `.log` files and of those of the commit log. */
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
  /** Without a log, where a store of RocketMQ's is meant alone. */
  readonly log: LogDirectoryFacts
  readonly store: StoreFacts | undefined
  readonly findings: Findings
  readonly bytes: number
}

const noCheckpoints = { recoveryPoint: undefined, logStart: undefined, highWatermark: undefined }
const noLogs: LogDirectoryFacts = { logPath: '', clean: true, checkpoints: noCheckpoints, partitions: [] }

const offsetsTopic = '__consumer_offsets'

/** @throws INVALID_ARGUMENT where the path is nothing to verify, DATA_DIR_LOCKED where somebody serves it */
export async function verify(path: string, options: VerifyOptions): Promise<VerifyReport> {
  const began = options.clock.monotonic()
  const target = await targetOf(options.disk, path, options.settings ?? resolveSettings())
  const lock = await lockTarget(options.disk, target)
  try {
    const { findings, bytes, log, store } = await verifyTarget(target, options)
    const wanted = findings.all.filter(({ path: of }) => isMeant(target, of))
    const partitions = log.partitions.length + (store?.queues.length ?? 0)
    return { findings: wanted, bytes, partitions, durationMs: options.clock.monotonic() - began }
  } finally {
    await lock.release()
  }
}

/** The same for who holds the lock already. */
export async function verifyTarget(target: Target, options: VerifyOptions): Promise<VerifiedTarget> {
  const { disk, onProgress = () => {} } = options
  const { dataPath, only, storePath } = target
  const settings = options.settings ?? resolveSettings()
  const onFinding = (finding: Finding) => {
    if (isMeant(target, finding.path)) options.onFinding?.(finding)
  }
  const findings = new Findings(onFinding)
  const bytesTotal = await messageBytes(disk, target)
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
  const logPath = target.logPath ?? (dataPath === undefined ? '' : logPathOf(dataPath, settings))
  const data = dataPath === undefined ? undefined : await checkDataDirectory(disk, dataPath, logPath, findings)
  const { topics, clusterId } = data ?? {}
  if (dataPath !== undefined && only === undefined) await checkKeyIndexes(disk, dataPath, findings)
  const indexIntervalBytes = settings['log.index.interval.bytes']
  const deep = options.quick !== true
  const request = { logPath, topics, clusterId, only, indexIntervalBytes, deep, observerOf, onBytes }
  const log = target.logPath === undefined ? noLogs : await checkLogDirectory(disk, request, findings)
  const sinceOf = await sinceFrom(disk, dataPath, topics, findings)
  const snapshotPath = dataPath === undefined ? undefined : snapshotPathOf(dataPath)
  const ofStore = storePath && { storePath, snapshotPath, settings, sinceOf, onBytes }
  const store = ofStore ? await checkStore(disk, ofStore, findings) : undefined
  if (dataPath !== undefined && only === undefined) await checkTopicsOfStore(disk, dataPath, topics, store, findings)
  if (only === undefined && target.logPath !== undefined) {
    checkCommitted(log, store, readers, findings)
    if (dataPath !== undefined) checkProducerIds(dataPath, data, greatestGivenId(data, log, store), findings)
  }
  return { target, data, log, store, findings, bytes: bytesDone }
}

/** What is there to be read: of the `.log` files and of the commit log. */
async function messageBytes(disk: Disk, { logPath, storePath, only }: Target): Promise<number> {
  const directories = logPath === undefined ? [] : ((await disk.list(logPath)) ?? [])
  let sum = 0
  for (const { name, isDirectory } of directories) {
    if (!isDirectory || (only !== undefined && name !== only)) continue
    sum += await sizeOfFiles(disk, join(logPath as string, name), (file) => kindOfName(file).kind === 'log')
  }
  if (storePath !== undefined) sum += await sizeOfFiles(disk, join(storePath, storeNames.commitLog), () => true)
  return sum
}

async function sizeOfFiles(disk: Disk, directory: string, isCounted: (name: string) => boolean): Promise<number> {
  let sum = 0
  for (const { name, isDirectory } of (await disk.list(directory)) ?? []) {
    if (!isDirectory && isCounted(name)) sum += await sizeOf(disk, join(directory, name))
  }
  return sum
}

/** The greatest producer id of a message that this directory's own node may have given away; -1 where there is none. */
export function greatestGivenId(
  data: DataDirectoryFacts | undefined,
  { partitions }: LogDirectoryFacts,
  store: StoreFacts | undefined,
): number {
  const all = new GreatestIds()
  if (store !== undefined) all.add(store.producerIds)
  for (const { producerIds } of partitions) all.add(producerIds)
  return all.within(idRangeOf(data?.isReplica ? data.nodeId : undefined))
}

function checkCommitted(
  { logPath, partitions }: LogDirectoryFacts,
  store: StoreFacts | undefined,
  readers: readonly { partition: number; reader: CommittedReader }[],
  findings: Findings,
): void {
  const ranges = new Map<string, { readonly start: number; readonly end: number }>()
  for (const { topic, queueId, startOffset, endOffset } of store?.queues ?? [])
    ranges.set(partitionDirectoryName(topic, queueId), { start: startOffset, end: endOffset })
  for (const { topic, partition, isDamaged, request, segments, endOffset } of partitions) {
    const start = Math.max(request.logStartOffset ?? 0, segments[0]?.baseOffset ?? 0)
    if (!isDamaged) ranges.set(partitionDirectoryName(topic, partition), { start, end: endOffset })
  }
  for (const { partition, reader } of readers) {
    const path = join(logPath, partitionDirectoryName(offsetsTopic, partition))
    for (const { offset, what } of reader.faults) findings.add('record-unreadable', path, what, { offset })
    for (const { group, topic, partition: of, offset } of reader.committed()) {
      const name = partitionDirectoryName(topic, of)
      const range = ranges.get(name)
      if (range === undefined || (offset >= range.start && offset <= range.end)) continue
      const what = `Group ${group} has committed offset ${offset} of ${name}, which holds ${range.start} to ${range.end}`
      findings.add('committed-outside', path, what, { offset })
    }
  }
}

function checkProducerIds(
  dataPath: string,
  data: DataDirectoryFacts | undefined,
  greatest: number,
  findings: Findings,
): void {
  if (greatest < 0 || (data?.nextProducerId ?? -1) > greatest) return
  const path = join(dataPath, 'config', 'producer-ids.json')
  if (findings.has('metadata-unreadable', path)) return
  const says =
    data?.nextProducerId === undefined ? 'It is missing' : `It says that ${data.nextProducerId} was never given away`
  findings.add('producer-ids-wrong', path, `${says}, and producer ${greatest} has written`)
}
