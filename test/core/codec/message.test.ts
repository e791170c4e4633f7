/** The words of the schemas: what each looks like on the wire, what is refused, and what the errors say. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  array,
  between,
  bool,
  bytes,
  type Field,
  float64,
  int8,
  int16,
  int32,
  int64,
  type Message,
  message,
  nullable,
  plainString,
  records,
  referenceFromBytes,
  since,
  string,
  struct,
  tagged,
  uint16,
  until,
  uuid,
  withDefault,
  zeroUuid,
} from '../../../src/core/codec/index.js'
import { HoldfastError } from '../../../src/core/errors.js'
import { anyValueOf } from './arbitrary.js'

/** Versions 0 and 1 are not flexible, 2 and 3 are. */
const of = <F extends Field>(schema: F): Message<F> =>
  message({ name: 'Example', versions: [0, 3], flexibleFrom: 2, schema })

const hex = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('hex')
const from = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

const refuses = (code: string, text: RegExp) => (error: unknown) =>
  error instanceof HoldfastError && error.code === code && text.test(error.message)

/** Every type in one struct. */
const everything = of(
  struct({
    yes: bool,
    tiny: int8,
    small: int16,
    port: uint16,
    count: int32,
    offset: int64,
    ratio: float64,
    id: uuid,
    name: string,
    plain: nullable(plainString),
    blob: bytes,
    batch: nullable(records),
    maybe: nullable(struct({ inner: int32, note: nullable(string) })),
    list: nullable(array(struct({ number: int16, words: array(string) }))),
    old: until(1, withDefault(-1, int32)),
    middle: between(1, 2, string),
    fresh: since(3, array(int64)),
    epoch: tagged(1, 2, withDefault(-1, int64)),
    hint: tagged(0, 3, struct({ node: withDefault(-1, int32), host: string })),
    label: tagged(5, 2, nullable(string)),
    more: tagged(3, 2, array(int32)),
  }),
)

describe('a message with every type', () => {
  for (let version = 0; version <= 3; version++) {
    it(`v${version}: any value comes back from its bytes`, () => {
      fc.assert(
        fc.property(anyValueOf(everything.schema, version), (value) => {
          const whole = Buffer.concat(everything.encode(value, version))
          assert.deepEqual(everything.decode(whole, version), value)
        }),
      )
    })

    it(`v${version}: a part of it is refused`, () => {
      fc.assert(
        fc.property(anyValueOf(everything.schema, version), fc.nat(), (value, cut) => {
          const whole = Buffer.concat(everything.encode(value, version))
          const part = whole.subarray(0, cut % whole.length)
          assert.throws(() => everything.decode(part, version), refuses('INVALID_REQUEST', /^Example v/))
        }),
      )
    })
  }
})

describe('bytes on the wire', () => {
  const simple = of(struct({ name: nullable(string), list: nullable(array(int16)), blob: nullable(bytes), last: int8 }))

  it('writes plain lengths in versions that are not flexible', () => {
    assert.equal(
      hex(simple.encode({ name: 'ab', list: [1, -1], blob: from('ff'), last: 7 }, 1)),
      ['0002' + '6162', '00000002' + '0001' + 'ffff', '00000001' + 'ff', '07'].join(''),
    )
    assert.equal(hex(simple.encode({ last: 7 }, 1)), 'ffff' + 'ffffffff' + 'ffffffff' + '07')
  })

  it('writes compact lengths and an empty set of tagged fields in flexible versions', () => {
    assert.equal(
      hex(simple.encode({ name: 'ab', list: [1, -1], blob: from('ff'), last: 7 }, 2)),
      ['03' + '6162', '03' + '0001' + 'ffff', '02' + 'ff', '07', '00'].join(''),
    )
    assert.equal(hex(simple.encode({ last: 7 }, 2)), '00' + '00' + '00' + '07' + '00')
    const long = 'x'.repeat(300)
    assert.equal(hex(simple.encode({ name: long, last: 7 }, 2)).slice(0, 4), 'ad02')
  })

  it('marks a struct that may be null with one byte', () => {
    const optional = of(struct({ inner: nullable(struct({ number: int8 })) }))
    assert.equal(hex(optional.encode({ inner: null }, 0)), 'ff')
    assert.equal(hex(optional.encode({ inner: { number: 5 } }, 0)), '0105')
    assert.equal(hex(optional.encode({ inner: { number: 5 } }, 2)), '01' + '05' + '00' + '00')
  })

  it('writes null as the empty value in versions that have no null for the field', () => {
    const later = of(struct({ name: nullable(string, 1), list: nullable(array(int8), 1) }))
    assert.equal(hex(later.encode({ name: null, list: null }, 0)), '0000' + '00000000')
    assert.deepEqual(later.decode(from('0000 00000000'), 0), { name: '', list: [] })
    assert.throws(() => later.decode(from('ffff 00000000'), 0), refuses('INVALID_REQUEST', /name is null/))
  })
})

