import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Growth } from '../../src/storage/growth.js'

const minuteMs = 60_000
const hourMs = 60 * minuteMs

test('nothing is said of a few seconds', () => {
  const growth = new Growth()
  assert.equal(growth.note(0, 0), undefined)
  assert.equal(growth.note(1000, 9_999), undefined)
  assert.equal(growth.note(1000, 36_000), 100_000)
})

test('what grows evenly grows by as much in an hour, however often one looks', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 10 * minuteMs }), { minLength: 1, maxLength: 300 }), (steps) => {
      const growth = new Growth()
      growth.note(0, 0)
      let atMs = 0
      for (const step of steps) {
        atMs += step
        const found = growth.note(atMs * 2, atMs)
        if (found !== undefined) assert.ok(Math.abs(found - 2 * hourMs) < 1)
      }
    }),
  )
})

test('what is older than an hour counts no more, and what shrinks shrinks', () => {
  const growth = new Growth()
  growth.note(0, 0)
  growth.note(1_000_000, minuteMs)
  for (let at = 2 * minuteMs; at <= 3 * hourMs; at += minuteMs) growth.note(1_000_000, at)
  assert.equal(growth.note(1_000_000, 3 * hourMs), 0)
  assert.ok((growth.note(0, 3 * hourMs + 1) ?? 0) < 0)
})
