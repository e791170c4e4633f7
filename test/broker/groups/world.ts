/** A coordinator with its clock and its logs, and the requests of test clients in short form. */

import assert from 'node:assert/strict'
import { ManualClock, settled } from '../../../sim/manual-clock.js'
import type {
  CommitRequest,
  JoinRequest,
  JoinResult,
  MemberRef,
  OffsetToCommit,
  SyncRequest,
} from '../../../src/broker/groups/contract.js'
import { GroupCoordinator } from '../../../src/broker/groups/coordinator.js'
import type { InternalTopic } from '../../../src/broker/internal-log.js'
import { type ErrorCode, HoldfastError } from '../../../src/core/errors.js'
import { silentLogger } from '../../../src/core/logger.js'
import type { Randomness } from '../../../src/core/randomness.js'
import { resolveSettings, type SettingsInput } from '../../../src/core/settings.js'
import { MemoryLog } from './memory-log.js'

export class MemoryTopic implements InternalTopic {
  readonly logs: readonly MemoryLog[]

  constructor(logs: readonly MemoryLog[] = [new MemoryLog()]) {
    this.logs = logs
  }

  get partitionCount(): number {
    return this.logs.length
  }

  log(partition: number): MemoryLog {
    return this.logs[partition]
  }

  crashed(): MemoryTopic {
    return new MemoryTopic(this.logs.map((log) => log.crashed()))
  }
}

/** Counts up, so that ids differ and a run can be repeated. */
export function countingRandomness(): Randomness {
  let count = 0
  return {
    bytes: (length) => {
      const bytes = Buffer.alloc(length)
      bytes.writeUInt32BE(++count, length - 4)
      return bytes
    },
    below: () => 0,
  }
}

export interface World {
  readonly clock: ManualClock
  readonly randomness: Randomness
  readonly topic: MemoryTopic
  readonly log: MemoryLog
  readonly coordinator: GroupCoordinator
}

export function world(
  settings: SettingsInput = {},
  topic = new MemoryTopic(),
  clock = new ManualClock(),
  randomness = countingRandomness(),
): World {
  const coordinator = new GroupCoordinator({
    clock,
    randomness,
    logger: silentLogger,
    settings: resolveSettings(settings),
    openOffsetsTopic: async () => topic,
    topicExists: () => true,
    onOffsetsChanged: () => {},
  })
  return { clock, randomness, topic, log: topic.log(0), coordinator }
}

/** The same logs, all that was durable, under a new coordinator. */
export function restarted(before: World, settings: SettingsInput = {}): World {
  return world(settings, before.topic.crashed(), before.clock, before.randomness)
}

/** A consumer's subscription, version 1: version, topics, user data. */
export function subscriptionTo(...topics: string[]): Buffer {
  const names = topics.map((topic) => {
    const name = Buffer.from(topic)
    return Buffer.concat([Buffer.from([0, name.length]), name])
  })
  return Buffer.concat([Buffer.from([0, 1, 0, 0, 0, topics.length]), ...names, Buffer.from([0xff, 0xff, 0xff, 0xff])])
}

export function joinRequest(change: Partial<JoinRequest> = {}): JoinRequest {
  return {
    groupId: 'g',
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: subscriptionTo('orders') }],
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    clientId: 'client',
    clientHost: '/127.0.0.1',
    requireKnownMemberId: false,
    supportsSkippingAssignment: true,
    ...change,
  }
}

export function syncRequest(joined: JoinResult, assignments: Record<string, string> = {}): SyncRequest {
  return {
    ...memberOf(joined),
    protocolType: joined.protocolType,
    protocolName: joined.protocolName,
    assignments: Object.entries(assignments).map(([memberId, text]) => ({ memberId, assignment: Buffer.from(text) })),
  }
}

export function memberOf(joined: JoinResult, groupInstanceId: string | null = null): MemberRef {
  return { groupId: 'g', memberId: joined.memberId, groupInstanceId, generationId: joined.generationId }
}

export function offsetOf(offset: number, change: Partial<OffsetToCommit> = {}): OffsetToCommit {
  return { topic: 'orders', partition: 0, offset, leaderEpoch: -1, metadata: '', ...change }
}

export function commitOf(member: Partial<MemberRef>, ...offsets: OffsetToCommit[]): CommitRequest {
  return { groupId: 'g', memberId: '', groupInstanceId: null, generationId: -1, ...member, offsets }
}

/** What became of a request so far. */
export interface Watched<T> {
  readonly promise: Promise<T>
  state: 'waiting' | 'answered' | 'refused'
  result?: T
  /** Undefined too where it threw what is no error of ours. */
  code?: ErrorCode
  error?: unknown
}

/** Watches a promise without waiting for it. */
export function watch<T>(promise: Promise<T>): Watched<T> {
  const watched: Watched<T> = { promise, state: 'waiting' }
  promise.then(
    (result) => {
      watched.state = 'answered'
      watched.result = result
    },
    (error: unknown) => {
      watched.state = 'refused'
      watched.error = error
      if (error instanceof HoldfastError) watched.code = error.code
    },
  )
  return watched
}

/** Joins and waits until the rebalance is over; needs all other members to have joined again already. */
export async function join({ clock, coordinator }: World, change: Partial<JoinRequest> = {}): Promise<JoinResult> {
  const joined = watch(coordinator.joinGroup(joinRequest(change)))
  await clock.run(0)
  const result = await joined.promise
  assert.ok(!('memberIdRequired' in result))
  return result
}

/** A stable group of as many members as assignments are given; the first is the leader. */
export async function stableGroup(
  within: World,
  assignments: readonly string[],
  change: (index: number) => Partial<JoinRequest> = () => ({}),
): Promise<JoinResult[]> {
  const { clock, coordinator } = within
  const joins = assignments.map((_, i) => coordinator.joinGroup(joinRequest(change(i))))
  await clock.run(0)
  const joined = (await Promise.all(joins)) as JoinResult[]
  const byMember = Object.fromEntries(joined.map(({ memberId }, i) => [memberId, assignments[i]]))
  const syncs = joined.map((each) =>
    coordinator.syncGroup(syncRequest(each, each.memberId === each.leaderId ? byMember : {})),
  )
  await Promise.all(syncs)
  return joined
}

export async function assertRefused(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof HoldfastError, String(error))
    assert.equal(error.code, code, error.message)
    return true
  })
}

export async function stateOf({ coordinator }: World, groupId = 'g'): Promise<string> {
  return (await coordinator.describeGroup(groupId)).state
}

export { settled }
