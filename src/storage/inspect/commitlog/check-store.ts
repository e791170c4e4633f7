/**
 * Checks RocketMQ's directory: one pass over the commit log, beside which consume queues and key index are read in the
 * order of the log, so that each is read once and little of it is in memory. It changes nothing.
 */

import { join } from 'node:path'
import type { Settings } from '../../../core/settings.js'
import type { Disk } from '../../../files/disk.js'
import { roundMaxBytes } from '../../../flush/group-commit.js'
import { acknowledgesAfter } from '../../../flush/policy.js'
import { queueFileBytes } from '../../commitlog/consume-queue.js'
import { storeNames } from '../../commitlog/format.js'
import { wasStoreClosedCleanly } from '../../commitlog/store-checkpoint.js'
import type { GreatestIds } from '../../producer-id-ranges.js'
import type { Findings } from '../findings.js'
import { checkFixedFiles, type FixedFile, listFixedFiles, sizeOfMost } from './fixed-files.js'
import { IndexCheck } from './index-check.js'
import { QueueChecks } from './list-queues.js'
import { LogPass, type LostBytes } from './log-pass.js'
import { MessageChecks, type MessageChecksOptions } from './message-checks.js'
import type { LogBounds } from './queue-check.js'
import { checkStoreCheckpoint, SnapshotCheck } from './snapshot-check.js'

export interface StoreRequest {
  readonly storePath: string
  /** Of ours; undefined where the directory belongs to no data directory. */
  readonly snapshotPath: string | undefined
  readonly settings: Settings
  /** Messages of a topic before this position are of an earlier one of that name; undefined where nobody knows. */
  sinceOf(topic: string, queueId: number): number | undefined
  readonly onBytes: (bytes: number) => void
}

export interface QueueFacts {
  readonly topic: string
  readonly queueId: number
  /** Of the messages that the commit log holds; both the same where it holds none. */
  readonly startOffset: number
  readonly endOffset: number
}

export interface StoreFacts {
  readonly storePath: string
  readonly snapshotPath: string | undefined
  readonly clean: boolean
  readonly fileBytes: number
  readonly files: readonly FixedFile[]
  /** Behind the last sound message. */
  readonly end: number
  /** What lies behind it. */
  readonly rest: LostBytes | undefined
  readonly lost: readonly LostBytes[]
  readonly queues: readonly QueueFacts[]
  readonly producerIds: GreatestIds
}

/** What RocketMQ has in its directory beside what is read here. */
const others =
  /^(lock|abort\.bak|config|consumequeue_ext|batchconsumequeue|timerwheel|timerlog|compaction|rocksdbstore|epochFileCheckpoint.*|brokerIdentity.*|dledger-.*|checkpoint\.bak)$/

export async function checkStore(disk: Disk, request: StoreRequest, findings: Findings): Promise<StoreFacts> {
  const { storePath, snapshotPath, settings, onBytes } = request
  const clean = await wasStoreClosedCleanly(disk, storePath)
  await checkNames(disk, storePath, findings)
  const { files, fileBytes } = await listLog(disk, request, clean, findings)
  const snapshot = await SnapshotCheck.open(disk, snapshotPath, clean, findings)
  const bounds: LogBounds = {
    start: files[0]?.start ?? 0,
    settled: clean ? Number.POSITIVE_INFINITY : snapshot.position,
    isDamaged: (position) => pass.isDamaged(position),
  }
  const index = await openIndex(disk, request, clean, bounds, findings)
  const usualFileBytes = queueFileBytes(settings['mapped.file.size.consumequeue'])
  const queues = await QueueChecks.open({ disk, storePath, usualFileBytes, clean, log: bounds }, findings)
  const checks = new MessageChecks(
    { queues, index, snapshot, sinceOf: request.sinceOf, placeOf: placesIn(files, fileBytes) },
    findings,
  )
  // What was acknowledged from the page cache may be lost in any order.
  const isSync = acknowledgesAfter(settings) === 'sync'
  const pass: LogPass = new LogPass(
    {
      disk,
      files,
      fileBytes,
      tornFrom: clean ? undefined : snapshot.position,
      tornBytes: isSync ? Math.max(roundMaxBytes, settings['message.max.bytes']) : fileBytes,
      visitor: checks,
      onBytes,
    },
    findings,
  )
  try {
    await pass.run()
    reportEnd(pass, { clean, durableTo: snapshot.position, placeOf: placesIn(files, fileBytes) }, findings)
    await checks.finish(pass.end, clean)
  } finally {
    await queues.close()
  }
  await checkStoreCheckpoint(disk, storePath, { lastTimestamp: checks.storeTimestamp, end: pass.end, clean }, findings)
  const { end, rest, lost } = pass
  const { producerIds } = checks
  return {
    storePath,
    snapshotPath,
    clean,
    fileBytes,
    files,
    end,
    rest,
    lost,
    queues: factsOf(queues),
    producerIds,
  }
}

