/** Arbitrary records, and what a reader gives for them. */

import fc from 'fast-check'
import type { Header, RecordInput, StoredRecord } from '../../src/records/record.js'

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))
const nullable = fc.option(bytes, { nil: null })

const headers: fc.Arbitrary<Header[]> = fc.array(
  fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 20 }), value: nullable }, { noNullPrototype: true }),
  { maxLength: 4 },
)

export const recordInput: fc.Arbitrary<RecordInput> = fc.record(
  {
    key: nullable,
    value: nullable,
    headers,
    timestamp: fc.oneof(
      fc.integer({ min: -1, max: 10 }),
      fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
      fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
    ),
  },
  { requiredKeys: ['timestamp'], noNullPrototype: true },
)

export const recordInputs = fc.array(recordInput, { minLength: 1, maxLength: 30 })

/** The records as a reader gives them, the first at `baseOffset`. */
export function stored(records: readonly RecordInput[], baseOffset: number): StoredRecord[] {
  return records.map((record, index) => ({
    offset: baseOffset + index,
    timestamp: record.timestamp,
    key: record.key ? Buffer.from(record.key) : null,
    value: record.value ? Buffer.from(record.value) : null,
    headers: [...(record.headers ?? [])],
  }))
}
