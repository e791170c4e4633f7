/** The snapshot of the queues as bytes: what cannot be read is as good as none. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { crc32c } from '../../../src/records/crc32c.js'
import { decodeSnapshot, emptyQueue, encodeSnapshot } from '../../../src/storage/commitlog/snapshot.js'

const snapshot = {
  position: 4711,
  storeTimestamp: 1_700_000_000_000,
  lastPosition: 4600,
  index: { fileNames: ['20261126010203004'], fileEnds: [4600], endPosition: 4600 },
  queues: [{ ...emptyQueue, topic: 'orders', queueId: 3, endOffset: 17, sizeInBytes: 2000 }],
}

test('comes back as it was written', () => {
  assert.deepEqual(decodeSnapshot(encodeSnapshot(snapshot)), snapshot)
})

test('a flipped byte, a cut and a longer file are no snapshot', () => {
  const bytes = encodeSnapshot(snapshot)
  for (let at = 0; at < bytes.length; at++) {
    const harmed = Buffer.from(bytes)
    harmed[at] ^= 0x10
    assert.equal(decodeSnapshot(harmed), undefined)
    assert.equal(decodeSnapshot(bytes.subarray(0, at)), undefined)
  }
  assert.equal(decodeSnapshot(Buffer.concat([bytes, Buffer.alloc(1)])), undefined)
})

test('other fields under a checksum that is right are no snapshot either', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (fields) => {
      const bytes = Buffer.concat([Buffer.alloc(6), fields])
      bytes.writeInt16BE(1, 0)
      bytes.writeUInt32BE(crc32c(bytes.subarray(6)), 2)
      decodeSnapshot(bytes)
    }),
  )
})
