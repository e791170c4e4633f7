/** Groups and their committed offsets, of a remote broker. */

import type { TopicPartition } from '../broker/contract.js'
import type * as groups from '../broker/groups/contract.js'
import type { Clock } from '../core/clock.js'
import type { HoldfastError } from '../core/errors.js'
import { errorOf, groupedByTopic, outcomesOf, throwIfRefused } from './remote-broker-errors.js'
import { retrying } from './retrying.js'
import {
  deleteGroups,
  describeGroups,
  findCoordinator,
  heartbeat,
  joinGroup,
  leaveGroup,
  listGroups,
  offsetCommit,
  offsetDelete,
  offsetFetch,
  syncGroup,
} from './schemas/index.js'
import type { WirePool } from './wire-pool.js'

const memberIdRequired = 79
/** From the next version on topics go by id alone. */
const lastOffsetVersionWithNames = 9
/** From the next version on a group that does not exist is an error instead of dead. */
const lastVersionWithDeadGroups = 5

export class RemoteGroups {
  readonly #wire: WirePool
  readonly #clock: Clock
  readonly #timeoutMs: number
  #coordinator: Promise<void> | undefined

  constructor(wire: WirePool, clock: Clock, timeoutMs: number) {
    this.#wire = wire
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  async joinGroup(request: groups.JoinRequest): Promise<groups.JoinResult | groups.MemberIdRequired> {
    await this.#findCoordinator(request.groupId)
    const answer = await this.#wire.sendAlone(joinGroup, request, {
      maxVersion: joinVersionFor(request),
      waitMs: request.rebalanceTimeoutMs,
      clientId: request.clientId,
    })
    if (answer.errorCode === memberIdRequired) return { memberIdRequired: answer.memberId }
    throwIfRefused(answer.errorCode)
    const { generationId, leader, memberId, skipAssignment, members } = answer
    return {
      generationId,
      protocolType: answer.protocolType ?? request.protocolType,
      protocolName: answer.protocolName ?? '',
      leaderId: leader,
      memberId,
      skipAssignment,
      members,
    }
  }

  async syncGroup(request: groups.SyncRequest): Promise<groups.SyncResult> {
    await this.#findCoordinator(request.groupId)
    const answer = await this.#wire.sendAlone(syncGroup, request, { waitMs: this.#timeoutMs })
    throwIfRefused(answer.errorCode)
    return {
      protocolType: answer.protocolType ?? request.protocolType ?? '',
      protocolName: answer.protocolName ?? request.protocolName ?? '',
      assignment: answer.assignment,
    }
  }

  async heartbeat(member: groups.MemberRef): Promise<void> {
    await this.#findCoordinator(member.groupId)
    const { errorCode } = await this.#wire.send(heartbeat, member)
    throwIfRefused(errorCode)
  }

  async leaveGroup(
    groupId: string,
    members: readonly groups.LeavingMember[],
  ): Promise<readonly (HoldfastError | undefined)[]> {
    await this.#findCoordinator(groupId)
    const answer = await this.#wire.send(leaveGroup, { groupId, members }, { minVersion: 3 })
    throwIfRefused(answer.errorCode)
    return members.map((_, at) => errorOf(answer.members[at]?.errorCode ?? 0))
  }

  async commitOffsets(request: groups.CommitRequest): Promise<readonly (HoldfastError | undefined)[]> {
    await this.#findCoordinator(request.groupId)
    const { groupId, memberId, groupInstanceId, generationId, offsets } = request
    const topics = groupedByTopic(offsets).map(({ topic, items }) => ({
      name: topic,
      partitions: items.map(({ partition, offset, leaderEpoch, metadata }) => ({
        index: partition,
        committedOffset: offset,
        committedLeaderEpoch: leaderEpoch,
        committedMetadata: metadata,
      })),
    }))
    const body = { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch: generationId, topics }
    const answer = await this.#wire.send(offsetCommit, body, { maxVersion: lastOffsetVersionWithNames })
    return outcomesOf(answer.topics, offsets)
  }

  async fetchOffsets(
    groupId: string,
    partitions: readonly TopicPartition[] | null,
    options: groups.FetchOffsetsOptions = {},
  ): Promise<groups.FetchedOffset[]> {
    await this.#findCoordinator(groupId)
    const topics =
      partitions === null
        ? null
        : groupedByTopic(partitions).map(({ topic, items }) => ({
            name: topic,
            partitionIndexes: items.map((item) => item.partition),
          }))
    const answer = await this.#wire.send(
      offsetFetch,
      { groups: [{ groupId, topics }], requireStable: options.requireStable ?? false },
      { minVersion: 8, maxVersion: lastOffsetVersionWithNames },
    )
    throwIfRefused(answer.groups[0].errorCode)
    const found: groups.FetchedOffset[] = []
    for (const { name, partitions: ofTopic } of answer.groups[0].topics) {
      for (const { index, committedOffset, committedLeaderEpoch, metadata, errorCode } of ofTopic) {
        const error = errorOf(errorCode)
        if (error !== undefined && error.code !== 'UNSTABLE_OFFSET_COMMIT') throw error
        if (error === undefined && committedOffset < 0) continue
        const place = { topic: name, partition: index, offset: committedOffset, leaderEpoch: committedLeaderEpoch }
        found.push({ ...place, metadata: metadata ?? '', commitTimestamp: -1, ...(error && { error }) })
      }
    }
    return found
  }

  async listGroups(): Promise<groups.GroupListing[]> {
    const answer = await this.#wire.send(listGroups, {}, { minVersion: 4 })
    throwIfRefused(answer.errorCode)
    return answer.groups.map(({ groupId, protocolType, groupState }) => ({
      groupId,
      protocolType,
      state: groupState as groups.GroupState,
    }))
  }

  async describeGroup(groupId: string): Promise<groups.GroupDescription> {
    await this.#findCoordinator(groupId)
    const answer = await this.#wire.send(
      describeGroups,
      { groups: [groupId] },
      { maxVersion: lastVersionWithDeadGroups },
    )
    const { errorCode, groupState, protocolType, protocolName, members } = answer.groups[0]
    throwIfRefused(errorCode)
    return { groupId, state: groupState as groups.GroupState, protocolType, protocolName, members }
  }

  async deleteOffsets(
    groupId: string,
    places: readonly TopicPartition[],
  ): Promise<readonly (HoldfastError | undefined)[]> {
    await this.#findCoordinator(groupId)
    const topics = groupedByTopic(places).map(({ topic, items }) => ({
      name: topic,
      partitions: items.map(({ partition }) => ({ index: partition })),
    }))
    const answer = await this.#wire.send(offsetDelete, { groupId, topics })
    throwIfRefused(answer.errorCode)
    return outcomesOf(answer.topics, places)
  }

  async deleteGroup(groupId: string): Promise<void> {
    await this.#findCoordinator(groupId)
    const answer = await this.#wire.send(deleteGroups, { groupIds: [groupId] })
    throwIfRefused(answer.results[0].errorCode)
  }

  /** Asked once: Kafka makes its offsets topic only when somebody asks who coordinates. There is one node to answer. */
  #findCoordinator(groupId: string): Promise<void> {
    if (this.#coordinator !== undefined) return this.#coordinator
    const finding = retrying(this.#clock, this.#timeoutMs, async () => {
      const answer = await this.#wire.send(findCoordinator, { key: groupId, keyType: 0, coordinatorKeys: [groupId] })
      const { errorCode, errorMessage } = answer.coordinators[0] ?? answer
      throwIfRefused(errorCode, errorMessage)
    })
    this.#coordinator = finding
    finding.catch(() => {
      this.#coordinator = undefined
    })
    return finding
  }
}

/** The versions say what the contract says in fields: from 4 on an id is required first, from 9 on skipping is known. */
function joinVersionFor({ requireKnownMemberId, groupInstanceId, supportsSkippingAssignment }: groups.JoinRequest) {
  if (!requireKnownMemberId && groupInstanceId === null) return 3
  return supportsSkippingAssignment ? undefined : 8
}
