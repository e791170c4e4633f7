/**
 * Tells what lies in the files of a data directory, row by row, as it is there: nothing is believed, nothing is mended, and
 * no file is held in memory as a whole. Where a file cannot be read on, the last row says where and why.
 */

import { basename, dirname, join, resolve } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import type { Settings } from '../../core/settings.js'
import type { Disk } from '../../files/disk.js'
import type { StoredRecord } from '../../records/record.js'
import { parsePartitionDirectoryName } from '../segments/format.js'
import {
  dumpConsumeQueue,
  dumpMessageIndex,
  dumpQueuesSnapshot,
  dumpStoreCheckpoint,
} from './commitlog/dump-derived.js'
import { dumpMessages } from './commitlog/dump-messages.js'
import { kindInStore } from './commitlog/names.js'
import { dumpLog } from './dump-log.js'
import { dumpSnapshot, dumpText } from './dump-small.js'
import { type FileKind, kindOfName } from './names.js'
import { kindOfPath, sizeOf } from './open-file.js'
import { abortedEntries, type EntryForm, offsetEntries, readEntries, timeEntries } from './stored-entries.js'

/** What a field of a row may hold; bytes are shown as the reader wants them. */
export type DumpValue =
  | string
  | number
  | boolean
  | null
  | Buffer
  | readonly DumpValue[]
  | { readonly [name: string]: DumpValue }

export interface DumpRow {
  /** `file`, `batch`, `record`, `entry`, `line`, `stop` and the like. */
  readonly type: string
  readonly [field: string]: DumpValue
}

export interface DumpOptions {
  readonly records?: boolean
  /** Offsets: what ends below `from`, and what begins above `to`, is left out. */
  readonly from?: number
  readonly to?: number
  /** Of a commit log only the messages of this topic. */
  readonly topic?: string
  /** Say what shape the files of a commit log's key index have, and what a body may unpack to. */
  readonly settings?: Settings
  /** Turns a record of one of the broker's own topics into what it means; undefined for records it does not know. */
  readonly decode?: (topic: string, record: StoredRecord) => DumpValue | undefined
}

/** @throws INVALID_ARGUMENT where there is nothing at `path` */
export async function* dump(disk: Disk, path: string, options: DumpOptions = {}): AsyncGenerator<DumpRow> {
  const kind = await kindOfPath(disk, path)
  if (kind === undefined) throw new HoldfastError('INVALID_ARGUMENT', `There is no ${path}.`)
  if (kind === 'file') yield* dumpFile(disk, path, options)
  else yield* dumpDirectory(disk, path, options)
}

async function* dumpDirectory(disk: Disk, path: string, options: DumpOptions): AsyncGenerator<DumpRow> {
  const entries = [...((await disk.list(path)) ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { name, isDirectory } of entries) if (!isDirectory) yield* dumpFile(disk, join(path, name), options)
  for (const { name, isDirectory } of entries) if (isDirectory) yield* dumpDirectory(disk, join(path, name), options)
}

async function* dumpFile(disk: Disk, path: string, options: DumpOptions): AsyncGenerator<DumpRow> {
  const { kind, offset = 0 } = kindOfDumped(path)
  const bytes = await sizeOf(disk, path)
  yield { type: 'file', path, kind, bytes }
  try {
    yield* rowsOf(disk, path, kind, offset, options)
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    yield { type: 'stop', path, why: error.message }
  }
}

/** A file that is being replaced, or was set aside, is shown as what it was. */
function kindOfDumped(path: string): { kind: FileKind; offset: number | undefined } {
  const inStore = kindInStore(resolve(path))
  if (inStore !== undefined) return { kind: inStore, offset: undefined }
  const name = basename(path)
  const named = kindOfName(name)
  if (named.kind !== 'leftover' && named.kind !== 'set-aside') return named
  const was = kindOfName(name.replace(/(\.(deleted|cleaned|swap|spare|quarantined|tmp))+$/, ''))
  return was.kind === 'foreign' ? named : was
}

function rowsOf(disk: Disk, path: string, kind: FileKind, base: number, options: DumpOptions): AsyncIterable<DumpRow> {
  switch (kind) {
    case 'log':
      return dumpLog(disk, path, {
        ...options,
        topic: parsePartitionDirectoryName(basename(dirname(resolve(path))))?.topic,
      })
    case 'offset-index':
      return entriesOf(disk, path, offsetEntries, base, options)
    case 'time-index':
      return entriesOf(disk, path, timeEntries, base, options)
    case 'transaction-index':
      return entriesOf(disk, path, abortedEntries, base, options)
    case 'snapshot':
      return dumpSnapshot(disk, path)
    case 'commit-log':
      return dumpMessages(disk, path, options)
    case 'consume-queue':
      return dumpConsumeQueue(disk, path, options)
    case 'message-index':
      return dumpMessageIndex(disk, path, options)
    case 'store-checkpoint':
      return dumpStoreCheckpoint(disk, path)
    case 'queues-snapshot':
      return dumpQueuesSnapshot(disk, path)
    default:
      return dumpText(disk, path, kind)
  }
}

async function* entriesOf<T extends object>(
  disk: Disk,
  path: string,
  form: EntryForm<T>,
  base: number,
  { from = 0, to = Number.POSITIVE_INFINITY }: DumpOptions,
): AsyncGenerator<DumpRow> {
  const reading = readEntries(disk, path, form, base)
  let end = form.headerBytes
  for (;;) {
    const next = await reading.next()
    if (next.done) {
      if (next.value > 0) yield { type: 'stop', path, position: end, why: `${next.value} bytes are no whole entry` }
      return
    }
    const { position, entry } = next.value
    end = position + form.entryBytes
    const row: DumpRow = { type: 'entry', at: position, ...(entry as Record<string, DumpValue>) }
    const offset = Number(row['offset'] ?? row['lastOffset'])
    if (offset >= from && offset <= to) yield row
  }
}
