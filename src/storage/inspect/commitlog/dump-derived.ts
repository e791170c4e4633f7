/** What is derived from the commit log, as rows: consume queues, the key index, the checkpoint, the snapshot of the queues. */

import { basename, dirname } from 'node:path'
import { readInt64 } from '../../../core/codec/int64.js'
import { resolveSettings } from '../../../core/settings.js'
import type { Disk } from '../../../files/disk.js'
import { positionOfFileName, queueEntryBytes } from '../../commitlog/format.js'
import {
  decodeIndexHeader,
  type IndexHeader,
  type IndexShape,
  indexEntryAt,
  indexEntryBytes,
  indexEntryPlace,
  indexFileBytes,
  indexHeaderBytes,
  indexSlotBytes,
  indexSlotPlace,
} from '../../commitlog/index-format.js'
import { entryPosition, entrySize, entryTagsCode, isPreBlank } from '../../commitlog/queue-entries.js'
import { decodeSnapshot, type QueueSnapshot } from '../../commitlog/snapshot.js'
import { readStoreCheckpoint } from '../../commitlog/store-checkpoint.js'
import { endOfContent } from '../../segments/end-of-content.js'
import type { DumpOptions, DumpRow, DumpValue } from '../dump.js'
import { readSmallFile, sizeOf, withFile } from '../open-file.js'
import { rowsIn } from './fixed-rows.js'

/** Slots that stand for what the queue never held are told as one row. */
export async function* dumpConsumeQueue(disk: Disk, path: string, options: DumpOptions): AsyncGenerator<DumpRow> {
  const { from = 0, to = Number.POSITIVE_INFINITY } = options
  const first = (positionOfFileName(basename(path)) ?? 0) / queueEntryBytes
  const { size, content } = await withFile(disk, path, async (file, bytes) => ({
    size: bytes,
    content: await endOfContent(file, 0, bytes),
  }))
  const end = Math.min(Math.ceil(content / queueEntryBytes) * queueEntryBytes, size - (size % queueEntryBytes))
  let blanks = 0
  for await (const { bytes, at, position } of rowsIn(disk, path, 0, end, queueEntryBytes)) {
    if (isPreBlank(bytes, at)) {
      blanks++
      continue
    }
    if (blanks > 0) yield { type: 'pre-blank', entries: blanks, offset: first }
    blanks = 0
    const offset = first + position / queueEntryBytes
    if (offset < from || offset > to) continue
    const [message, messageBytes] = [entryPosition(bytes, at), entrySize(bytes, at)]
    yield {
      type: 'entry',
      at: position,
      offset,
      position: message,
      bytes: messageBytes,
      tagsCode: entryTagsCode(bytes, at),
    }
  }
  if (blanks > 0) yield { type: 'pre-blank', entries: blanks, offset: first }
  if (size % queueEntryBytes > 0) {
    yield { type: 'stop', path, position: end, why: `${size - end} bytes are no whole entry` }
  } else if (size > end) yield { type: 'zeros', position: end, bytes: size - end }
}

export async function* dumpMessageIndex(disk: Disk, path: string, options: DumpOptions): AsyncGenerator<DumpRow> {
  const settings = options.settings ?? resolveSettings()
  const shape = { slots: settings['max.hash.slot.num'], entries: settings['max.index.num'] }
  const [size, wanted] = [await sizeOf(disk, path), indexFileBytes(shape)]
  if (size !== wanted) {
    const why = `it has ${size} bytes, and max.hash.slot.num = ${shape.slots} with max.index.num = ${shape.entries} makes ${wanted}: name those that it was written with`
    yield { type: 'stop', path, position: 0, why }
    return
  }
  const head = Buffer.alloc(indexHeaderBytes)
  await withFile(disk, path, (file) => file.read(head, 0))
  const header = decodeIndexHeader(head, shape)
  if (header === undefined) {
    yield { type: 'stop', path, position: 0, why: `its header cannot be one: ${head.toString('hex')}` }
    return
  }
  yield { type: 'index', ...header }
  yield* slotRows(disk, path, shape)
  yield* indexEntryRows(disk, path, shape, header)
}

async function* slotRows(disk: Disk, path: string, { slots }: IndexShape): AsyncGenerator<DumpRow> {
  const first = indexSlotPlace(0)
  for await (const { bytes, at, position } of rowsIn(disk, path, first, indexSlotPlace(slots), indexSlotBytes)) {
    const newest = bytes.readInt32BE(at)
    if (newest !== 0) yield { type: 'slot', slot: (position - first) / indexSlotBytes, newest }
  }
}

async function* indexEntryRows(
  disk: Disk,
  path: string,
  shape: IndexShape,
  { next }: IndexHeader,
): AsyncGenerator<DumpRow> {
  const [from, to] = [indexEntryPlace(shape, 1), indexEntryPlace(shape, next)]
  for await (const { bytes, at, position } of rowsIn(disk, path, from, to, indexEntryBytes)) {
    const keyHash = bytes.readInt32BE(at + indexEntryAt.keyHash)
    yield {
      type: 'entry',
      at: position,
      number: 1 + (position - from) / indexEntryBytes,
      keyHash,
      slot: keyHash < 0 ? null : keyHash % shape.slots,
      position: readInt64(bytes, at + indexEntryAt.position),
      seconds: bytes.readInt32BE(at + indexEntryAt.timeDiff),
      previous: bytes.readInt32BE(at + indexEntryAt.previous),
    }
  }
}

export async function* dumpStoreCheckpoint(disk: Disk, path: string): AsyncGenerator<DumpRow> {
  const checkpoint = await readStoreCheckpoint(disk, dirname(path))
  if (checkpoint === undefined) {
    yield { type: 'stop', path, position: 0, why: 'it ends before its fields do' }
  } else yield { type: 'checkpoint', ...checkpoint }
}

/** All queues as they were at the snapshot's position. */
export async function* dumpQueuesSnapshot(disk: Disk, path: string): AsyncGenerator<DumpRow> {
  const bytes = (await readSmallFile(disk, path)) ?? Buffer.alloc(0)
  const snapshot = decodeSnapshot(bytes)
  if (snapshot === undefined) {
    const version = bytes.length < 2 ? 'none' : String(bytes.readInt16BE(0))
    yield {
      type: 'stop',
      path,
      position: 0,
      why: `it is torn or damaged, or of a version that is not read (${version})`,
    }
    return
  }
  const { position, storeTimestamp, index, queues } = snapshot
  yield {
    type: 'snapshot',
    position,
    storeTimestamp,
    indexFiles: index.fileNames,
    indexEndPosition: index.endPosition,
    queues: queues.length,
  }
  for (const queue of queues) yield* queueRows(queue)
}

function* queueRows({ topic, queueId, producers, aborted, ...numbers }: QueueSnapshot): Generator<DumpRow> {
  yield { type: 'queue', topic, queue: queueId, ...numbers }
  for (const { batches, ...producer } of producers) {
    const traces = batches.map((trace): DumpValue => ({ ...trace }))
    yield { type: 'producer', topic, queue: queueId, ...producer, batches: traces }
  }
  for (const entry of aborted) yield { type: 'aborted', topic, queue: queueId, ...entry }
}
