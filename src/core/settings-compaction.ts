/** The rows of the settings that say when compaction works on a log and with what means. Names and defaults are Kafka's. */

import { flag, fraction, int } from './settings-rows.js'

const kib = 1024
const mib = 1024 * kib
const int32Max = 2 ** 31 - 1
const longest = Number.MAX_SAFE_INTEGER

export const compactionRows = {
  'log.cleaner.enable': flag(true, 'Whether logs whose cleanup.policy says compact are cleaned at all.'),
  'log.cleaner.threads': int(
    1,
    1,
    16,
    'threads',
    'Logs that are cleaned at the same time, each by a thread of its own.',
  ),
  'log.cleaner.backoff.ms': int(15_000, 10, int32Max, 'ms', 'How often it is looked whether a log is worth cleaning.'),
  'log.cleaner.io.max.bytes.per.second': int(
    longest,
    64 * kib,
    longest,
    'bytes',
    'Bytes that the cleaning of all logs reads and writes in a second.',
  ),
  'log.cleaner.dedupe.buffer.size': int(
    128 * mib,
    mib,
    int32Max,
    'bytes',
    'Memory for the keys of the logs that are cleaned, shared by the threads: 24 bytes a key. Where they do not fit, a part of the log is cleaned at a time.',
  ),
  'log.cleaner.io.buffer.load.factor': fraction(
    0.9,
    0.01,
    0.99,
    'The part of the memory for keys that is filled: more holds more keys and finds each more slowly.',
  ),
  'log.cleaner.io.buffer.size': int(
    512 * kib,
    4 * kib,
    512 * mib,
    'bytes',
    'Memory for reading and writing, shared by the threads. A batch that is larger gets what it needs.',
  ),
  'log.cleaner.min.cleanable.ratio': fraction(
    0.5,
    0,
    1,
    'A log is cleaned once the part of it that was written since the last cleaning is greater than this.',
    'min.cleanable.dirty.ratio',
  ),
  'log.cleaner.min.compaction.lag.ms': int(
    0,
    0,
    longest,
    'ms',
    'A message stays as it is for at least so long.',
    'min.compaction.lag.ms',
  ),
  'log.cleaner.max.compaction.lag.ms': int(
    longest,
    1,
    longest,
    'ms',
    'A log is cleaned, however little of it is new, once a message in a sealed segment has waited for so long.',
    'max.compaction.lag.ms',
  ),
  'log.cleaner.delete.retention.ms': int(
    86_400_000,
    0,
    longest,
    'ms',
    'How long a tombstone, and the marker of a transaction, stays after the cleaning that first met it: the time that a reader has to see it.',
    'delete.retention.ms',
  ),
  'offsets.topic.segment.bytes': int(
    100 * mib,
    mib,
    int32Max,
    'bytes',
    'Size of the segments of __consumer_offsets, which a start reads whole: small ones are compacted sooner.',
  ),
} as const
