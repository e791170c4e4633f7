/** Each kind of file of a data directory, harmed in each field: what verify has to find and repair has to mend. */

import { dataPath, flipped, partitionPath } from './world.js'

export interface Harm {
  readonly name: string
  readonly path: string
  /** The file's new content; undefined where it is gone. */
  apply(bytes: Buffer): Buffer | undefined
}

const segment = `${partitionPath}/00000000000000000010`

/** Where a field lies: its last byte, so that a flip changes it by little. */
const fields: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  '.log': {
    'base offset': 200_007,
    length: 200_010,
    'leader epoch': 200_015,
    magic: 200_016,
    crc: 200_018,
    attributes: 200_022,
    'last offset delta': 200_026,
    'base timestamp': 200_034,
    'max timestamp': 200_042,
    'producer id': 200_050,
    'producer epoch': 200_052,
    'base sequence': 200_056,
    'number of records': 200_060,
    records: 250_000,
  },
  '.index': { 'relative offset': 11, position: 13 },
  '.timeindex': { timestamp: 19, 'relative offset': 23 },
  '.snapshot': {
    version: 1,
    crc: 3,
    'number of entries': 9,
    'producer id': 17,
    'last sequence': 23,
    'last offset': 31,
  },
}

export const fieldHarms: readonly Harm[] = Object.entries(fields).flatMap(([suffix, places]) =>
  Object.entries(places).map(([field, at]) => ({
    name: `a flipped bit in the ${field} of a ${suffix}`,
    path: segment + suffix,
    apply: (bytes: Buffer) => flipped(bytes, at, 1),
  })),
)

/** By every length modulo an entry; of a log, where what follows tells nothing new, by some. */
const cuts: Readonly<Record<string, readonly number[]>> = {
  '.index': [1, 2, 3, 4, 5, 6, 7, 8],
  '.timeindex': [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  '.snapshot': [1, 9, 23, 45, 46, 50],
  '.log': [1, 17, 60, 61, 99_970],
}

export const cutHarms: readonly Harm[] = Object.entries(cuts).flatMap(([suffix, lengths]) =>
  lengths.map((length) => ({
    name: `a ${suffix} that lacks its last ${length} bytes`,
    path: segment + suffix,
    apply: (bytes: Buffer) => bytes.subarray(0, bytes.length - length),
  })),
)

export const otherHarms: readonly Harm[] = [
  {
    name: 'a zeroed block in a .log',
    path: `${segment}.log`,
    apply: (bytes) => Buffer.from(bytes).fill(0, 300_000, 304_096),
  },
  { name: 'a .log that is empty', path: `${segment}.log`, apply: () => Buffer.alloc(0) },
  {
    name: 'a .log of rubbish',
    path: `${segment}.log`,
    apply: (bytes) => Buffer.from(bytes.map((byte, i) => byte ^ (i * 7 + 1))),
  },
  { name: 'an .index of zeros', path: `${segment}.index`, apply: () => Buffer.alloc(4096) },
  {
    name: 'a recovery point of rubbish',
    path: `${dataPath}/log/recovery-point-offset-checkpoint`,
    apply: () => Buffer.from('x'),
  },
  {
    name: 'a recovery point beyond the end',
    path: `${dataPath}/log/recovery-point-offset-checkpoint`,
    apply: () => Buffer.from('0\n1\norders 0 99\n'),
  },
  {
    name: 'a high watermark of rubbish',
    path: `${dataPath}/log/replication-offset-checkpoint`,
    apply: () => Buffer.from('0\n7\n'),
  },
  { name: 'log starts of rubbish', path: `${dataPath}/log/log-start-offset-checkpoint`, apply: () => Buffer.from('?') },
  {
    name: 'leader epochs of rubbish',
    path: `${partitionPath}/leader-epoch-checkpoint`,
    apply: () => Buffer.from('0\n1\n'),
  },
  {
    name: 'leader epochs of another log',
    path: `${partitionPath}/leader-epoch-checkpoint`,
    apply: () => Buffer.from('0\n1\n4 20\n'),
  },
  {
    name: 'a partition.metadata of rubbish',
    path: `${partitionPath}/partition.metadata`,
    apply: () => Buffer.from('version: 9'),
  },
  { name: 'a topics.json of rubbish', path: `${dataPath}/config/topics.json`, apply: () => Buffer.from('{') },
  {
    name: 'a producer-ids.json of rubbish',
    path: `${dataPath}/config/producer-ids.json`,
    apply: () => Buffer.from('{}'),
  },
  { name: 'a holdfast.json of rubbish', path: `${dataPath}/holdfast.json`, apply: () => Buffer.from('{}') },
  { name: 'a meta.properties of rubbish', path: `${dataPath}/log/meta.properties`, apply: () => Buffer.from('#\n') },
  ...['.log', '.index', '.timeindex', '.snapshot'].map((suffix) => ({
    name: `a ${suffix} that is gone`,
    path: segment + suffix,
    apply: () => undefined,
  })),
  ...[
    'log/orders-0/00000000000000000000.log',
    'log/orders-0/00000000000000000020.log',
    'log/orders-0/leader-epoch-checkpoint',
    'log/orders-0/partition.metadata',
    'log/recovery-point-offset-checkpoint',
    'log/log-start-offset-checkpoint',
    'config/producer-ids.json',
    'log/meta.properties',
  ].map((file) => ({
    name: `${file} that is gone`,
    path: `${dataPath}/${file}`,
    apply: () => undefined,
  })),
]
