/** Topics out of subscriptions as clients encode them. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sameTopics, subscribedTopics } from '../../../src/broker/groups/subscription.js'
import { subscriptionTo } from './world.js'

describe("a consumer's subscription", () => {
  it('names its topics, whatever follows them', () => {
    assert.deepEqual(subscribedTopics(subscriptionTo('a', 'bc')), new Set(['a', 'bc']))
    const more = Buffer.concat([subscriptionTo('a'), Buffer.from('anything')])
    assert.deepEqual(subscribedTopics(more), new Set(['a']))
  })

  it('is undefined where the bytes are something else', () => {
    assert.equal(subscribedTopics(Buffer.alloc(0)), undefined)
    assert.equal(subscribedTopics(Buffer.from('no subscription at all')), undefined)
  })

  it('is compared by topics, not by order or user data', () => {
    assert.ok(sameTopics(subscriptionTo('a', 'b'), subscriptionTo('b', 'a')))
    assert.ok(!sameTopics(subscriptionTo('a'), subscriptionTo('b')))
    assert.ok(!sameTopics(subscriptionTo('a'), subscriptionTo('a', 'b')))
    assert.ok(sameTopics(subscriptionTo('a'), Buffer.from('?')))
  })
})
