/** Expressions of tags: what they let through, and what is refused. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { javaHash } from '../../src/core/java-hash.js'
import { isTag, parseTagExpression } from '../../src/storage/tag-expression.js'

test('an expression lets its tags through, and no message without a tag', () => {
  const filter = parseTagExpression(' tagA||tagB  ||  täg-C ')
  assert.ok(filter)
  for (const tag of ['tagA', 'tagB', 'täg-C']) assert.ok(filter.matches(tag), tag)
  for (const tag of [undefined, '', 'tag', 'TAGA', 'tagA ', 'tagA || tagB']) assert.ok(!filter.matches(tag), tag)
  assert.deepEqual(
    [...filter.codes],
    ['tagA', 'tagB', 'täg-C'].map((tag) => javaHash(tag)),
  )
})

test('tags of one hash are told apart', () => {
  assert.equal(javaHash('Aa'), javaHash('BB'))
  const filter = parseTagExpression('Aa')
  assert.deepEqual([filter?.matches('Aa'), filter?.matches('BB')], [true, false])
})

test('a star lets everything through', () => {
  assert.equal(parseTagExpression('*'), undefined)
  assert.equal(parseTagExpression(' * '), undefined)
})

const unknown = [
  '',
  ' ',
  '||',
  'a ||',
  '|| a',
  'a || || b',
  'a | b',
  'a ||| b',
  'a && b',
  'a&&b',
  'a b',
  '!a',
  'a || !b',
  '* || a',
  '(a || b)',
  "TAGS = 'a'",
  'a > 3',
  "TAGS IN ('a', 'b')",
  'a IS NOT NULL',
  'a\u0001b',
  'a\u0002',
]

for (const expression of unknown) {
  test(`${JSON.stringify(expression)} is refused, with what may be asked`, () => {
    assert.throws(() => parseTagExpression(expression), {
      code: 'INVALID_ARGUMENT',
      message: /'\*', a tag, or tags joined by '\|\|'/,
    })
  })
}

test('every tag that may be sent can be asked for, alone and among others', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (tag, other) => {
      fc.pre(isTag(tag) && isTag(other))
      assert.ok(parseTagExpression(tag)?.matches(tag))
      assert.ok(parseTagExpression(`${other} || ${tag}`)?.matches(tag))
      assert.equal(parseTagExpression(other)?.matches(tag), tag === other)
    }),
  )
})
