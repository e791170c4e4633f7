/** What files and internal topics hold: the small binary and text forms, each read as its opening reads it. */

import {
  decodeGroupValue,
  decodeKey,
  decodeOffsetValue,
  encodeGroupKey,
  encodeGroupValue,
  encodeOffsetKey,
  encodeOffsetValue,
} from '../../src/broker/groups/offsets-format.js'
import { subscribedTopics } from '../../src/broker/groups/subscription.js'
import { decodeKey as decodeTransactionKey, decodeValue } from '../../src/broker/transactions/format.js'
import { crc32c } from '../../src/records/crc32c.js'
import { decodeManifest, encodeManifest } from '../../src/storage/backup/manifest.js'
import { formatJson, parseLenientJson } from '../../src/storage/commitlog/lenient-json.js'
import { readMessage } from '../../src/storage/commitlog/message.js'
import { propertiesOf } from '../../src/storage/commitlog/properties.js'
import { decodeSnapshot, encodeSnapshot } from '../../src/storage/commitlog/snapshot.js'
import { decodeHeader } from '../../src/storage/key-index/format.js'
import { decodeProducerSnapshot, encodeProducerSnapshot } from '../../src/storage/segments/producer-snapshot.js'
import {
  decodeCheckpoint,
  decodeEpochs,
  decodePartitionMetadata,
  decodeProperties,
  encodeEpochs,
} from '../../src/storage/segments/text-files.js'
import { Broken, type Target } from '../target.js'

const group = {
  protocolType: 'consumer',
  generationId: 3,
  protocolName: 'range',
  leaderId: 'm-1',
  stateTimestamp: 1_700_000_000_000,
  members: [
    {
      memberId: 'm-1',
      groupInstanceId: null,
      clientId: 'c',
      clientHost: '/127.0.0.1',
      rebalanceTimeoutMs: 300_000,
      sessionTimeoutMs: 10_000,
      subscription: Buffer.from('00000000000100017400000000', 'hex'),
      assignment: Buffer.from('0000000000010001740000000100000000', 'hex'),
    },
  ],
}

/** Keys and values of `__consumer_offsets`, and the subscriptions that members send. */
export const offsetRecords: Target = {
  name: 'offset-records',
  files: ['src/broker/groups/offsets-format', 'src/broker/groups/format-bytes', 'src/broker/groups/subscription'],
  seeds: [
    encodeOffsetKey('group', 'topic', 3),
    encodeGroupKey('group'),
    encodeOffsetValue({ offset: 7, leaderEpoch: 0, metadata: 'm', commitTimestamp: 1_700_000_000_000 }),
    encodeGroupValue(group),
    ...[0, 1, 2, 4].map((version) => Buffer.concat([Buffer.from([0, version]), encodeGroupValue(group).subarray(2)])),
  ],
  run(bytes) {
    subscribedTopics(bytes)
    each(bytes, [decodeKey, decodeOffsetValue, decodeGroupValue])
  },
}

/** Keys and values of `__transaction_state`. */
export const transactionRecords: Target = {
  name: 'transaction-records',
  files: ['src/broker/transactions/format', 'src/broker/transactions/partition-set', 'src/core/codec/'],
  seeds: [Buffer.from('0000000574782d3161', 'hex'), Buffer.alloc(60), Buffer.from([0, 1, ...Buffer.alloc(50)])],
  words: ['\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0', '\xff\xff\xff\xff'],
  run: (bytes) => each(bytes, [decodeTransactionKey, decodeValue]),
}

/** `.snapshot` of a partition's producers. */
export const producerSnapshots: Target = {
  name: 'producer-snapshots',
  files: ['src/storage/segments/producer-snapshot', 'src/core/codec/int64'],
  seeds: [withCount(0, 10), withCount(1, 80), withCount(2, 140)],
  fix: fixCrc(2, 6),
  run(bytes) {
    const states = decodeProducerSnapshot(bytes)
    if (states !== undefined) encodeProducerSnapshot(states)
  },
}

/** The snapshot of a commit log's queues. */
export const storeSnapshots: Target = {
  name: 'store-snapshots',
  files: ['src/storage/commitlog/snapshot', 'src/core/codec/'],
  seeds: [
    encodeSnapshot({
      position: 0,
      storeTimestamp: 0,
      lastPosition: -1,
      index: { fileNames: [], fileEnds: [], endPosition: -1 },
      queues: [],
    }),
  ],
  fix: fixCrc(2, 6),
  run(bytes) {
    const snapshot = decodeSnapshot(bytes)
    if (snapshot !== undefined && decodeSnapshot(encodeSnapshot(snapshot)) === undefined) {
      throw new Broken('a snapshot is not read again as it was written')
    }
  },
}

