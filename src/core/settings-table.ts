/**
 * Every setting, in one table: name, type, default, bounds, unit, the topic-level name where a topic may override it, and
 * a line of help. Validation, the command line's help, DescribeConfigs and docs/settings.md all read this table; a setting
 * that is not in it is refused, and one that is in it is enforced. What a store opens with stays until it is opened anew, but
 * for the rows that are `live`; what a topic says for itself can be altered meanwhile and holds at once, but for the `fixed`.
 */

import { commitLogRows } from './settings-commitlog.js'
import { compactionRows } from './settings-compaction.js'
import { replicationRows } from './settings-replication.js'
import {
  type EnumRow,
  flag,
  int,
  type ListRow,
  listOf,
  live,
  oneOf,
  path,
  type Row,
  type SettingRow,
  text,
} from './settings-rows.js'
import { wireRows } from './settings-wire.js'

const kib = 1024
const mib = 1024 * kib
const gib = 1024 * mib
const int32Max = 2 ** 31 - 1

export const settingsTable = {
  profile: oneOf(
    'reliable',
    ['reliable', 'fast', 'hybrid'],
    'A ready-made set of values, below all that is given by name: reliable is the defaults, fast acknowledges from the page cache, hybrid flushes in rounds.',
  ),
  'store.path.commitlog': path(
    '',
    'The directory that holds the logs of the partitions; a relative path starts at the data directory, and empty means log inside it.',
  ),
  'log.segment.bytes': int(
    gib,
    mib,
    int32Max,
    'bytes',
    'A segment is sealed and a new one begun before it would grow past this.',
    'segment.bytes',
  ),
  'log.roll.ms': int(
    604_800_000,
    1,
    Number.MAX_SAFE_INTEGER,
    'ms',
    'A segment is sealed and a new one begun when a record is so much later than the first one in it, by their own timestamps.',
    'segment.ms',
  ),
  'log.index.interval.bytes': int(
    4 * kib,
    0,
    int32Max,
    'bytes',
    'Bytes of log between two entries of the offset and time index.',
    'index.interval.bytes',
    // By it a verification knows that an index has lost entries.
    true,
  ),
  'log.index.size.max.bytes': int(
    10 * mib,
    64,
    10 * mib,
    'bytes',
    'A segment is sealed and a new one begun before its offset or time index would grow past this.',
    'segment.index.bytes',
  ),
  'log.cleanup.policy': listOf(
    ['delete'],
    ['delete', 'compact'],
    'What happens to old segments of a topic: delete removes them when they are too old or too many, compact keeps the latest message of each key.',
    'cleanup.policy',
  ),
  'log.retention.ms': live(
    int(
      604_800_000,
      -1,
      Number.MAX_SAFE_INTEGER,
      'ms',
      'A segment whose newest record is older than this is deleted; -1 keeps every age.',
      'retention.ms',
    ),
  ),
  'log.retention.bytes': live(
    int(
      -1,
      -1,
      Number.MAX_SAFE_INTEGER,
      'bytes',
      'The oldest segments of a partition are deleted as long as so much remains; -1 keeps every size.',
      'retention.bytes',
    ),
  ),
  'log.retention.check.interval.ms': int(
    300_000,
    10,
    int32Max,
    'ms',
    'How often segments are looked for that are too old or too many.',
  ),
  'store.retention.bytes': live(
    int(
      -1,
      -1,
      Number.MAX_SAFE_INTEGER,
      'bytes',
      'While all partitions together hold more, the oldest segments of topics that allow deletion are deleted; -1 keeps every size.',
    ),
  ),
  'disk.watermark.delete.ratio': live(
    int(
      85,
      1,
      100,
      'percent',
      'While more of the disk is used, by whomever, the oldest sealed segments of topics that allow deletion are deleted early; 100 switches it off.',
    ),
  ),
  'disk.watermark.refuse.ratio': live(
    int(
      95,
      1,
      100,
      'percent',
      'While more of the disk is used, messages are refused with DISK_WATERMARK; 100 switches it off.',
    ),
  ),
  ...compactionRows,
  ...commitLogRows,
  'log.message.timestamp.type': oneOf(
    'CreateTime',
    ['CreateTime', 'LogAppendTime'],
    'Whether a message keeps the time its sender gave or gets the time of its append.',
    'message.timestamp.type',
  ),
  'compression.type': oneOf(
    'producer',
    ['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'],
    'How batches are kept: as their producers packed them, or all in one codec; what comes in another one is packed anew.',
    'compression.type',
  ),
  'compression.gzip.level': int(
    -1,
    -1,
    9,
    'level',
    'How hard compression.type=gzip tries, 1 to 9; -1 is the default of gzip, and 0 only wraps.',
    'compression.gzip.level',
  ),
  'compression.zstd.level': int(
    3,
    -131_072,
    22,
    'level',
    'How hard compression.type=zstd tries.',
    'compression.zstd.level',
  ),
  'log.message.timestamp.before.max.ms': int(
    Number.MAX_SAFE_INTEGER,
    0,
    Number.MAX_SAFE_INTEGER,
    'ms',
    'A message whose own time is longer ago than this is refused; the greatest value takes any.',
    'message.timestamp.before.max.ms',
  ),
  'log.message.timestamp.after.max.ms': int(
    3_600_000,
    0,
    Number.MAX_SAFE_INTEGER,
    'ms',
    'A message whose own time is further ahead than this is refused.',
    'message.timestamp.after.max.ms',
  ),
  'message.max.bytes': int(
    mib + 12,
    64,
    512 * mib,
    'bytes',
    'Largest record batch that is accepted.',
    'max.message.bytes',
  ),
  'flush.disk.type': oneOf(
    'SYNC_FLUSH',
    ['SYNC_FLUSH', 'BATCH_FLUSH', 'ASYNC_FLUSH'],
    'When an append is acknowledged: SYNC_FLUSH once it is on the disk, BATCH_FLUSH the same in rounds of a chosen size, ASYNC_FLUSH once it is in the page cache.',
    'flush.disk.type',
    true,
  ),
  'flush.batch.size': int(
    100,
    1,
    int32Max,
    'messages',
    'Messages at which a BATCH_FLUSH round closes.',
    'flush.batch.size',
  ),
  'flush.interval.ms': int(
    100,
    1,
    3_600_000,
    'ms',
    'Longest time in milliseconds that a BATCH_FLUSH round stays open, and that an ASYNC_FLUSH append stays unflushed.',
    'flush.interval.ms',
  ),
  'flush.commitlog.interval': int(
    1000,
    1,
    int32Max,
    'messages',
    'Messages between two background flushes under ASYNC_FLUSH.',
    'flush.commitlog.interval',
  ),
  'flush.commitlog.timeout': int(
    5000,
    1,
    int32Max,
    'ms',
    'Longest time in milliseconds that a sender waits for its flush before FLUSH_DISK_TIMEOUT, which leaves the outcome unknown.',
    'flush.commitlog.timeout',
  ),
  'file.engine': oneOf(
    'disk',
    ['disk', 'mmap'],
    'How records reach the active segment: positional writes, or copies into a mapping that msync makes durable.',
    'file.engine',
    true,
  ),
  'file.preallocate': oneOf(
    'ahead',
    ['none', 'ahead', 'fallocate', 'zero'],
    'none: files grow as they are written. ahead: zeros are written in front of a busy writer. fallocate, zero: whole segments are reserved, or filled with zeros, before they are needed.',
    'file.preallocate',
  ),
  'file.warmup': oneOf(
    'touch',
    ['none', 'touch', 'lock'],
    'Whether new mappings, and the tail of each log at the start, are brought into memory; lock keeps the active mapping there.',
    'file.warmup',
  ),
  'file.map.count': int(
    256,
    0,
    65_536,
    'segments',
    'Sealed segments mapped for reading at the same time; 0 maps none.',
  ),
  'file.map.bytes': int(
    64 * gib,
    0,
    Number.MAX_SAFE_INTEGER,
    'bytes',
    'Address space of the segments mapped for reading at the same time.',
  ),
  'log.flush.offset.checkpoint.interval.ms': int(
    60_000,
    10,
    int32Max,
    'ms',
    'How often the recovery points are written down.',
  ),
  'replica.high.watermark.checkpoint.interval.ms': int(
    5_000,
    10,
    int32Max,
    'ms',
    'How often the high watermarks are written down.',
  ),
  'producer.id.expiration.ms': int(
    86_400_000,
    1000,
    int32Max,
    'ms',
    'An idempotent producer that wrote nothing for so long is forgotten.',
  ),
  'num.partitions': live(int(1, 1, 10_000, 'partitions', 'Partitions of a topic that is created without a number.')),
  'key.index.enable': flag(
    false,
    'Keep an index of the keys and ids of messages, so that find reads few bytes. It is built from the log where it is missing, and removed where this is off.',
    'key.index.enable',
  ),
  'key.index.id.header': text('message-id', 'The header that holds the id of a message.'),
  'key.index.memory.bytes': int(
    64 * mib,
    mib,
    Number.MAX_SAFE_INTEGER,
    'bytes',
    'Memory of all key indexes: half for entries that are in no file yet, half for the filters of their files.',
  ),
  'auto.create.topics.enable': live(flag(true, 'Create a topic when a producer or consumer first names it.')),
  'offsets.topic.num.partitions': int(
    1,
    1,
    1000,
    'partitions',
    'Partitions of __consumer_offsets. One lets all groups share each flush.',
  ),
  'transaction.state.log.num.partitions': int(
    1,
    1,
    1000,
    'partitions',
    'Partitions of __transaction_state. One lets all transactions share each flush.',
  ),
  'transaction.max.timeout.ms': live(
    int(900_000, 1, int32Max, 'ms', 'Longest time that a producer may ask for before its open transaction is aborted.'),
  ),
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': int(
    10_000,
    1,
    int32Max,
    'ms',
    'How often transactions that took longer than their timeout are looked for.',
  ),
  'transactional.id.expiration.ms': live(
    int(
      604_800_000,
      1,
      int32Max,
      'ms',
      'A transactional id that was not used for so long, and has no transaction open, is forgotten.',
    ),
  ),
  'transaction.remove.expired.transaction.cleanup.interval.ms': int(
    3_600_000,
    1,
    int32Max,
    'ms',
    'How often transactional ids that are to be forgotten are looked for.',
  ),
  'offset.metadata.max.bytes': live(int(4096, 0, mib, 'bytes', 'Longest metadata text beside a committed offset.')),
  'group.initial.rebalance.delay.ms': live(
    int(0, 0, int32Max, 'ms', 'How long the first rebalance of an empty group waits for more members.'),
  ),
  'group.min.session.timeout.ms': live(
    int(1000, 1, int32Max, 'ms', 'Shortest session timeout a group member may ask for.'),
  ),
  'group.max.session.timeout.ms': live(
    int(1_800_000, 1, int32Max, 'ms', 'Longest session timeout a group member may ask for.'),
  ),
  'group.max.size': live(int(10_000, 1, int32Max, 'members', 'Most members of one group.')),
  ...replicationRows,
  ...wireRows,
} as const satisfies Record<string, SettingRow>

export type SettingName = keyof typeof settingsTable

type ValueOf<R> =
  R extends EnumRow<infer V> ? V : R extends ListRow<infer V> ? readonly V[] : R extends Row<infer T> ? T : never

/** All settings with their values. Numbers are in the row's unit. */
export type Settings = { readonly [K in SettingName]: ValueOf<(typeof settingsTable)[K]> }

/** What a caller gives: values or their text form, as from a file, a flag or the wire. */
export type SettingsInput = { readonly [K in SettingName]?: Settings[K] | string }

/** The rows in the order of the table. */
export const settingRows = Object.entries(settingsTable) as readonly [SettingName, SettingRow][]

/** Settings that a topic may override, by topic-level name. */
export const topicSettingNames: ReadonlyMap<string, SettingName> = new Map(
  settingRows.flatMap(([name, row]) => (row.topic === undefined ? [] : [[row.topic, name]])),
)
