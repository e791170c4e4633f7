/**
 * The rows of the settings that say how a topic is laid out on the disk, and how the commit log that topics share is kept.
 * Meanings and defaults are RocketMQ's (MessageStoreConfig).
 */

import { int, live, oneOf, text } from './settings-rows.js'

const kib = 1024
const gib = 1024 * 1024 * kib
const int32Max = 2 ** 31 - 1

/** The hours of a day, with ';' between. */
const hours = /^([01]?\d|2[0-3])(;([01]?\d|2[0-3]))*$/

export const commitLogRows = {
  'storage.layout': oneOf(
    'segments',
    ['segments', 'commitlog'],
    "segments: a log of its own for each partition, as Kafka keeps it. commitlog: one log for all such topics, as RocketMQ keeps it. The broker's own topics are always segments.",
    'storage.layout',
    true,
  ),
  'mapped.file.size.commitlog': int(
    gib,
    64 * kib,
    int32Max,
    'bytes',
    'Size of each file of the commit log. A store whose files have another size is refused.',
  ),
  'mapped.file.size.consumequeue': int(
    6_000_000,
    20,
    int32Max,
    'bytes',
    'Size of each file of a consume queue, which has 20 bytes for a message; rounded up to whole entries.',
  ),
  'max.hash.slot.num': int(
    5_000_000,
    1,
    100_000_000,
    'slots',
    "Hash slots of each file of the commit log's key index.",
  ),
  'max.index.num': int(
    20_000_000,
    2,
    100_000_000,
    'entries',
    "A file of the commit log's key index is followed by another before it would hold so many entries.",
  ),
  'file.reserved.time': live(
    int(
      72,
      0,
      1_000_000,
      'hours',
      'A file of the commit log that was written last so long ago is deleted at the hours of delete.when, and at any time while the disk is above disk.max.used.space.ratio.',
    ),
  ),
  'delete.when': live(
    text(
      '04',
      "The hours of the day, by this machine's clock, at which files of the commit log are deleted that are too old.",
      { pattern: hours, words: "hours from 0 to 23 with ';' between, as in 04 or 2;14" },
    ),
  ),
  'disk.max.used.space.ratio': live(
    int(
      75,
      10,
      100,
      'percent',
      'While more of the disk is used, files of the commit log that are too old are deleted at any hour; 100 switches it off.',
    ),
  ),
  'disk.space.clean.forcibly.ratio': live(
    int(
      85,
      10,
      100,
      'percent',
      'While more of the disk is used, the oldest files of the commit log are deleted, however young; 100 switches it off.',
    ),
  ),
} as const
