/** What the live tail keeps, and what it counts as let go. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pausedLength, TailBuffer, tailLength } from '../../../console/messages/tail-buffer.js'
import type { BrowsedMessage } from '../../../src/console/api-types.js'

const message = (offset: number): BrowsedMessage => ({
  partition: 0,
  offset,
  timestamp: offset,
  key: null,
  value: null,
  headers: [],
  id: null,
  tags: null,
})

const fill = (buffer: TailBuffer, from: number, to: number) => {
  for (let offset = from; offset < to; offset++) buffer.add(message(offset))
}

test('the newest come first, as many as are shown', () => {
  const buffer = new TailBuffer()
  fill(buffer, 0, 5 * tailLength)
  const offsets = buffer.newest().map(({ offset }) => offset)
  assert.deepEqual(
    offsets,
    Array.from({ length: tailLength }, (_, index) => 5 * tailLength - 1 - index),
  )
  assert.equal(buffer.received, 5 * tailLength)
  assert.equal(buffer.dropped, 0)
})

test('a pause keeps what is shown, holds what comes up to a bound, and counts the rest', () => {
  const buffer = new TailBuffer()
  fill(buffer, 0, 3)
  buffer.pause()
  fill(buffer, 3, 3 + pausedLength + 7)
  assert.deepEqual(
    buffer.newest().map(({ offset }) => offset),
    [2, 1, 0],
  )
  assert.equal(buffer.waitingCount, pausedLength)
  assert.equal(buffer.dropped, 7)
  buffer.drop(5)
  buffer.resume()
  assert.equal(buffer.dropped, 12)
  assert.equal(buffer.newest()[0].offset, 3 + pausedLength - 1)
  assert.equal(buffer.waitingCount, 0)
})
