/** Groups, as the library shows them. */

import type { BrokerService, TopicPartition } from '../broker/contract.js'
import type { GroupListing, GroupState } from '../broker/groups/contract.js'
import { placeKey } from '../core/place-key.js'
import { checkName } from './arguments.js'
import { decodeAssignment } from './consumer-protocol.js'
import { type OffsetReset, type ResetOffset, resetOffsets } from './resetting-offsets.js'

export interface GroupMemberDetails {
  readonly memberId: string
  /** The name of a static member. */
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly partitions: readonly TopicPartition[]
}

export interface GroupDetails {
  readonly groupId: string
  /** Dead where there is no such group. */
  readonly state: GroupState
  /** How the leader shares the partitions out; empty while there are no members. */
  readonly assignor: string
  readonly members: readonly GroupMemberDetails[]
}

export interface GroupOffset extends TopicPartition {
  /** The next message that the group reads. */
  readonly offset: number
  /** Messages behind it. Undefined where the topic is gone. */
  readonly lag: number | undefined
  readonly metadata: string
  readonly commitTimestamp: number
}

/**
 * The consumer groups of a queue.
 *
 *     for (const { topic, partition, lag } of await mq.groups.offsets('billing')) console.log(topic, partition, lag)
 */
export class GroupsClient {
  readonly #service: BrokerService

  constructor(service: BrokerService) {
    this.#service = service
  }

  async list(): Promise<readonly GroupListing[]> {
    return this.#service.listGroups()
  }

  /** A group that does not exist is described as Dead, as Kafka does it. */
  async describe(groupId: string): Promise<GroupDetails> {
    checkName('groups.describe', 'group', groupId)
    const group = await this.#service.describeGroup(groupId)
    const isConsumers = group.protocolType === 'consumer'
    return {
      groupId: group.groupId,
      state: group.state,
      assignor: group.protocolName,
      members: group.members.map(({ memberId, groupInstanceId, clientId, clientHost, assignment }) => ({
        memberId,
        instanceId: groupInstanceId,
        clientId,
        clientHost,
        partitions: isConsumers ? assignedPartitions(assignment) : [],
      })),
    }
  }

  /** Deletes a group and its offsets. @throws NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND */
  async delete(groupId: string): Promise<void> {
    checkName('groups.delete', 'group', groupId)
    await this.#service.deleteGroup(groupId)
  }

  /**
   * Lets a group without members go on elsewhere, in one topic; with `preview` it says only where that would be.
   * @throws NON_EMPTY_GROUP while it has members, UNKNOWN_TOPIC_OR_PARTITION
   */
  async resetOffsets(groupId: string, reset: OffsetReset): Promise<ResetOffset[]> {
    checkName('groups.resetOffsets', 'group', groupId)
    return resetOffsets(this.#service, groupId, reset)
  }

  /** What the group has committed, and how far behind it is. */
  async offsets(groupId: string): Promise<GroupOffset[]> {
    checkName('groups.offsets', 'group', groupId)
    const committed = await this.#service.fetchOffsets(groupId, null)
    const topics = await this.#service.describeTopics([...new Set(committed.map(({ topic }) => topic))])
    const ends = new Map(
      topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partition, highWatermark }) => [placeKey({ topic: name, partition }), highWatermark]),
      ),
    )
    return committed.map(({ topic, partition, offset, metadata, commitTimestamp }) => {
      const end = ends.get(placeKey({ topic, partition }))
      const lag = end === undefined ? undefined : Math.max(0, end - offset)
      return { topic, partition, offset, lag, metadata, commitTimestamp }
    })
  }
}

function assignedPartitions(assignment: Buffer): TopicPartition[] {
  return [...decodeAssignment(assignment)].flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition })),
  )
}
