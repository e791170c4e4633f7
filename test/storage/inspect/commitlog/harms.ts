/** Each kind of file of RocketMQ's directory, harmed in each field: what verify has to find. */

import type { Files } from '../../../../sim/stored-files.js'
import { dataPath, flipped } from '../world.js'
import { fileBytes, logFile, queueFile, snapshotFile, storePath } from './world.js'

export interface Harm {
  readonly name: string
  readonly path: string
  /** The file's new content; undefined where it is gone. */
  apply(bytes: Buffer): Buffer | undefined
}

export const indexFiles = (files: Files): string[] =>
  [...files.keys()].filter((path) => path.startsWith(`${storePath}/index/`)).sort()

/** Bytes of a message of the engine's with two IPv4 hosts: the last of each field, so that a flip changes it by little. */
const messageFields: Readonly<Record<string, number>> = {
  size: 3,
  magic: 7,
  'body CRC': 11,
  'queue id': 15,
  flag: 19,
  'queue offset': 27,
  position: 35,
  'sys flag': 39,
  'born timestamp': 47,
  'born host': 51,
  'born port': 55,
  'store timestamp': 63,
  'store host': 67,
  'store port': 71,
  'times of reconsuming': 75,
  'the mark that it is ours': 83,
  'length of the body': 87,
  body: 300,
}

const entryFields: Readonly<Record<string, number>> = { position: 7, size: 11, 'tags code': 19 }
const indexHeaderFields: Readonly<Record<string, number>> = {
  'first time': 7,
  'last time': 15,
  'first position': 23,
  'last position': 31,
  'slots in use': 35,
  'next entry': 39,
}
const indexEntryFields: Readonly<Record<string, number>> = { hash: 3, position: 11, seconds: 14, previous: 19 }

/** Slots of the index: 100 of 4 bytes behind a header of 40. */
const firstEntry = 40 + 100 * 4 + 20

export function harmsOf(files: Files): Harm[] {
  const [index] = indexFiles(files)
  const flip = (kind: string, path: string, fields: Readonly<Record<string, number>>, base: number): Harm[] =>
    Object.entries(fields).map(([field, at]) => ({
      name: `a flipped bit in the ${field} of ${kind}`,
      path,
      apply: (bytes) => flipped(bytes, base + at, 1),
    }))
  const gone = (path: string): Harm => ({ name: `${path} is gone`, path, apply: () => undefined })
  const shorter = (path: string, by: number): Harm => ({
    name: `${path} is ${by} bytes shorter`,
    path,
    apply: (bytes) => bytes.subarray(0, bytes.length - by),
  })
  return [
    ...flip('a message', logFile(0), messageFields, 0),
    ...flip('an entry of a queue', queueFile('orders'), entryFields, 20 * 9),
    ...flip('the header of an index file', index, indexHeaderFields, 0),
    ...flip('an entry of an index file', index, indexEntryFields, firstEntry + 20 * 30),
    { name: 'a slot of an index file', path: index, apply: (bytes) => flipped(bytes, 40 + 4 * slotInUse(bytes) + 3) },
    ...flip('the snapshot', snapshotFile, { version: 1, CRC: 5, position: 13, fields: 40 }, 0),
    { name: 'a time of the checkpoint', path: `${storePath}/checkpoint`, apply: (bytes) => flipped(bytes, 1) },
    { name: 'the blank at the end of a file', path: logFile(0), apply: (bytes) => flipped(bytes, blankOf(bytes) + 6) },
    { name: 'its size', path: logFile(0), apply: (bytes) => flipped(bytes, blankOf(bytes) + 3) },
    gone(logFile(1)),
    gone(queueFile('orders')),
    gone(queueFile('events')),
    gone(index),
    gone(snapshotFile),
    gone(`${storePath}/checkpoint`),
    shorter(logFile(0), 1),
    shorter(logFile(0), fileBytes / 2),
    shorter(queueFile('orders', 1), 1),
    shorter(queueFile('orders', 1), 20),
    shorter(index, 1),
    shorter(`${storePath}/checkpoint`, 4060),
    shorter(snapshotFile, 1),
    {
      name: 'the last entry of a queue is gone',
      path: queueFile('orders'),
      apply: (bytes) => zeroed(bytes, 74 * 20, 75 * 20),
    },
    {
      name: 'an entry in the middle of a queue is gone',
      path: queueFile('orders'),
      apply: (bytes) => zeroed(bytes, 30 * 20, 31 * 20),
    },
    {
      name: 'a queue has an entry more',
      path: queueFile('orders'),
      apply: (bytes) =>
        Buffer.concat([bytes.subarray(0, 75 * 20), bytes.subarray(74 * 20, 75 * 20), bytes.subarray(76 * 20)]),
    },
    {
      name: 'a queue leads to the messages of another',
      path: queueFile('orders'),
      apply: () => files.get(queueFile('orders', 1)),
    },
    {
      name: 'config/commit-log.json',
      path: `${dataPath}/config/commit-log.json`,
      apply: () => Buffer.from('{"version":1}'),
    },
  ]
}

function slotInUse(bytes: Buffer): number {
  let slot = 0
  while (bytes.readInt32BE(40 + 4 * slot) === 0) slot++
  return slot
}

export function blankOf(bytes: Buffer): number {
  return bytes.indexOf(Buffer.from('cbd43194', 'hex')) - 4
}

export function zeroed(bytes: Buffer, from: number, to: number): Buffer {
  const changed = Buffer.from(bytes)
  changed.fill(0, from, to)
  return changed
}