describe('tagged fields', () => {
  const tags = of(
    struct({
      number: int8,
      high: tagged(300, 2, withDefault(-1, int16)),
      low: tagged(1, 2, string),
      node: tagged(2, 3, struct({ id: withDefault(-1, int32) })),
    }),
  )

  it('are written in the order of their tags, and not at all where they have their default', () => {
    assert.equal(hex(tags.encode({ number: 7, high: -1, low: '' }, 2)), '07' + '00')
    assert.equal(hex(tags.encode({ number: 7, node: { id: -1 }, low: 'a' }, 3)), '07' + '01' + '01' + '02' + '0261')
    assert.equal(
      hex(tags.encode({ number: 7, high: 5, low: 'a' }, 2)),
      '07' + '02' + '01' + '02' + '0261' + 'ac02' + '02' + '0005',
    )
  })

  it('are absent, at their defaults, in versions that are not flexible or do not have them', () => {
    assert.equal(hex(tags.encode({ number: 7, high: 5, low: 'a' }, 1)), '07')
    assert.deepEqual(tags.decode(from('07'), 1), { number: 7, high: -1, low: '', node: { id: -1 } })
    assert.equal(hex(tags.encode({ number: 7, node: { id: 3 } }, 2)), '07' + '00')
  })

  it('are skipped where they are unknown', () => {
    const unknown = '63' + '04' + 'deadbeef'
    assert.deepEqual(tags.decode(from(`07 02 01 02 0261 ${unknown}`), 2), {
      number: 7,
      high: -1,
      low: 'a',
      node: { id: -1 },
    })
    // Tag 2 is not known yet in version 2.
    assert.equal(tags.decode(from('07 01 02 05 00000003 00'), 2).node.id, -1)
    assert.equal(tags.decode(from('07 01 02 05 00000003 00'), 3).node.id, 3)
  })

  it('must fill the size they claim, and no more', () => {
    assert.throws(
      () => tags.decode(from('07 01 01 03 0261 00'), 2),
      refuses('INVALID_REQUEST', /low leaves 1 of its 3/),
    )
    assert.throws(() => tags.decode(from('07 01 01 01 0261'), 2), refuses('INVALID_REQUEST', /low needs 1 bytes/))
    assert.throws(
      () => tags.decode(from('07 01 63 05 00'), 2),
      refuses('INVALID_REQUEST', /needs 5 bytes where 1 are left/),
    )
    assert.throws(() => tags.decode(from('07 ffffffff0f'), 2), refuses('INVALID_REQUEST', /needs 1 bytes/))
  })
})

describe('byte values', () => {
  const blobs = of(struct({ before: int8, batch: nullable(records), after: int8 }))

  it('are not copied on encoding from a certain size on', () => {
    const large = Buffer.alloc(referenceFromBytes, 1)
    const chunks = blobs.encode({ before: 1, batch: large, after: 2 }, 0)
    assert.equal(chunks.length, 3)
    assert.equal(chunks[1], large)
    const small = Buffer.alloc(referenceFromBytes - 1, 1)
    assert.equal(blobs.encode({ before: 1, batch: small, after: 2 }, 0).includes(small), false)
  })

  it('may be given in pieces', () => {
    const pieces = [Buffer.from('one'), Buffer.alloc(5000, 2), Buffer.alloc(0), Buffer.from('three')]
    const chunks = blobs.encode({ before: 1, batch: pieces, after: 2 }, 2)
    assert.ok(chunks.includes(pieces[1]))
    const decoded = blobs.decode(Buffer.concat(chunks), 2)
    assert.deepEqual(decoded, { before: 1, batch: Buffer.concat(pieces), after: 2 })
    assert.equal(hex(blobs.encode({ before: 1, batch: [], after: 2 }, 0)), '01' + '00000000' + '02')
  })

  it('are views of the frame on decoding', () => {
    const frame = from('01 00000003 aabbcc 02')
    const { batch } = blobs.decode(frame, 0)
    assert.equal(batch?.buffer, frame.buffer)
    frame[6] = 0
    assert.deepEqual(batch, from('aa00cc'))
  })

  it('gives ids of their own, since they outlive the frame', () => {
    const ids = of(struct({ id: uuid }))
    const frame = Buffer.alloc(16, 3)
    const { id } = ids.decode(frame, 0)
    frame.fill(0)
    assert.deepEqual(id, Buffer.alloc(16, 3))
    assert.equal(ids.decode(frame, 0).id, zeroUuid)
  })
})

describe('values that do not fit', () => {
  const shapes = of(
    struct({ list: array(struct({ small: int16, name: string, id: since(0, uuid) })), count: withDefault(3, int32) }),
  )
  const wrong = (value: unknown, text: RegExp): void => {
    const encode = (): unknown => shapes.encode(value as { list: [] }, 0)
    assert.throws(encode, refuses('INVALID_ARGUMENT', text))
  }

  it('are refused with the path of the field', () => {
    wrong({}, /^Example v0: list is missing\.$/)
    wrong({ list: 5 }, /list is 5, not an array/)
    wrong({ list: [{ small: 1, name: 'a' }, null] }, /list\[1\] is null, not an object/)
    wrong({ list: [{ small: 70_000, name: 'a' }] }, /list\[0\]\.small is 70000, not an int16/)
    wrong({ list: [{ small: 1.5, name: 'a' }] }, /small is 1\.5, not an int16/)
    wrong({ list: [{ small: Number.NaN, name: 'a' }] }, /small is NaN, not an int16/)
    wrong({ list: [{ small: 1, name: 5 }] }, /list\[0\]\.name is 5, not a string/)
    wrong({ list: [{ small: 1, name: 'x'.repeat(40_000) }] }, /name is a string of 40000 bytes, over 32767/)
    wrong({ list: [{ small: 1, name: 'a', id: Buffer.alloc(3) }] }, /id is an id of 3 bytes/)
    wrong({ list: [], count: null }, /count is null, not an int32/)
  })

  it('leaves out what has a default', () => {
    assert.deepEqual(shapes.decode(Buffer.concat(shapes.encode({ list: [] }, 0)), 0), { list: [], count: 3 })
  })

  it('knows only its versions', () => {
    assert.throws(
      () => shapes.decode(Buffer.alloc(0), 4),
      refuses('UNSUPPORTED_VERSION', /version 4 is not between 0 and 3/),
    )
    assert.throws(() => shapes.encode({ list: [] }, -1), refuses('UNSUPPORTED_VERSION', /version -1/))
  })
})
