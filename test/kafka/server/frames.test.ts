/** Frames out of any pieces, with memory taken as the bytes arrive; and the budget that all connections share. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FrameBuffers } from '../../../src/kafka/frame-buffers.js'
import { FrameReader } from '../../../src/kafka/frames.js'
import { RequestBudget } from '../../../src/kafka/request-budget.js'

const mib = 1024 * 1024

function framed(content: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(content.length)
  return Buffer.concat([length, content])
}

function framesOf(reader: FrameReader): Buffer[] {
  const frames: Buffer[] = []
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(frame)
  return frames
}

describe('FrameReader', () => {
  it('gives the frames of any stream in any pieces', () => {
    const contents = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 20 })
    const cuts = fc.array(fc.nat(200), { maxLength: 60 })
    fc.assert(
      fc.property(contents, cuts, (frames, pieces) => {
        const reader = new FrameReader({ minBytes: 1, maxBytes: 1000 })
        let stream = Buffer.concat(frames.map((frame) => framed(Buffer.from(frame))))
        const found: Buffer[] = []
        for (const piece of [...pieces, stream.length]) {
          reader.push(stream.subarray(0, piece))
          stream = stream.subarray(piece)
          found.push(...framesOf(reader))
        }
        reader.push(stream)
        found.push(...framesOf(reader))
        assert.deepEqual(
          found,
          frames.map((frame) => Buffer.from(frame)),
        )
        assert.equal(reader.isMidFrame, false)
      }),
    )
  })

  it('does not copy a frame that lies in one chunk', () => {
    const reader = new FrameReader({ minBytes: 1, maxBytes: 1000 })
    const chunk = framed(Buffer.from('whole'))
    reader.push(chunk)
    assert.equal(reader.next()?.buffer, chunk.buffer)
  })

  it('takes memory as the bytes arrive, whatever the frame claims', () => {
    const reserved: number[] = []
    const reserve = (bytes: number): boolean => reserved.push(bytes) > 0
    const reader = new FrameReader({ minBytes: 1, maxBytes: 2 ** 31 - 1, reserve })
    reader.push(Buffer.from('7fffffff00000000', 'hex'))
    assert.equal(reader.next(), undefined)
    assert.deepEqual(reserved, [mib])
    reader.push(Buffer.alloc(2 * mib))
    assert.equal(reader.next(), undefined)
    assert.deepEqual(reserved, [mib, mib, 2 * mib])
  })

  it('reads a large frame in pieces, and goes on where it had no room', () => {
    const content = Buffer.alloc(5 * mib + 7, 'abcdefg')
    let isAllowed = true
    const reader = new FrameReader({ minBytes: 1, maxBytes: 10 * mib, reserve: () => isAllowed })
    const stream = framed(content)
    let whole: Buffer | undefined
    for (let at = 0; at < stream.length; at += 65_536) {
      assert.equal(whole, undefined)
      reader.push(stream.subarray(at, at + 65_536))
      isAllowed = false
      whole = reader.next()
      isAllowed = true
      whole ??= reader.next()
    }
    assert.ok(whole?.equals(content))
  })

  it('gives the frames of a stream that is read into lent memory and into its own room', () => {
    const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 60_000, max: 3 * mib })), {
      maxLength: 8,
    })
    const reads = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 8 })
    const property = fc.property(lengths, reads, fc.boolean(), (sizes, pieces, hesitates) => {
      const frames = sizes.map((size, at) => Buffer.alloc(size, `frame ${at} `))
      const stream = Buffer.concat(frames.map(framed))
      const shared = Buffer.alloc(200_000)
      let isRefused = false
      const reserve = (): boolean => {
        isRefused = hesitates && !isRefused
        return !isRefused
      }
      const reader = new FrameReader({ minBytes: 1, maxBytes: 4 * mib, reserve, buffers: new FrameBuffers() })
      const found: Buffer[] = []
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const { room } = reader
        const target = room ?? shared
        // After some small pieces the rest comes in large ones.
        const piece = turn < 50 ? pieces[turn % pieces.length] : 200_000
        const bytes = stream.copy(target, 0, at, at + Math.min(piece, target.length))
        at += bytes
        if (room === undefined) reader.push(shared.subarray(0, bytes), { lent: true })
        else reader.filled(bytes)
        found.push(...framesOf(reader))
        reader.detach()
        shared.fill(0xff, 0, bytes)
      }
      for (let turn = 0; turn < 1000 && found.length < frames.length; turn++) found.push(...framesOf(reader))
      assert.equal(found.length, frames.length)
      assert.ok(found.every((frame, at) => frame.equals(frames[at])))
    })
    // Shrinking megabytes would take minutes.
    fc.assert(property, { numRuns: 40, endOnFailure: true })
  })

  it('has room of its own for the rest of a large frame, and for nothing else', () => {
    const reader = new FrameReader({ minBytes: 1, maxBytes: 10 * mib })
    const stream = framed(Buffer.alloc(mib))
    const roomBytes = () => reader.room?.length
    assert.equal(roomBytes(), undefined)
    reader.push(stream.subarray(0, 100_004))
    assert.equal(roomBytes(), undefined, 'what was pushed comes first')
    assert.equal(reader.next(), undefined)
    assert.equal(roomBytes(), mib - 100_000)
    reader.filled(mib - 110_000)
    assert.equal(roomBytes(), undefined, 'little is read together with what follows')
    reader.close()
    reader.push(stream)
    assert.equal(reader.unreadBytes, 0)
  })

  it('refuses lengths out of bounds', () => {
    for (const length of ['00000007', 'ffffffff', '00000065']) {
      const reader = new FrameReader({ minBytes: 8, maxBytes: 100 })
      reader.push(Buffer.from(length, 'hex'))
      assert.throws(() => reader.next(), { code: 'INVALID_REQUEST' })
    }
  })
})

describe('FrameBuffers', () => {
  it('uses memory again for frames of about the same length', () => {
    const buffers = new FrameBuffers()
    const first = buffers.take(100_000)
    assert.equal(first.length, 100_000)
    assert.notEqual(buffers.take(100_000).buffer, first.buffer)
    buffers.put(first)
    assert.notEqual(buffers.take(50_000).buffer, first.buffer)
    const second = buffers.take(99_000)
    assert.equal(second.buffer, first.buffer)
    assert.equal(second.length, 99_000)
  })

  it('takes back nothing twice, and nothing that it did not give', () => {
    const buffers = new FrameBuffers()
    const own = buffers.take(10_000)
    buffers.put(own)
    buffers.put(own)
    buffers.put(Buffer.alloc(10_240))
    buffers.put(buffers.take(100))
    const again = [buffers.take(10_000), buffers.take(10_000)]
    assert.equal(again[0].buffer, own.buffer)
    assert.notEqual(again[1].buffer, own.buffer)
    assert.equal(buffers.keptBytes, 0)
  })

  it('wastes a quarter at most, and keeps so much and no more', () => {
    const buffers = new FrameBuffers()
    for (let bytes = 4096; bytes < 10 * mib; bytes = Math.ceil(bytes * 1.07)) {
      const frame = buffers.take(bytes)
      assert.ok(frame.buffer.byteLength <= bytes * 1.25, `${bytes}`)
    }
    const frames = Array.from({ length: 40 }, () => buffers.take(mib))
    for (const frame of frames) buffers.put(frame)
    assert.equal(buffers.keptBytes, 16 * mib)
  })
})

describe('RequestBudget', () => {
  const holder = () => ({
    asked: 0,
    roomMayBeThere() {
      this.asked++
    },
  })

  it('tells who waits when a request has been answered', () => {
    const budget = new RequestBudget(100)
    const [one, other] = [holder(), holder()]
    assert.equal(budget.reserve(one, 90), true)
    budget.becameRequest(one, 90)
    assert.equal(budget.reserve(other, 20), false)
    assert.equal(other.asked, 0)
    budget.release(90)
    assert.equal(other.asked, 1)
    assert.equal(budget.reserve(other, 20), true)
    assert.equal(budget.usedBytes, 20)
  })

  it('lets one go on where only halves of frames hold the room', () => {
    const budget = new RequestBudget(100)
    const [one, other] = [holder(), holder()]
    assert.equal(budget.reserve(one, 50), true)
    assert.equal(budget.reserve(other, 50), true)
    assert.equal(budget.reserve(one, 50), true, 'the first that waits is favoured')
    assert.equal(budget.reserve(other, 50), false)
    assert.equal(budget.reserve(one, 50), true, 'until its frame is whole')
    budget.becameRequest(one, 150)
    assert.equal(budget.reserve(other, 50), false)
    budget.release(150)
    assert.equal(other.asked, 1)
    assert.equal(budget.reserve(other, 50), true)
  })

  it('favours another when the favoured one is gone', () => {
    const budget = new RequestBudget(100)
    const [one, other] = [holder(), holder()]
    budget.reserve(one, 60)
    budget.reserve(other, 40)
    assert.equal(budget.reserve(one, 10), true)
    assert.equal(budget.reserve(other, 10), false)
    budget.leave(one, 70)
    assert.equal(other.asked, 1)
    assert.equal(budget.reserve(other, 10), true)
    assert.equal(budget.usedBytes, 50)
  })

  it('takes a single request that is larger than all of it', () => {
    const budget = new RequestBudget(100)
    assert.equal(budget.reserve(holder(), 500), true)
  })
})
