/** What a store of RocketMQ's needs to be opened, and its opening. */

import { join } from 'node:path'
import type { Clock } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'
import type { Settings } from '../../core/settings.js'
import type { WritingPlace } from '../../files/active-file.js'
import type { Disk } from '../../files/disk.js'
import type { Gate } from '../../files/gate.js'
import { pageBytes } from '../../files/libc.js'
import type { MappedFiles } from '../../files/mapped-files.js'
import { OpenFiles } from '../../files/open-files.js'
import type { OpenWriters } from '../../files/open-writers.js'
import type { FlushMeter } from '../../flush/flush-meter.js'
import { acknowledgesAfter } from '../../flush/policy.js'
import type { DiskRoom } from '../log/disk-room.js'
import type { LeaderEpochs } from '../log/leader-epochs.js'
import type { BuildOptions } from './batch-builder.js'
import type { CommitLogStore } from './commit-log-store.js'
import { cutFiles } from './commit-log-writer.js'
import { queueFileBytes } from './consume-queue.js'
import { FileSequence } from './file-sequence.js'
import { storeNames } from './format.js'
import { MessageIndex } from './message-index.js'
import { ConsumeQueues } from './queue-set.js'
import { type RecoveredLog, recover } from './recovery.js'
import { decodeSnapshot } from './snapshot.js'
import { markStoreClosed, markStoreInUse, wasStoreClosedCleanly } from './store-checkpoint.js'

export interface CommitLogOptions {
  /** The root of RocketMQ's store. */
  readonly directory: string
  /** A file of ours, outside of it: what is known of the queues at one position. */
  readonly snapshotPath: string
  /** Where files go that cannot be used: outside of the store, in the same file system. */
  readonly asidePath: string
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  /** Counts the flushes. */
  readonly flushes?: FlushMeter
  /** Shared with the other logs of the data directory. */
  readonly tables: {
    readonly openFiles: OpenFiles
    readonly maps: MappedFiles
    readonly writers: OpenWriters
    readonly preparing: Gate
    readonly room: DiskRoom
  }
  /** The server's. */
  readonly settings: Settings
  /** With the topic's own configuration laid over them. */
  settingsOf(topic: string): Settings
  /** Messages of a queue before this position are not its own: of an earlier topic of that name, or from before it was emptied. */
  sinceOf(topic: string, queueId: number): number
  /** Where a queue was told to begin; 0 where it was not. */
  startOf(topic: string, queueId: number): number
  /** Who led when what of a queue was written. */
  epochsOf(topic: string, queueId: number): LeaderEpochs
  /** A queue was told to begin elsewhere; resolves when that has been written down. */
  onStartMoved(): Promise<void>
  /** What had its place behind the end was refused and is taken out: its places are given again. Nothing is appended before it resolves. */
  onTakenBack(): Promise<void>
  /** Called when the store failed; its `failure` and `isRecoverable` tell how. */
  onFailure(store: CommitLogStore): void
  /** What messages say of the broker that stored them, and their ids begin with: an address and a port. */
  readonly host: { readonly address: string; readonly port: number }
  /** Every message is read, also what is known to be sound. */
  readonly fullScan?: boolean
  /** Called while it is opened, with the bytes that were read since the last time. */
  readonly onScanned?: (bytes: number) => void
}

export interface LoadedStore extends RecoveredLog {
  readonly files: FileSequence
  readonly entries: ConsumeQueues
  readonly index: MessageIndex
  /** The last one who had it open has closed it. */
  readonly clean: boolean
  /** Bytes were taken away behind the end. */
  readonly isCut: boolean
}

/** What the opening found and did. */
export interface CommitLogReport {
  /** The last one who had it open has closed it. */
  readonly clean: boolean
  readonly scannedBytes: number
  /** Something was cut behind the end of the commit log. */
  readonly isCut: boolean
  /** Consume queues and index were made anew. */
  readonly isRebuilt: boolean
  /** Why it takes no messages. */
  readonly damage?: string
}

/** Consume queues whose files are open at the same time. */
const openQueueFiles = 512

interface OpenedParts {
  readonly files: FileSequence
  readonly entries: ConsumeQueues
  readonly index: MessageIndex
  readonly clean: boolean
}

/**
 * Opens the files and brings them to one state.
 * @throws DATA_DIR_DAMAGED for files of a wrong size and stray ones
 */
export async function loadStore(options: CommitLogOptions): Promise<LoadedStore> {
  const queueFiles = new OpenFiles(options.disk, openQueueFiles, { mode: 'write' })
  let parts: OpenedParts | undefined
  try {
    parts = await openParts(options, queueFiles)
    return await bringTogether(options, parts)
  } catch (error) {
    // What it has to say is no news to who opened the store in vain.
    await parts?.index.close().catch(() => {})
    await queueFiles.dropAll()
    throw error
  }
}

