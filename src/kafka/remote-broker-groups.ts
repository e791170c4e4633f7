/** Groups and their committed offsets, of a remote broker. */

import type { TopicPartition } from '../broker/contract.js'
import type * as groups from '../broker/groups/contract.js'
import type { HoldfastError } from '../core/errors.js'
import type { Cluster } from './cluster/cluster.js'
import type { Coordinators } from './cluster/coordinators.js'
import {
  committedTopics,
  errorOf,
  groupedByTopic,
  outcomesOf,
  throwIfElsewhere,
  throwIfRefused,
} from './remote-broker-errors.js'
import {
  deleteGroups,
  describeGroups,
  heartbeat,
  joinGroup,
  leaveGroup,
  listGroups,
  offsetCommit,
  offsetDelete,
  offsetFetch,
  syncGroup,
} from './schemas/index.js'

const memberIdRequired = 79
/** From the next version on topics go by id alone. */
const lastOffsetVersionWithNames = 9
/** From the next version on a group that does not exist is an error instead of dead. */
const lastVersionWithDeadGroups = 5

/** A member asks again by itself, and has to know that it is between two coordinators. */
const once = { again: false }

export class RemoteGroups {
  readonly #cluster: Cluster
  readonly #coordinators: Coordinators

  constructor(cluster: Cluster, coordinators: Coordinators) {
    this.#cluster = cluster
    this.#coordinators = coordinators
  }

  joinGroup(request: groups.JoinRequest): Promise<groups.JoinResult | groups.MemberIdRequired> {
    return this.#coordinators.ask(
      request.groupId,
      async (wire) => {
        const answer = await wire.sendAlone(joinGroup, request, {
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
      },
      once,
    )
  }

  syncGroup(request: groups.SyncRequest): Promise<groups.SyncResult> {
    return this.#coordinators.ask(
      request.groupId,
      async (wire) => {
        const answer = await wire.sendAlone(syncGroup, request, { waitMs: this.#cluster.requestTimeoutMs })
        throwIfRefused(answer.errorCode)
        return {
          protocolType: answer.protocolType ?? request.protocolType ?? '',
          protocolName: answer.protocolName ?? request.protocolName ?? '',
          assignment: answer.assignment,
        }
      },
      once,
    )
  }

  heartbeat(member: groups.MemberRef): Promise<void> {
    return this.#coordinators.ask(
      member.groupId,
      async (wire) => {
        const { errorCode } = await wire.send(heartbeat, member)
        throwIfRefused(errorCode)
      },
      once,
    )
  }

  leaveGroup(
    groupId: string,
    members: readonly groups.LeavingMember[],
  ): Promise<readonly (HoldfastError | undefined)[]> {
    return this.#coordinators.ask(
      groupId,
      async (wire) => {
        const answer = await wire.send(leaveGroup, { groupId, members }, { minVersion: 3 })
        throwIfRefused(answer.errorCode)
        return members.map((_, at) => errorOf(answer.members[at]?.errorCode ?? 0))
      },
      { again: false },
    )
  }

  commitOffsets(request: groups.CommitRequest): Promise<readonly (HoldfastError | undefined)[]> {
    return this.#coordinators.ask(request.groupId, async (wire) => {
      const { groupId, memberId, groupInstanceId, generationId, offsets } = request
      const body = {
        groupId,
        memberId,
        groupInstanceId,
        generationIdOrMemberEpoch: generationId,
        topics: committedTopics(offsets),
      }
      const answer = await wire.send(offsetCommit, body, { maxVersion: lastOffsetVersionWithNames })
      return throwIfElsewhere(outcomesOf(answer.topics, offsets))
    })
  }

  fetchOffsets(
    groupId: string,
    partitions: readonly TopicPartition[] | null,
    options: groups.FetchOffsetsOptions = {},
  ): Promise<groups.FetchedOffset[]> {
    return this.#coordinators.ask(groupId, async (wire) => {
      const topics =
        partitions === null
          ? null
          : groupedByTopic(partitions).map(({ topic, items }) => ({
              name: topic,
              partitionIndexes: items.map((item) => item.partition),
            }))
      const answer = await wire.send(
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
    })
  }

  /** Every broker tells of the groups that it coordinates. */
  async listGroups(): Promise<groups.GroupListing[]> {
    const lists = await this.#cluster.each(async (wire) => {
      const answer = await wire.send(listGroups, {}, { minVersion: 4 })
      throwIfRefused(answer.errorCode)
      return answer.groups
    })
    return lists.flat().map(({ groupId, protocolType, groupState }) => ({
      groupId,
      protocolType,
      state: groupState as groups.GroupState,
    }))
  }

  describeGroup(groupId: string): Promise<groups.GroupDescription> {
    return this.#coordinators.ask(groupId, async (wire) => {
      const answer = await wire.send(describeGroups, { groups: [groupId] }, { maxVersion: lastVersionWithDeadGroups })
      const { errorCode, groupState, protocolType, protocolName, members } = answer.groups[0]
      throwIfRefused(errorCode)
      return { groupId, state: groupState as groups.GroupState, protocolType, protocolName, members }
    })
  }

  deleteOffsets(groupId: string, places: readonly TopicPartition[]): Promise<readonly (HoldfastError | undefined)[]> {
    return this.#coordinators.ask(groupId, async (wire) => {
      const topics = groupedByTopic(places).map(({ topic, items }) => ({
        name: topic,
        partitions: items.map(({ partition }) => ({ index: partition })),
      }))
      const answer = await wire.send(offsetDelete, { groupId, topics })
      throwIfRefused(answer.errorCode)
      return outcomesOf(answer.topics, places)
    })
  }

  deleteGroup(groupId: string): Promise<void> {
    return this.#coordinators.ask(groupId, async (wire) => {
      const answer = await wire.send(deleteGroups, { groupIds: [groupId] })
      throwIfRefused(answer.results[0].errorCode)
    })
  }
}

/** The versions say what the contract says in fields: from 4 on an id is required first, from 9 on skipping is known. */
function joinVersionFor({ requireKnownMemberId, groupInstanceId, supportsSkippingAssignment }: groups.JoinRequest) {
  if (!requireKnownMemberId && groupInstanceId === null) return 3
  return supportsSkippingAssignment ? undefined : 8
}
