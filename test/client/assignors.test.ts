/** The assignors: the examples of Kafka's documentation, kafkajs as a second opinion, and what must always hold. */

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Assignments, assignors, type Subscriber } from '../../src/client/assignors.js'

const require = createRequire(import.meta.url)
const kafkajsRoundRobin = require('kafkajs/src/consumer/assigners/roundRobinAssigner') as (context: object) => {
  assign(group: {
    members: { memberId: string }[]
    topics: string[]
  }): Promise<{ memberId: string; memberAssignment: Buffer }[]>
}
const { MemberAssignment } = require('kafkajs/src/consumer/assignerProtocol') as {
  MemberAssignment: { decode(bytes: Buffer): { assignment: Record<string, number[]> } }
}

const range = assignors.get('range')!
const roundRobin = assignors.get('roundrobin')!

const member = (memberId: string, topics: string[], groupInstanceId: string | null = null): Subscriber => ({
  memberId,
  groupInstanceId,
  topics,
})
const plain = (assignments: Assignments) =>
  Object.fromEntries([...assignments].map(([memberId, given]) => [memberId, Object.fromEntries(given)]))

describe('range', () => {
  it('gives the first members one more where it does not come out even', () => {
    const members = [member('C1', ['t0', 't1']), member('C0', ['t0', 't1'])]
    const counts = new Map([
      ['t0', 3],
      ['t1', 3],
    ])
    assert.deepEqual(plain(range(members, counts)), { C0: { t0: [0, 1], t1: [0, 1] }, C1: { t0: [2], t1: [2] } })
  })

  it('puts static members first, by their instance id', () => {
    const members = [member('a', ['t']), member('z', ['t'], 'i2'), member('y', ['t'], 'i1')]
    assert.deepEqual(plain(range(members, new Map([['t', 4]]))), { y: { t: [0, 1] }, z: { t: [2] }, a: { t: [3] } })
  })

  it('leaves members without where there are too few partitions, and knows topics that are gone', () => {
    const members = [member('a', ['t', 'gone']), member('b', ['t'])]
    assert.deepEqual(plain(range(members, new Map([['t', 1]]))), { a: { t: [0] }, b: {} })
  })
})

describe('roundrobin', () => {
  it('deals out all topics as one row', () => {
    const members = [member('C0', ['t0', 't1']), member('C1', ['t0', 't1'])]
    const counts = new Map([
      ['t0', 3],
      ['t1', 3],
    ])
    assert.deepEqual(plain(roundRobin(members, counts)), { C0: { t0: [0, 2], t1: [1] }, C1: { t0: [1], t1: [0, 2] } })
  })

  it('passes members that do not read the topic', () => {
    const members = [member('C0', ['t0']), member('C1', ['t0', 't1']), member('C2', ['t0', 't1', 't2'])]
    const counts = new Map([
      ['t0', 1],
      ['t1', 2],
      ['t2', 3],
    ])
    const expected = { C0: { t0: [0] }, C1: { t1: [0] }, C2: { t1: [1], t2: [0, 1, 2] } }
    assert.deepEqual(plain(roundRobin(members, counts)), expected)
  })

  it('agrees with kafkajs where all read the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.array(fc.nat(9), { maxLength: 4 }), async (size, counts) => {
        const topics = counts.map((_, index) => `t${index}`)
        const ids = Array.from({ length: size }, (_, index) => `m${index}`)
        const findTopicPartitionMetadata = (topic: string) =>
          Array.from({ length: counts[topics.indexOf(topic)] }, (_, partitionId) => ({ partitionId }))
        const theirs = kafkajsRoundRobin({ cluster: { findTopicPartitionMetadata } })
        const given = await theirs.assign({ members: ids.map((memberId) => ({ memberId })), topics })
        const ours = roundRobin(
          ids.map((id) => member(id, topics)),
          new Map(topics.map((topic, index) => [topic, counts[index]])),
        )
        for (const { memberId, memberAssignment } of given) {
          const { assignment } = MemberAssignment.decode(memberAssignment)
          assert.deepEqual(Object.fromEntries(ours.get(memberId) ?? []), { ...assignment })
        }
      }),
    )
  })
})

for (const name of ['range', 'roundrobin'] as const) {
  it(`${name}: each partition goes to one member that reads its topic`, () => {
    const topicNames = ['a', 'b', 'c']
    const subscribers = fc.array(fc.subarray(topicNames, { minLength: 1 }), { minLength: 1, maxLength: 7 })
    fc.assert(
      fc.property(subscribers, fc.tuple(fc.nat(8), fc.nat(8), fc.nat(8)), (subscriptions, numbers) => {
        const members = subscriptions.map((topics, index) => member(`m${index}`, topics))
        const counts = new Map(topicNames.map((topic, index) => [topic, numbers[index]]))
        const seen: string[] = []
        for (const [memberId, given] of assignors.get(name)!(members, counts)) {
          for (const [topic, partitions] of given) {
            assert.ok(members.find((each) => each.memberId === memberId)?.topics.includes(topic))
            for (const partition of partitions) seen.push(`${topic}-${partition}`)
          }
        }
        const read = topicNames.filter((topic) => subscriptions.some((topics) => topics.includes(topic)))
        const expected = read.flatMap((topic) =>
          Array.from({ length: counts.get(topic) ?? 0 }, (_, p) => `${topic}-${p}`),
        )
        assert.deepEqual(seen.sort(), expected.sort())
      }),
    )
  })
}
