/** The fields of every kind of file of a data directory, and what is promised where a bit of one turns. */

import { basename } from 'node:path'
import { kindInStore } from '../../src/storage/inspect/commitlog/names.js'
import type { FileKind } from '../../src/storage/inspect/names.js'
import { kindOfName } from '../../src/storage/inspect/names.js'

/**
 * Whatever turns, a reader gets what was written or less of it, never anything else. `detected`: and verify tells of it.
 * `served`: and all is read, since the file is made anew from the messages, passed over, or read by nobody here.
 * `guarded`: no more than that, since no checksum covers each bit of the file.
 */
export type Promised = 'detected' | 'served' | 'guarded'

/** Where a field lies from the start of its entry, and how long it is. */
type Field = readonly [name: string, at: number, length: number, promised: Promised]

interface Layout {
  /** Where the first entry begins. */
  readonly from?: number
  /** From one entry to the next; 0 where there is one. */
  readonly stride: number
  readonly fields: readonly Field[]
}

/** Read as a whole, so that each byte is a field of its own kind; none where nobody reads the file. */
type Row = readonly Layout[] | { readonly everyByte: Promised } | 'not read'

const logBatch: Layout = {
  stride: 0,
  fields: [
    ['base offset', 0, 8, 'detected'],
    ['length', 8, 4, 'detected'],
    ['leader epoch', 12, 4, 'served'],
    ['magic', 16, 1, 'detected'],
    ['CRC', 17, 4, 'detected'],
    ['attributes', 21, 2, 'detected'],
    ['last offset delta', 23, 4, 'detected'],
    ['base timestamp', 27, 8, 'detected'],
    ['max timestamp', 35, 8, 'detected'],
    ['producer id', 43, 8, 'detected'],
    ['producer epoch', 51, 2, 'detected'],
    ['base sequence', 53, 4, 'detected'],
    ['number of records', 57, 4, 'detected'],
    ['records', 61, 24, 'detected'],
  ],
}

const message: Layout = {
  stride: 0,
  fields: [
    ['size', 0, 4, 'detected'],
    ['magic', 4, 4, 'detected'],
    ['body CRC', 8, 4, 'detected'],
    ['queue id', 12, 4, 'detected'],
    ['flag', 16, 4, 'detected'],
    ['queue offset', 20, 8, 'detected'],
    ['position', 28, 8, 'detected'],
    ['sysFlag', 36, 4, 'detected'],
    ['born timestamp', 40, 8, 'detected'],
    ['born host', 48, 8, 'detected'],
    ['store timestamp', 56, 8, 'detected'],
    ['store host', 64, 8, 'detected'],
    ['times sent back', 72, 4, 'detected'],
    ['the mark that it is ours', 76, 8, 'detected'],
    ['length of the body', 84, 4, 'detected'],
    ['body', 88, 700, 'detected'],
    ['topic and properties', 788, 60, 'detected'],
  ],
}

/** One row for each kind: a kind that is new does not compile without one. */
export const rows: Readonly<Record<FileKind, Row>> = {
  log: [logBatch],
  'commit-log': [message],
  'offset-index': [
    {
      stride: 8,
      fields: [
        ['relative offset', 0, 4, 'served'],
        ['position', 4, 4, 'served'],
      ],
    },
  ],
  'time-index': [
    {
      stride: 12,
      fields: [
        ['timestamp', 0, 8, 'served'],
        ['relative offset', 8, 4, 'served'],
      ],
    },
  ],
  'transaction-index': [
    {
      stride: 34,
      fields: [
        ['version', 0, 2, 'served'],
        ['producer id', 2, 8, 'served'],
        ['first offset', 10, 8, 'served'],
        ['offset of the marker', 18, 8, 'served'],
        ['last stable offset', 26, 8, 'served'],
      ],
    },
  ],
  snapshot: { everyByte: 'served' },
  'leader-epochs': { everyByte: 'guarded' },
  checkpoint: { everyByte: 'guarded' },
  'partition-metadata': { everyByte: 'guarded' },
  properties: { everyByte: 'guarded' },
  json: { everyByte: 'guarded' },
  'key-index': { everyByte: 'served' },
  'consume-queue': [
    {
      stride: 20,
      fields: [
        ['position', 0, 8, 'detected'],
        ['size', 8, 4, 'detected'],
        ['tags code', 12, 8, 'detected'],
      ],
    },
  ],
  'message-index': [
    {
      stride: 0,
      fields: [
        ['first time', 0, 8, 'served'],
        ['last time', 8, 8, 'served'],
        ['first position', 16, 8, 'served'],
        ['last position', 24, 8, 'served'],
        ['slots in use', 32, 4, 'served'],
        ['next entry', 36, 4, 'served'],
        ['slots', 40, 400, 'served'],
      ],
    },
    {
      from: 440 + 20,
      stride: 20,
      fields: [
        ['hash', 0, 4, 'served'],
        ['position', 4, 8, 'served'],
        ['seconds', 12, 4, 'served'],
        ['previous', 16, 4, 'served'],
      ],
    },
  ],
  'store-checkpoint': { everyByte: 'served' },
  'queues-snapshot': { everyByte: 'served' },
  mark: 'not read',
  leftover: 'not read',
  'set-aside': 'not read',
  foreign: 'not read',
}

export interface Place {
  readonly path: string
  readonly kind: FileKind
  readonly field: string
  readonly promised: Promised
  /** Bytes of the file that belong to the field. */
  readonly at: number
  readonly length: number
}

export const kindOf = (path: string): FileKind => kindInStore(path) ?? kindOfName(basename(path)).kind

/** Every field that lies in the file, of so many of its entries at most. */
export function placesIn(path: string, bytes: Buffer, entries: number): Place[] {
  const kind = kindOf(path)
  const row = rows[kind]
  if (row === 'not read' || bytes.length === 0) return []
  // A file that was prepared and not written yet holds no message.
  if (kind === 'commit-log' && bytes.readInt32BE(0) === 0) return []
  if ('everyByte' in row) {
    return [{ path, kind, field: 'the whole', promised: row.everyByte, at: 0, length: bytes.length }]
  }
  const places: Place[] = []
  for (const { from = 0, stride, fields } of row) {
    const last = stride === 0 ? 1 : Math.min(entries, Math.floor((bytes.length - from) / stride))
    for (let entry = 0; entry < last; entry++) {
      for (const [field, at, length, promised] of fields) {
        const place = from + entry * stride + at
        if (bytes.subarray(place, place + length).length === length)
          places.push({ path, kind, field, promised, at: place, length })
      }
    }
  }
  return places
}
