/** Kafka's `.snapshot` file: the producer state of a log up to an offset (docs/formats.md, "Producer snapshot"). */

import { readInt64, writeInt64 } from '../../core/codec/int64.js'
import { crc32c } from '../../records/crc32c.js'
import { noSequence } from '../../records/format.js'
import { type ProducerState, ProducerStates } from '../producer-states.js'

const version = 1
const headerBytes = 10
const entryBytes = 46
const checkedFrom = 6

// Positions inside an entry.
const at = {
  producerId: 0,
  epoch: 8,
  lastSequence: 10,
  lastOffset: 14,
  offsetDelta: 22,
  timestamp: 26,
  coordinatorEpoch: 34,
  transactionFirstOffset: 38,
} as const

export function encodeProducerSnapshot(states: ProducerStates): Buffer {
  const bytes = Buffer.alloc(headerBytes + states.size * entryBytes)
  bytes.writeInt16BE(version, 0)
  bytes.writeInt32BE(states.size, checkedFrom)
  let entry = headerBytes
  for (const state of states.values()) {
    const last = state.batches.at(-1)
    writeInt64(bytes, state.producerId, entry + at.producerId)
    bytes.writeInt16BE(state.epoch, entry + at.epoch)
    bytes.writeInt32BE(last?.lastSequence ?? -1, entry + at.lastSequence)
    writeInt64(bytes, last?.lastOffset ?? -1, entry + at.lastOffset)
    bytes.writeInt32BE(last?.offsetDelta ?? 0, entry + at.offsetDelta)
    writeInt64(bytes, state.lastWrittenMs, entry + at.timestamp)
    bytes.writeInt32BE(state.coordinatorEpoch, entry + at.coordinatorEpoch)
    writeInt64(bytes, state.transactionFirstOffset, entry + at.transactionFirstOffset)
    entry += entryBytes
  }
  bytes.writeUInt32BE(crc32c(bytes.subarray(checkedFrom)), 2)
  return bytes
}

/** The states that a snapshot holds, or undefined where it is of another version, torn or damaged. */
export function decodeProducerSnapshot(bytes: Buffer): ProducerStates | undefined {
  if (bytes.length < headerBytes || bytes.readInt16BE(0) !== version) return undefined
  if (bytes.readUInt32BE(2) !== crc32c(bytes.subarray(checkedFrom))) return undefined
  const count = bytes.readInt32BE(checkedFrom)
  if (bytes.length !== headerBytes + count * entryBytes) return undefined
  const states: ProducerState[] = []
  for (let entry = headerBytes; entry < bytes.length; entry += entryBytes) {
    const lastSequence = bytes.readInt32BE(entry + at.lastSequence)
    const offsetDelta = bytes.readInt32BE(entry + at.offsetDelta)
    const timestamp = readInt64(bytes, entry + at.timestamp)
    const trace = {
      baseSequence: firstSequence(lastSequence, offsetDelta),
      lastSequence,
      lastOffset: readInt64(bytes, entry + at.lastOffset),
      offsetDelta,
      timestamp,
    }
    states.push({
      producerId: readInt64(bytes, entry + at.producerId),
      epoch: bytes.readInt16BE(entry + at.epoch),
      batches: trace.lastOffset < 0 ? [] : [trace],
      lastWrittenMs: timestamp,
      coordinatorEpoch: bytes.readInt32BE(entry + at.coordinatorEpoch),
      transactionFirstOffset: readInt64(bytes, entry + at.transactionFirstOffset),
    })
  }
  return ProducerStates.of(states)
}

/** Of a batch that ends with `lastSequence`; sequences wrap from 2^31-1 to 0. */
function firstSequence(lastSequence: number, offsetDelta: number): number {
  if (lastSequence === noSequence) return noSequence
  return lastSequence >= offsetDelta ? lastSequence - offsetDelta : lastSequence - offsetDelta + 2 ** 31
}
