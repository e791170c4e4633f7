/** The index files by themselves: entries of a segment's indexes, and of the key index and the queues of a commit log. */

import { resolveSettings } from '../../src/core/settings.js'
import { parseMessageId } from '../../src/storage/commitlog/host.js'
import {
  decodeIndexHeader,
  encodeIndexHeader,
  indexHeaderBytes,
  isSoundEntry,
} from '../../src/storage/commitlog/index-format.js'
import { entryEnd, isBefore, isPreBlank } from '../../src/storage/commitlog/queue-entries.js'
import { parseRunFileName } from '../../src/storage/key-index/format.js'
import { OffsetIndex, TimeIndex } from '../../src/storage/segments/index-entries.js'
import { TransactionIndex } from '../../src/storage/segments/transaction-index.js'
import { Broken, type Target } from '../target.js'

const base = 1000
const logBytes = 1 << 20

function entries(...rows: readonly (readonly [number, number])[]): Buffer {
  return Buffer.concat(
    rows.map(([first, second]) => {
      const entry = Buffer.alloc(8)
      entry.writeInt32BE(first)
      entry.writeInt32BE(second, 4)
      return entry
    }),
  )
}

/** `.index`, `.timeindex` and `.txnindex`: what is taken for sound is in order, and what is asked of it lies in it. */
export const segmentIndexes: Target = {
  name: 'segment-indexes',
  files: [
    'src/storage/segments/index-entries',
    'src/storage/segments/entry-array',
    'src/storage/segments/transaction-index',
  ],
  seeds: [
    entries([0, 0], [5, 300], [9, 4000]),
    Buffer.from('0000018bcfe56800000000010000018bcfe5680100000004', 'hex'),
    TransactionIndex.from([{ producerId: 7, firstOffset: 1001, lastOffset: 1004, lastStableOffset: 1001 }]).bytes,
    Buffer.alloc(0),
  ],
  words: ['\0\0\0\x01', '\0\0\x01\x8b\xcf\xe5\x68\0', '\0\0\0\0\0\0\x03\xe9'],
  allows: () => false,
  run(bytes) {
    const offsets = new OffsetIndex(base, bytes)
    if (offsets.isSound(bytes.length, logBytes)) {
      const { last } = offsets
      if (last !== undefined && offsets.floor(last.offset)?.position !== last.position) {
        throw new Broken('the last entry of an offset index is not found')
      }
      if (last !== undefined && (last.offset < base || last.position >= logBytes))
        throw new Broken('an entry leads out of the log')
      offsets.bytesBelow(base + 5)
    }
    const times = new TimeIndex(base, bytes)
    if (times.isSound(bytes.length)) times.bytesBelow(base + 5)
    const transactions = TransactionIndex.of(bytes, base)
    if (transactions !== undefined && !transactions.isChanged && !transactions.bytes.equals(bytes)) {
      throw new Broken('a transaction index is kept as another')
    }
  },
}

const shape = { slots: 100, entries: 300 }

/** The header and the entries of RocketMQ's index file, and entries of a consume queue. */
export const commitLogIndexes: Target = {
  name: 'commitlog-indexes',
  files: ['src/storage/commitlog/index-format', 'src/storage/commitlog/queue-entries'],
  seeds: [
    encodeIndexHeader({
      beginTimestamp: 1,
      endTimestamp: 2,
      beginPosition: 0,
      endPosition: 90,
      slotsInUse: 1,
      next: 2,
    }),
    Buffer.alloc(indexHeaderBytes),
    Buffer.alloc(20, 1),
  ],
  allows: () => false,
  run(bytes) {
    if (bytes.length >= indexHeaderBytes) {
      const header = decodeIndexHeader(bytes, shape)
      if (
        header !== undefined &&
        decodeIndexHeader(encodeIndexHeader(header), shape)?.endPosition !== header.endPosition
      ) {
        throw new Broken('the header of an index file is read as another when written again')
      }
    }
    if (bytes.length < 20) return
    isSoundEntry(bytes)
    isPreBlank(bytes, 0)
    if (isBefore(bytes, 0, 0) && entryEnd(bytes, 0) > 2 ** 53)
      throw new Broken('an entry before the log ends behind it')
  },
}

/** Ids of messages, as anybody may make them up, and the names of files. */
export const messageIds: Target = {
  name: 'message-ids',
  files: ['src/storage/commitlog/host', 'src/storage/key-index/format'],
  seeds: [
    Buffer.from('7F00000100002A9F0000000000000064'),
    Buffer.from('00000000000000000001-00000000000000000009.keys'),
  ],
  words: ['7F000001', 'ffffffffffffffff', '0000000000000000', '.keys'],
  allows: () => false,
  run(bytes) {
    const text = bytes.toString('latin1')
    const id = parseMessageId(text)
    if (id !== undefined && !Number.isSafeInteger(id.position))
      throw new Broken('an id leads to a place that is no number')
    parseRunFileName(text)
  },
}

/** Values of settings as the command line takes them: `name=value` in lines. */
export const settingValues: Target = {
  name: 'setting-values',
  files: ['src/core/settings-values', 'src/core/settings'],
  seeds: [
    'flush.mode=SYNC_FLUSH',
    'segment.bytes=1048576',
    'compression.type=zstd',
    'disk.watermark.refuse.ratio=0.9',
  ].map((text) => Buffer.from(text)),
  words: ['=', '-', '.', '9007199254740993', '1e9', 'true', ',', 'log.segment.bytes=', 'flush.interval.commitlog='],
  longest: 256,
  run(bytes) {
    const [name, ...value] = bytes.toString('utf8').split('=')
    resolveSettings({ [name]: value.join('=') } as never)
  },
}
