/** What the message browser is asked for, in the address bar and to the broker. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { browseOf, limits, newest, parametersOf, requestOf, startings } from '../../../console/messages/query.js'

test('the address bar keeps a query', () => {
  const fields = {
    partition: fc.option(fc.nat()),
    by: fc.constantFrom(...startings),
    at: fc.string(),
    tags: fc.string(),
    limit: fc.constantFrom(...limits),
  }
  const browse = fc.record(fields, { noNullPrototype: true })
  fc.assert(
    fc.property(browse, (query) => {
      assert.deepEqual(browseOf(new URLSearchParams(parametersOf(query).toString())), query)
    }),
  )
})

test('what is not understood in an address is left out', () => {
  assert.deepEqual(browseOf(new URLSearchParams('partition=-1&by=magic&limit=7')), newest)
})

test('a query that would be refused is not sent', () => {
  const problem = (part: Partial<typeof newest>) => 'problem' in requestOf({ ...newest, ...part })
  assert.ok(problem({ by: 'offset', at: '-3' }))
  assert.ok(problem({ by: 'offset', at: '1.5' }))
  assert.ok(problem({ by: 'time', at: '' }))
  assert.ok(problem({ by: 'key', at: '' }))
  assert.ok(!problem({ by: 'offset', at: '17' }))
  assert.ok(!problem({ by: 'key', at: ' ' }))
})
