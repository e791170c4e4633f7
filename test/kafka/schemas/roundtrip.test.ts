/** Every message of every API in every version: any value comes back from its bytes as it was. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Message } from '../../../src/core/codec/index.js'
import { apiByKey, apis } from '../../../src/kafka/schemas/index.js'
import { anyValueOf } from '../../core/codec/arbitrary.js'

function comesBack(message: Message, version: number): void {
  fc.assert(
    fc.property(anyValueOf(message.schema, version), (value) => {
      const bytes = Buffer.concat(message.encode(value, version))
      assert.deepEqual(message.decode(bytes, version), value)
    }),
    { numRuns: 25 },
  )
}

for (const api of apis) {
  describe(api.name, () => {
    for (let version = api.versions[0]; version <= api.versions[1]; version++) {
      it(`v${version}: any request and any response comes back from its bytes`, () => {
        comesBack(api.request, version)
        comesBack(api.response, version)
      })
    }
  })
}

it('has each API once, in the order of keys', () => {
  const keys = apis.map((api) => api.key)
  assert.deepEqual(
    keys,
    [...new Set(keys)].sort((one, other) => one - other),
  )
  for (const api of apis) assert.equal(apiByKey(api.key), api)
  assert.equal(apiByKey(9999), undefined)
})
