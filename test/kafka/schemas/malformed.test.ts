/** Bytes that are not a message are refused with INVALID_REQUEST, at once, whatever they claim. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HoldfastError } from '../../../src/core/errors.js'
import { apis, metadata, produce } from '../../../src/kafka/schemas/index.js'
import { sampleOf } from '../../core/codec/arbitrary.js'

const isRefusal = (error: unknown): boolean => error instanceof HoldfastError && error.code === 'INVALID_REQUEST'

/** Runs `decode`, which may succeed or refuse, and fails on any other error. */
function refusesOrDecodes(decode: () => unknown): void {
  try {
    decode()
  } catch (error) {
    if (!isRefusal(error)) throw error
  }
}

for (const api of apis) {
  describe(api.name, () => {
    for (let version = api.versions[0]; version <= api.versions[1]; version++) {
      it(`v${version}: a message cut anywhere, or with a byte too many, is refused`, () => {
        for (const message of [api.request, api.response]) {
          const whole = Buffer.concat(message.encode(sampleOf(message.schema, version), version))
          message.decode(whole, version)
          for (let length = 0; length < whole.length; length++) {
            assert.throws(() => message.decode(whole.subarray(0, length), version), isRefusal)
          }
          const longer = Buffer.concat([whole, Buffer.alloc(1)])
          assert.throws(() => message.decode(longer, version), isRefusal)
          message.decode(longer, version, { allowTrailing: true })
        }
      })

      it(`v${version}: random and damaged bytes are refused or decoded, never anything else`, () => {
        for (const message of [api.request, api.response]) {
          const whole = Buffer.concat(message.encode(sampleOf(message.schema, version), version))
          fc.assert(
            fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), fc.nat(255), (bytes, position, byte) => {
              refusesOrDecodes(() => message.decode(Buffer.from(bytes), version))
              const damaged = Buffer.from(whole)
              if (damaged.length > 0) damaged[position % damaged.length] = byte
              refusesOrDecodes(() => message.decode(damaged, version))
            }),
            { numRuns: 40 },
          )
        }
      })
    }
  })
}

describe('claims that the bytes do not cover', () => {
  const refusal = (decode: () => unknown, path: RegExp): void => {
    assert.throws(decode, (error: unknown) => isRefusal(error) && path.test((error as HoldfastError).message))
  }

  it('refuses 2^31-1 elements without making room for them', () => {
    const bytes = Buffer.from('ffff' + 'ffff' + '00000000' + '7fffffff', 'hex')
    refusal(() => produce.request.decode(bytes, 3), /topics claims 2147483647 elements in 0 bytes/)
    const compact = Buffer.from('00' + 'ffff' + '00000000' + 'ffffffff0f', 'hex')
    refusal(() => produce.request.decode(compact, 9), /topics claims 4294967294 elements in 0 bytes/)
  })

  it('refuses more elements than their smallest form fits into the bytes', () => {
    // Five topics of version 0 take at least two bytes each.
    refusal(
      () => metadata.request.decode(Buffer.from(`00000005${'0000'.repeat(4)}`, 'hex'), 0),
      /claims 5 elements in 8/,
    )
  })

  it('refuses negative lengths and names the field', () => {
    refusal(() => metadata.request.decode(Buffer.from('fffffffe', 'hex'), 1), /topics is an array of negative length/)
    refusal(() => metadata.request.decode(Buffer.from('ffffffff', 'hex'), 0), /topics is null/)
    refusal(
      () => metadata.request.decode(Buffer.from('00000001' + 'ffff' + '00', 'hex'), 0),
      /topics\[0\]\.name is null/,
    )
  })

  it('refuses varints that are too long or too large', () => {
    refusal(() => metadata.request.decode(Buffer.from('ffffffffff01', 'hex'), 9), /more than five bytes/)
    refusal(() => metadata.request.decode(Buffer.from('ffffffff7f', 'hex'), 9), /more than 32 bits/)
  })

  it('counts the elements of all arrays of a message together, where a limit is set', () => {
    const bytes = Buffer.concat(metadata.request.encode({ topics: [{ name: 'a' }, { name: 'b' }] }, 1))
    metadata.request.decode(bytes, 1, { maxElements: 2 })
    refusal(() => metadata.request.decode(bytes, 1, { maxElements: 1 }), /more array elements/)
  })
})
