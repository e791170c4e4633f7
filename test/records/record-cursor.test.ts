/** The walk over a batch's records finds what its reader finds. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { buildBatch } from '../../src/records/builder.js'
import { readRecords } from '../../src/records/reader.js'
import { RecordCursor } from '../../src/records/record-cursor.js'
import { recordInputs } from './records.js'

test('each record lies where the cursor says', () => {
  fc.assert(
    fc.property(recordInputs, (records) => {
      const batch = buildBatch(records)
      const cursor = new RecordCursor(batch)
      const part = (start: number, end: number) => (start < 0 ? null : cursor.bytes.subarray(start, end))
      for (const { timestamp, key, value, headers } of readRecords(batch)) {
        assert.ok(cursor.next())
        assert.equal(cursor.timestamp, timestamp)
        assert.deepEqual(part(cursor.keyStart, cursor.keyEnd), key)
        assert.deepEqual(part(cursor.valueStart, cursor.valueEnd), value)
        assert.equal(cursor.reader.readVarint(), headers.length)
      }
      assert.equal(cursor.next(), false)
    }),
  )
})
