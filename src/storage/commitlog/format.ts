/**
 * The bytes of RocketMQ's store directory: names, sizes, positions of fields, and the marks by which messages are known.
 * Source: Apache RocketMQ 5.3 (MessageExtEncoder, CommitLog, MessageDecoder, ConsumeQueue, IndexFile, StoreCheckpoint);
 * docs/formats.md, "RocketMQ's layout", says it in words. All integers are big-endian.
 *
 * `position` is a place in the commit log as a whole (RocketMQ's physical offset); `queueOffset` is the number of a message
 * in its queue, which is the offset of the partition.
 */

/** What lies under `store/`. */
export const storeNames = {
  commitLog: 'commitlog',
  consumeQueue: 'consumequeue',
  index: 'index',
  config: 'config',
  checkpoint: 'checkpoint',
  abort: 'abort',
  lock: 'lock',
} as const

/** Files of the commit log and of the consume queues are named after the position of their first byte, in 20 digits. */
const positionDigits = 20

export function positionFileName(position: number): string {
  return String(position).padStart(positionDigits, '0')
}

/** Undefined where `name` is not that of such a file. */
export function positionOfFileName(name: string): number | undefined {
  if (!/^\d{20}$/.test(name)) return undefined
  const position = Number(name)
  return Number.isSafeInteger(position) ? position : undefined
}

/** Magic codes, as signed 32-bit integers. */
export const magic = {
  /** One byte says how long the topic is. */
  messageV1: 0xdaa320a7 | 0,
  /** Two bytes say it; for topics of more than 127 characters. */
  messageV2: 0xdaa320ab | 0,
  /** The rest of the file is empty. */
  blank: 0xcbd43194 | 0,
} as const

/** Total size and magic: what a blank holds, and what every file keeps free for one. */
export const blankBytes = 8

/** Where the fields of a message begin, as far as their place does not depend on the hosts' addresses. */
export const at = {
  totalSize: 0,
  magic: 4,
  bodyCrc: 8,
  queueId: 12,
  flag: 16,
  queueOffset: 20,
  position: 28,
  sysFlag: 36,
  bornTimestamp: 40,
  bornHost: 48,
} as const

/**
 * "Holdfast" in ASCII, where RocketMQ has the position of a half message that it commits, or 0. It says that we wrote the
 * message, so that its last property is a CRC of the whole of it, which its reader cannot know of a property that a torn
 * write may have taken. RocketMQ does not look at the field and does not copy it when it puts a message anew, as it copies
 * properties, `sysFlag` and `flag`.
 */
export const ownMark = { high: 0x486f6c64, low: 0x66617374 } as const

/** Of an IPv4 host: address and port. */
export const hostV4Bytes = 8
/** Of an IPv6 host. */
export const hostV6Bytes = 20

/** A message with two IPv4 hosts and nothing in it, with the one byte of V1 for the topic's length. */
export const messageOverheadBytes = 91

/** Behind the store host, whose place depends on the hosts' addresses: what these lie at where both are IPv4. */
export const atWithV4Hosts = {
  storeTimestamp: 56,
  storeHost: 64,
  reconsumeTimes: 72,
  preparedTransactionOffset: 76,
  bodyLength: 84,
  body: 88,
} as const

/** Longest topic of a V1 message: in UTF-16 units for RocketMQ, in bytes for us, so that its length is never negative. */
export const longestTopicV1 = 127

export const maxPropertiesBytes = 32_767

export const sysFlag = {
  compressed: 0x1,
  multiTags: 0x2,
  transactionMask: 0xc,
  transactionPrepared: 0x4,
  transactionCommit: 0x8,
  transactionRollback: 0xc,
  bornHostV6: 0x10,
  storeHostV6: 0x20,
  innerBatch: 0x80,
  compressionMask: 0x700,
  compressionLz4: 0x100,
  compressionZstd: 0x200,
  compressionZlib: 0x300,
} as const

/** Between a property's name and its value, and behind the value. Neither may hold one of them. */
export const nameSeparator = 0x01
export const propertySeparator = 0x02

/** RocketMQ's names of properties that mean something to its store. */
export const property = {
  keys: 'KEYS',
  tags: 'TAGS',
  uniqueKey: 'UNIQ_KEY',
  delayLevel: 'DELAY',
  crc32: '__CRC32#',
  /** Ours: what Kafka's batch has and a message has no field for (`own-property.ts`). */
  own: '__HF',
  /** Ours: a header that cannot be a property (`header-names.ts`). */
  ownHeader: '__HF_H',
} as const

/** `__CRC32#`, 0x01, ten decimal digits with the least significant first, 0x02: the last bytes of a message that has it. */
export const crcPropertyBytes = 20

/** An entry of a consume queue: position i64, size i32, tags code i64. */
export const queueEntryBytes = 20
export const entryAt = { position: 0, size: 8, tagsCode: 12 } as const

/** The size in the entries that stand for what a queue never held, before the offset that it began with. */
export const preBlankSize = 0x7fffffff

export const checkpointBytes = 4096
export const checkpointAt = {
  physicTimestamp: 0,
  logicsTimestamp: 8,
  indexTimestamp: 16,
  masterFlushedPosition: 24,
  confirmPosition: 32,
  /**
   * As of RocketMQ 5.5: the queues hold everything before this place. After an unclean end it begins with the newest file
   * whose first message lies there or before; where it is 0, with the newest whose first message was stored at
   * logicsTimestamp or before.
   */
  logicsPosition: 40,
} as const

/** Messages wait here for their time; the tags code of such a one is the time of its delivery. */
export const scheduleTopic = 'SCHEDULE_TOPIC_XXXX'

/** RocketMQ's messageDelayLevel as it is by default, in ms; level 1 is the first. */
export const delayLevelsMs = [
  1_000, 5_000, 10_000, 30_000, 60_000, 120_000, 180_000, 240_000, 300_000, 360_000, 420_000, 480_000, 540_000, 600_000,
  1_200_000, 1_800_000, 3_600_000, 7_200_000,
] as const
