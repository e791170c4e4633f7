/** Tags and keys as they are read out of headers that anybody may have written. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Header, StoredRecord } from '../../src/records/record.js'
import { hasKey, keysOf, tagsOf } from '../../src/records/tags-and-keys.js'

const text = fc.string({ unit: fc.constantFrom('a', 'b', ' '), maxLength: 8 })
const bytes = fc.option(
  text.map((each) => Buffer.from(each)),
  { nil: null },
)
const header: fc.Arbitrary<Header> = fc.record({ key: fc.constantFrom('KEYS', 'TAGS', 'keys', 'x'), value: bytes })

const record: fc.Arbitrary<StoredRecord> = fc.record({
  offset: fc.constant(0),
  timestamp: fc.constant(0),
  key: bytes,
  value: bytes,
  headers: fc.array(header, { maxLength: 4 }),
})

const last = ({ headers }: StoredRecord, name: string): string =>
  headers.findLast(({ key }) => key === name)?.value?.toString() ?? ''

test('a record is found under its key and each word of its last header KEYS, and under nothing else', () => {
  fc.assert(
    fc.property(record, text, (each, wanted) => {
      const words = last(each, 'KEYS').split(' ').filter(Boolean)
      const names = [...words, ...(each.key === null ? [] : [each.key.toString()])]
      assert.equal(hasKey(each, Buffer.from(wanted)), names.includes(wanted))
      for (const name of names) assert.ok(hasKey(each, Buffer.from(name)))
    }),
    { numRuns: 2000 },
  )
})

test('keys are the words of the header, or else the key; the tag is the last header of that name, unless it is empty', () => {
  fc.assert(
    fc.property(record, (each) => {
      const words = last(each, 'KEYS').split(' ').filter(Boolean)
      const key = each.key?.toString() ?? ''
      assert.deepEqual(keysOf(each), words.length > 0 || key === '' ? words : [key])
      assert.equal(tagsOf(each.headers), last(each, 'TAGS') || undefined)
    }),
  )
})
