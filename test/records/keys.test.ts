/** Keys and ids of a batch without its records, and one record without the others: the same as reading all of them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecordBatch } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { prepareCodec } from '../../src/records/compression/index.js'
import { codecNames } from '../../src/records/format.js'
import { absent, RecordKeys } from '../../src/records/keys.js'
import { readRecordAt, readRecords, unpackedRecords } from '../../src/records/reader.js'
import type { RecordInput } from '../../src/records/record.js'

const bytes = fc.option(
  fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
  { nil: null },
)
const header = fc.record({ key: fc.constantFrom('id', 'ID', 'other', 'idx', 'KEYS', 'KEY', ''), value: bytes })
const record: fc.Arbitrary<RecordInput> = fc.record({
  key: bytes,
  value: bytes,
  headers: fc.array(header, { maxLength: 4 }),
  timestamp: fc.integer({ min: 0, max: 2 ** 41 }),
})

function slice(keys: RecordKeys, start: number, end: number): Buffer | null {
  return start === absent ? null : keys.bytes.subarray(start, end)
}

test('the keys and ids are those of the records, in every codec', async () => {
  await prepareCodec('zstd')
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 12 }), fc.constantFrom(...codecNames), (records, codec) => {
      const batch = buildBatch(records, { codec, baseOffset: 2 ** 33 })
      const keys = new RecordKeys(batch, Buffer.from('id'))
      for (const { offset, key, headers } of readRecords(batch)) {
        assert.ok(keys.next())
        assert.equal(keys.offset, offset)
        assert.deepEqual(slice(keys, keys.keyStart, keys.keyEnd), key)
        const id = headers.findLast((each) => each.key === 'id')?.value ?? null
        assert.deepEqual(slice(keys, keys.idStart, keys.idEnd), id)
        const named = headers.findLast((each) => each.key === 'KEYS')?.value ?? null
        assert.deepEqual(slice(keys, keys.keysStart, keys.keysEnd), named)
      }
      assert.ok(!keys.next())
    }),
  )
})

test('one record is what reading all of them gives', async () => {
  await prepareCodec('zstd')
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(...codecNames),
      fc.boolean(),
      (records, codec, isAppendTime) => {
        const batch = buildBatch(records, { codec, baseOffset: 100 })
        if (isAppendTime) batch.stampLogAppendTime(5)
        const unpacked = unpackedRecords(batch)
        for (const each of readRecords(batch)) assert.deepEqual(readRecordAt(batch, unpacked, each.offset), each)
        assert.equal(readRecordAt(batch, unpacked, 99), undefined)
        assert.equal(readRecordAt(batch, unpacked, 100 + records.length), undefined)
      },
    ),
  )
})

test('bytes that are no records are refused or read, and never read beyond', () => {
  const sound = Buffer.from(
    buildBatch([
      {
        key: Buffer.from('key'),
        value: Buffer.from('value'),
        headers: [{ key: 'id', value: Buffer.from('1') }],
        timestamp: 5,
      },
      { key: null, value: null, timestamp: 6 },
    ]).bytes,
  )
  for (let at = 57; at < sound.length; at++) {
    for (const byte of [0, 1, 2, 0x7f, 0x80, 0xff]) {
      const changed = Buffer.from(sound)
      changed[at] = byte
      const batch = new RecordBatch(changed)
      const refused = (error: unknown) => (error as { code?: string }).code === 'INVALID_RECORD'
      try {
        const keys = new RecordKeys(batch, Buffer.from('id'))
        while (keys.next()) assert.ok(Math.max(keys.keyEnd, keys.idEnd, keys.keysEnd) <= keys.bytes.length)
      } catch (error) {
        if (!refused(error)) throw error
      }
      try {
        readRecordAt(batch, unpackedRecords(batch), 1)
      } catch (error) {
        if (!refused(error)) throw error
      }
    }
  }
})
