/** Headers and whole frames: golden bytes, unknown APIs, and what differs between versions. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HoldfastError } from '../../src/core/errors.js'
import {
  decodeCorrelationId,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from '../../src/kafka/messages.js'
import { apiVersions, fetch, heartbeat, metadata, produce } from '../../src/kafka/schemas/index.js'

const from = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
const whole = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('hex')
const refused = (error: unknown): boolean => error instanceof HoldfastError && error.code === 'INVALID_REQUEST'

const sender = { correlationId: 5, clientId: 'me' }

/** The frame as it comes from the network, its length taken off and checked. */
function received(chunks: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(chunks)
  assert.equal(bytes.readInt32BE(0), bytes.length - 4)
  return bytes.subarray(4)
}

describe('golden bytes', () => {
  it('Metadata 0 request for one topic', () => {
    const expected = from(`00000013  0003 0000 00000005 0002 6d65  00000001 0001 74`)
    assert.equal(whole(encodeRequest(metadata, 0, sender, { topics: [{ name: 't' }] })), expected.toString('hex'))
  })

  it('Heartbeat 4 request: flexible, but the client id in the header is not compact', () => {
    const expected = from(`00000018  000c 0004 00000005 0002 6d65 00  02 67 00000001 03 6d31 00 00`)
    const body = { groupId: 'g', generationId: 1, memberId: 'm1' }
    assert.equal(whole(encodeRequest(heartbeat, 4, sender, body)), expected.toString('hex'))
  })

  it('Heartbeat responses 0 and 4', () => {
    assert.equal(whole(encodeResponse(heartbeat, 0, 5, { errorCode: 27 })), '00000006' + '00000005' + '001b')
    assert.equal(
      whole(encodeResponse(heartbeat, 4, 5, { errorCode: 27 })),
      '0000000c' + '00000005' + '00' + '00000000' + '001b' + '00',
    )
  })

  it('ApiVersions 3 response: a flexible body behind the oldest header', () => {
    const body = {
      errorCode: 0,
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }],
      finalizedFeaturesEpoch: 1,
    }
    const expected = from(`0000001d  00000005  0000 02 0012 0000 0004 00 00000000  01 01 08 0000000000000001`)
    assert.equal(whole(encodeResponse(apiVersions, 3, 5, body)), expected.toString('hex'))
  })

  it('Produce 9 request with one batch', () => {
    const records = Buffer.from('batch')
    const body = { acks: -1, timeoutMs: 1000, topics: [{ name: 't', partitions: [{ index: 2, records }] }] }
    const expected = from(`00000025  0000 0009 00000005 0002 6d65 00
      00 ffff 000003e8  02 02 74  02 00000002 06 6261746368 00  00 00`)
    assert.equal(whole(encodeRequest(produce, 9, sender, body)), expected.toString('hex'))
  })
})

describe('request headers', () => {
  it('are read with the body behind them', () => {
    const body = { groupId: 'g', generationId: 1, memberId: 'm1' }
    for (let version = 0; version <= 4; version++) {
      const frame = received(encodeRequest(heartbeat, version, { correlationId: -3, clientId: null }, body))
      const header = decodeRequestHeader(frame)
      assert.equal(header.api, heartbeat)
      assert.deepEqual([header.apiKey, header.apiVersion, header.correlationId], [12, version, -3])
      assert.deepEqual([header.clientId, header.supported], [null, true])
      assert.deepEqual(decodeRequest(heartbeat, header, frame), { ...body, groupInstanceId: null })
    }
  })

  it('give key, version and correlation id of an API or a version that is not ours', () => {
    const strange = decodeRequestHeader(from('7fff 0001 00000009 ffff'))
    assert.deepEqual(strange, {
      apiKey: 0x7fff,
      apiVersion: 1,
      correlationId: 9,
      clientId: null,
      api: undefined,
      supported: false,
      bodyOffset: 8,
    })
    const tooNew = decodeRequestHeader(from('0012 0063 00000009'))
    assert.deepEqual([tooNew.api, tooNew.supported], [apiVersions, false])
    assert.throws(() => decodeRequest(apiVersions, tooNew, from('0012 0063 00000009')), /version 99 is not between/)
  })

  it('skip tagged fields nobody knows', () => {
    const frame = from('000c 0004 00000005 0002 6d65 01 2a 03 616263  02 67 00000001 03 6d31 00 01 07 01 ff')
    const header = decodeRequestHeader(frame)
    assert.equal(decodeRequest(heartbeat, header, frame).memberId, 'm1')
  })

  it('are refused where the frame is too short or the client id does not fit', () => {
    const frame = from('000c 0004 00000005 0002 6d65 00')
    for (let length = 0; length < frame.length; length++) {
      assert.throws(() => decodeRequestHeader(frame.subarray(0, length)), refused)
    }
    assert.throws(() => decodeRequestHeader(from('000c 0004 00000005 fff0 6d65 00')), refused)
  })

  it('never fail in any other way, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(60), fc.nat(18), (bytes, key, version) => {
        const frame = Buffer.concat([from('0000 0000'), Buffer.from(bytes)])
        frame.writeInt16BE(key, 0)
        frame.writeInt16BE(version, 2)
        try {
          const header = decodeRequestHeader(frame)
          if (header.api && header.supported) decodeRequest(header.api, header, frame)
        } catch (error) {
          if (!refused(error)) throw error
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('responses', () => {
  it('come back with their correlation id', () => {
    const body = { errorCode: 0, apiKeys: [{ apiKey: 1, minVersion: 4, maxVersion: 18 }] }
    for (let version = 0; version <= 4; version++) {
      const frame = received(encodeResponse(apiVersions, version, 1234, body))
      assert.equal(decodeCorrelationId(frame), 1234)
      const decoded = decodeResponse(apiVersions, version, frame)
      assert.equal(decoded.correlationId, 1234)
      assert.deepEqual(decoded.body.apiKeys, body.apiKeys)
    }
    assert.throws(() => decodeCorrelationId(Buffer.alloc(3)), refused)
  })

  it('carry records by reference, out and in', () => {
    const slices = [Buffer.alloc(100_000, 1), Buffer.alloc(50_000, 2)]
    const chunks = encodeResponse(fetch, 12, 7, {
      topics: [{ name: 't', partitions: [{ index: 0, errorCode: 0, highWatermark: 9, records: slices }] }],
    })
    assert.ok(chunks.includes(slices[0]) && chunks.includes(slices[1]))
    const frame = received(chunks)
    const [partition] = decodeResponse(fetch, 12, frame).body.topics[0].partitions
    assert.equal(partition.records?.buffer, frame.buffer)
    assert.equal(partition.records?.length, 150_000)
    assert.deepEqual([partition.lastStableOffset, partition.abortedTransactions], [-1, null])
  })
})