/** A message of a commit log, with the properties in it. Nothing is thrown, whatever the bytes. */
export const commitLogMessages: Target = {
  name: 'commitlog-messages',
  files: ['src/storage/commitlog/message', 'src/storage/commitlog/properties'],
  seeds: [Buffer.alloc(100), messageV1(), Buffer.from('00000010bbccddeeffff0000', 'hex')],
  words: ['KEYS\x01k\x02', 'TAGS\x01t\x02', '\x01', '\x02'],
  fix(bytes) {
    if (bytes.length > 8) bytes.writeInt32BE(bytes.length, 0)
  },
  allows: () => false,
  run(bytes) {
    const read = readMessage(bytes, 0, bytes.length)
    if ('propertiesStart' in read) propertiesOf(read)
  },
}

function messageV1(): Buffer {
  const bytes = Buffer.alloc(93)
  bytes.writeInt32BE(93, 0)
  bytes.writeUInt32BE(0xdaa320a7, 4)
  bytes[88] = 2
  bytes.write('tp', 89)
  return bytes
}

/** The header of a run of the key index. Nothing is thrown. */
export const keyIndexHeaders: Target = {
  name: 'key-index-headers',
  files: ['src/storage/key-index/format'],
  seeds: [Buffer.alloc(4096)],
  allows: () => false,
  run(bytes) {
    if (bytes.length === 4096) decodeHeader(bytes)
  },
}

/** Checkpoints, leader epochs, `partition.metadata`, `meta.properties`. */
export const textFiles: Target = {
  name: 'text-files',
  files: ['src/storage/segments/text-files', 'src/core/randomness'],
  seeds: [
    encodeEpochs([{ epoch: 1, startOffset: 5 }]),
    Buffer.from('0\n1\ntopic 0 5\n'),
    Buffer.from('version: 0\ntopic_id: AAAAAAAAQACAAAAAAAAAAA'),
    Buffer.from('#\n#x\nnode.id=1\nversion=1\n'),
  ],
  words: ['0\n', '\n', ' ', 'topic_id: ', '9007199254740991'],
  run(bytes) {
    decodePartitionMetadata(bytes)
    decodeProperties(bytes)
    each(bytes, [
      (text) => decodeCheckpoint(text, 'checkpoint', { fields: 3, numbers: 2 }),
      (text) => {
        const epochs = decodeEpochs(text, 'epochs')
        if (
          epochs.length > 0 &&
          JSON.stringify(decodeEpochs(encodeEpochs(epochs), 'again')) !== JSON.stringify(epochs)
        ) {
          throw new Broken('epochs are read as others when written again')
        }
      },
    ])
  },
}

/** The manifest of a backup. */
export const manifests: Target = {
  name: 'backup-manifests',
  files: ['src/storage/backup/manifest', 'src/storage/data-directory'],
  seeds: [
    encodeManifest({ clusterId: 'c', takenAtMs: 1, logs: [], files: [] } as never),
    Buffer.from(
      '{"version":1,"clusterId":"c","takenAtMs":1,"logs":[],"files":[],"commitLog":{"endPosition":0,"queues":[{}]}}',
    ),
  ],
  words: [
    'null',
    'null,',
    '[null]',
    '[{}]',
    '{}',
    '[]',
    '"version":1',
    '"commitLog":',
    '"queues":',
    '"logs":',
    '"files":',
  ],
  run: (bytes) => void decodeManifest(bytes, 'backup.json'),
}

/** JSON as RocketMQ's configuration files hold it; what is read is read again as the same. */
export const lenientJson: Target = {
  name: 'lenient-json',
  files: ['src/storage/commitlog/lenient-json'],
  seeds: [
    Buffer.from('{"offsetTable":{"t@g":{0:123,1:12345678901234567890}}}'),
    Buffer.from('[1.5e3,"\\u0041",null,true]'),
  ],
  words: ['{', '}', '[', ']', ':', ',', '"', 'null', '\\u', '-', '[[[[[[[[[[[[[[[['],
  allows: (error) => error instanceof SyntaxError,
  run(bytes) {
    const text = formatJson(parseLenientJson(bytes.toString('utf8')))
    if (formatJson(parseLenientJson(text)) !== text) throw new Broken('JSON is read as another when written again')
  },
}

/** Runs decoders on the same bytes, of which each may refuse them. */
function each(bytes: Buffer, decoders: readonly ((bytes: Buffer) => unknown)[]): void {
  let refusal: unknown
  for (const decode of decoders) {
    try {
      decode(bytes)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && !('errno' in error)) || error instanceof RangeError)
        throw error
      refusal = error
    }
  }
  if (refusal !== undefined) throw refusal
}

/** CRC-32C at `at` of all from `from` on. */
function fixCrc(at: number, from: number) {
  return (bytes: Buffer): void => {
    if (bytes.length >= from) bytes.writeUInt32BE(crc32c(bytes.subarray(from)), at)
  }
}

/** A snapshot of so many producers, all zeros, with its CRC. */
function withCount(count: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  bytes.writeInt16BE(1, 0)
  bytes.writeInt32BE(count, 6)
  fixCrc(2, 6)(bytes)
  return bytes
}