async function openParts(options: CommitLogOptions, queueFiles: OpenFiles): Promise<OpenedParts> {
  const { directory, disk, settings } = options
  const clean = await wasStoreClosedCleanly(disk, directory)
  await disk.makeDirectory(directory)
  const files = await FileSequence.open({
    disk,
    directory: join(directory, storeNames.commitLog),
    fileBytes: settings['mapped.file.size.commitlog'],
    setting: 'mapped.file.size.commitlog',
    extendShortLast: !clean,
  })
  // A process that was killed may have left names that no sync has covered; they are built upon from here on.
  if (!clean && files.first !== undefined) await disk.syncDirectory(files.directory)
  // RocketMQ trusts the queues of a store that was closed; from here on they may lag behind.
  await markStoreInUse(disk, directory, process.pid)
  try {
    return { files, ...(await openDerived(options, queueFiles, clean)), clean }
  } catch (error) {
    // Nobody has worked in it: it is as it was closed, and must not look as if its last process had been killed.
    if (clean) await markStoreClosed(disk, directory).catch(() => {})
    throw error
  }
}

async function openDerived(
  { directory, disk, clock, logger, settings, asidePath }: CommitLogOptions,
  queueFiles: OpenFiles,
  clean: boolean,
): Promise<Pick<OpenedParts, 'entries' | 'index'>> {
  const entries = await ConsumeQueues.open({
    disk,
    files: queueFiles,
    directory: join(directory, storeNames.consumeQueue),
    fileBytes: queueFileBytes(settings['mapped.file.size.consumequeue']),
    wasClosedCleanly: clean,
  })
  const index = await MessageIndex.open(disk, join(directory, storeNames.index), {
    shape: { slots: settings['max.hash.slot.num'], entries: settings['max.index.num'] },
    clock,
    logger,
    isClean: clean,
    aside: asidePath,
  })
  return { entries, index }
}

async function bringTogether(options: CommitLogOptions, parts: OpenedParts): Promise<LoadedStore> {
  const { disk, clock, logger, settings, tables } = options
  const { files, entries, index, clean } = parts
  const stored = await disk.readFile(options.snapshotPath)
  const snapshot = stored && decodeSnapshot(stored)
  const isSync = acknowledgesAfter(settings) === 'sync'
  const recovered = await recover({
    files,
    openFiles: tables.openFiles,
    queues: entries,
    index,
    clock,
    logger,
    snapshot,
    building: buildOptions(settings),
    fullScan: options.fullScan ?? false,
    inOrder: isSync,
    clean,
    snapshotPath: options.snapshotPath,
    sinceOf: options.sinceOf,
    onScanned: options.onScanned ?? (() => {}),
  })
  await entries.startAt(files.first ?? 0)
  for (const queue of recovered.queues) await queue.beginAt(options.startOf(queue.topic, queue.queueId))
  const { end, damage, scannedBytes, isRebuilt, isTorn } = recovered
  // Where nobody was here since we closed it there are zeros behind the end; RocketMQ leaves what it does not believe.
  const isAsLeft = clean && scannedBytes === 0 && !isRebuilt && !isTorn
  const isCut = damage === undefined && !isAsLeft && files.end > end
  if (isCut) await cutFiles(files, { place: { disk }, dropFile: fileDropper(tables) }, end)
  // A process that was killed leaves what no sync has covered; from here on it counts as safe.
  if (damage === undefined && !clean) await syncFile(files, disk, end - 1)
  return { ...recovered, ...parts, isCut }
}

/** Of the file that holds `position`, if there is one; those before it were synced before it was begun. */
async function syncFile(files: FileSequence, disk: Disk, position: number): Promise<void> {
  const found = files.locate(position)
  if (found === undefined) return
  const file = await disk.open(found.path, { mode: 'write' })
  await file.sync().finally(() => file.close())
}

/** How the files of the commit log are written. */
export function writingPlace({ disk, logger, tables, settings }: CommitLogOptions): WritingPlace {
  const isSync = acknowledgesAfter(settings) === 'sync'
  const how = settings['file.preallocate']
  const fileBytes = settings['mapped.file.size.commitlog']
  return {
    disk,
    logger,
    writers: tables.writers,
    preparing: tables.preparing,
    segmentBytes: fileBytes,
    isFixedLength: true,
    dsync: isSync && disk.supportsDsync,
    // A mapping ends with a page, and RocketMQ refuses a file that is longer than it should be.
    engine: fileBytes % pageBytes === 0 ? settings['file.engine'] : 'disk',
    // Nobody waits for the journal where acknowledgements come from the page cache: the zeros would be written for nothing.
    preallocate: how === 'ahead' && !isSync ? 'none' : how,
    warmup: settings['file.warmup'],
  }
}

/** How messages become record batches for readers. A body that RocketMQ's client has packed may unpack to so much as one frame. */
export function buildOptions(settings: Settings): BuildOptions {
  return {
    leaderEpochAt: () => 0,
    idHeader: settings['key.index.id.header'],
    maxBodyBytes: settings['socket.request.max.bytes'],
  }
}

/** Lets those who read forget a file whose name is about to go, maybe to another file. */
export function fileDropper({ maps, openFiles }: CommitLogOptions['tables']): (path: string) => Promise<void> {
  return (path) => {
    maps.drop(path)
    return openFiles.drop(path)
  }
}