async function checkNames(disk: Disk, storePath: string, findings: Findings): Promise<void> {
  const known: ReadonlySet<string> = new Set(Object.values(storeNames))
  for (const { name } of (await disk.list(storePath)) ?? []) {
    if (known.has(name) || others.test(name)) continue
    const next = 'nothing: nobody reads it'
    findings.add('foreign-file', join(storePath, name), 'It is none of a store directory', { severity: 'note', next })
  }
}

async function listLog(
  disk: Disk,
  { storePath, settings }: StoreRequest,
  clean: boolean,
  findings: Findings,
): Promise<{ files: readonly FixedFile[]; fileBytes: number }> {
  const usual = settings['mapped.file.size.commitlog']
  const listed = await listFixedFiles(disk, join(storePath, storeNames.commitLog))
  const fileBytes = sizeOfMost(listed.files, usual)
  if (fileBytes !== usual) {
    const what = `Its files have ${fileBytes} bytes, and mapped.file.size.commitlog is ${usual}`
    const next = `open the store with mapped.file.size.commitlog = ${fileBytes}`
    findings.add('file-size-wrong', listed.directory, what, { severity: 'note', next })
  }
  return { files: checkFixedFiles(listed, { fileBytes, clean }, findings), fileBytes }
}

function openIndex(
  disk: Disk,
  { storePath, settings }: StoreRequest,
  clean: boolean,
  log: LogBounds,
  findings: Findings,
): Promise<IndexCheck> {
  const shape = { slots: settings['max.hash.slot.num'], entries: settings['max.index.num'] }
  return IndexCheck.open({ disk, directory: join(storePath, storeNames.index), shape, clean }, log, findings)
}

function placesIn(files: readonly FixedFile[], fileBytes: number): MessageChecksOptions['placeOf'] {
  const paths = new Map(files.map(({ start, path }) => [start, path]))
  return (at) => {
    const position = at % fileBytes
    return { path: paths.get(at - position) ?? '', position }
  }
}

interface EndFacts extends Pick<MessageChecksOptions, 'placeOf'> {
  readonly clean: boolean
  /** Messages before it were on stable storage. */
  readonly durableTo: number
}

/** What an interrupted write left behind the end is cut by the next start; where messages were durable, they are lost. */
function reportEnd({ rest, end }: LogPass, { clean, durableTo, placeOf }: EndFacts, findings: Findings): void {
  const { from, why, bytes } = rest === undefined ? { from: end, why: 'nothing is there', bytes: '' } : restOf(rest)
  const what = `The log ends at position ${end}; at ${from} ${why}${bytes}`
  const { path, position } = placeOf(from)
  if (durableTo > end) {
    findings.add('message-damaged', path, `${what}, though messages were durable up to ${durableTo}`, { position })
  } else if (rest !== undefined && clean) {
    findings.add('message-damaged', path, `${what}, though the store was closed in order`, { position })
  } else if (rest !== undefined) findings.add('torn-tail', path, `${what} that an interrupted write left`)
}

function restOf({ from, to, why }: NonNullable<LogPass['rest']>): { from: number; why: string; bytes: string } {
  return { from, why, bytes: `, in ${to - from} bytes` }
}

function factsOf(queues: QueueChecks): QueueFacts[] {
  return queues.all().map(({ topic, queueId, firstOffset, nextOffset, entriesEnd }) => ({
    topic,
    queueId,
    startOffset: firstOffset ?? entriesEnd,
    endOffset: nextOffset ?? entriesEnd,
  }))
}
