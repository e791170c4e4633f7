/** Many groups at once, and one group in which everybody comes and goes at the same time. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  heartbeat,
  joinGroup,
  leaveGroup,
  offsetCommit,
  offsetFetch,
  syncGroup,
} from '../../src/kafka/schemas/index.js'
import type { RawClient } from '../kafka/server/served.js'
import { assertPeak, createTopic, loadWorld, mib, scaled, skipElsewhere } from './world.js'

const rebalanceInProgress = 27
const memberIdRequired = 79
const unknownMember = 25
const illegalGeneration = 22

interface Membership {
  readonly memberId: string
  readonly generationId: number
}

/** Joins until a generation is agreed on in which it has an assignment. */
async function join(client: RawClient, groupId: string, knownAs = ''): Promise<Membership> {
  let memberId = knownAs
  for (;;) {
    const joined = await client.ask(joinGroup, 5, {
      groupId,
      sessionTimeoutMs: 30_000,
      rebalanceTimeoutMs: 30_000,
      memberId,
      groupInstanceId: null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(20) }],
    })
    memberId = joined.errorCode === unknownMember ? '' : joined.memberId
    if (joined.errorCode === memberIdRequired || joined.errorCode === unknownMember) continue
    assert.equal(joined.errorCode, 0)
    const { generationId, members } = joined
    const isLeader = joined.leader === memberId
    const assignments = isLeader
      ? members.map((member) => ({ memberId: member.memberId, assignment: Buffer.from(member.memberId) }))
      : []
    const synced = await client.ask(syncGroup, 3, {
      groupId,
      generationId,
      memberId,
      groupInstanceId: null,
      assignments,
    })
    if (synced.errorCode === rebalanceInProgress || synced.errorCode === illegalGeneration) continue
    assert.equal(synced.errorCode, 0)
    assert.equal(synced.assignment.toString(), memberId, 'it is told its own part')
    return { memberId, generationId }
  }
}

async function leave(client: RawClient, groupId: string, memberId: string): Promise<void> {
  const left = await client.ask(leaveGroup, 3, { groupId, members: [{ memberId, groupInstanceId: null }] })
  assert.ok([0, unknownMember].includes(left.errorCode))
}

test('a thousand groups join, commit, and find what they committed after a start', {
  skip: skipElsewhere,
}, async (t) => {
  const world = await loadWorld(t)
  await createTopic(world, 'orders', 1)
  const count = scaled(50, 1000)
  const live = async (client: RawClient, at: number): Promise<void> => {
    const groupId = `group ${at}`
    const { memberId, generationId } = await join(client, groupId)
    const partitions = [{ index: 0, committedOffset: at, committedMetadata: null }]
    const committed = await client.ask(offsetCommit, 7, {
      groupId,
      generationIdOrMemberEpoch: generationId,
      memberId,
      groupInstanceId: null,
      topics: [{ name: 'orders', partitions }],
    })
    assert.equal(committed.topics[0].partitions[0].errorCode, 0)
    assert.equal(
      (await client.ask(heartbeat, 3, { groupId, generationId, memberId, groupInstanceId: null })).errorCode,
      0,
    )
    if (at % 2 === 0) await leave(client, groupId, memberId)
  }
  await Promise.all((await world.clients(count)).map(live))
  const most = assertPeak(world.broker.pid, 256 * mib)
  await world.restart()
  const asker = await world.client()
  for (let at = 0; at < count; at++) {
    const found = await asker.ask(offsetFetch, 5, {
      groupId: `group ${at}`,
      topics: [{ name: 'orders', partitionIndexes: [0] }],
    })
    assert.equal(Number(found.topics[0].partitions[0].committedOffset), at)
  }
  t.diagnostic(`${count} groups; at most ${most} MiB`)
})

test('a group whose members all come and go at once comes to rest with all of them in one generation', {
  skip: skipElsewhere,
}, async (t) => {
  const world = await loadWorld(t)
  const clients = await world.clients(scaled(40, 300))
  const storms = scaled(2, 5)
  for (let storm = 0; storm < storms; storm++) {
    await Promise.all(
      clients.map(async (client) => {
        const { memberId } = await join(client, 'storm')
        await leave(client, 'storm', memberId)
      }),
    )
  }
  // Each by itself, as clients are: one that waited for the others between two heartbeats would hold up what they wait for.
  const members = new Map<RawClient, Membership>()
  const isAtRest = (): boolean => {
    const generations = new Set([...members.values()].map(({ generationId }) => generationId))
    return members.size === clients.length && generations.size === 1
  }
  const settle = async (client: RawClient): Promise<void> => {
    let member = await join(client, 'storm')
    members.set(client, member)
    while (!isAtRest()) {
      const { errorCode } = await client.ask(heartbeat, 3, { groupId: 'storm', ...member, groupInstanceId: null })
      if (errorCode === 0) {
        await sleep(20)
        continue
      }
      assert.ok([rebalanceInProgress, illegalGeneration, unknownMember].includes(errorCode))
      members.delete(client)
      member = await join(client, 'storm', member.memberId)
      members.set(client, member)
    }
  }
  await Promise.all(clients.map(settle))
  const [{ generationId }] = members.values()
  assert.equal(new Set([...members.values()].map(({ memberId }) => memberId)).size, clients.length)
  t.diagnostic(`${clients.length} members, ${storms} storms; generation ${generationId} in the end`)
})
