/**
 * What the group coordinator does, free of any wire: the classic group protocol (members join, a leader assigns,
 * everyone beats) and the offsets that groups commit. The Kafka handlers, the embedded library and a remote broker all
 * speak in these types. Requests that fail throw a HoldfastError with Kafka's code for it.
 */

import type { HoldfastError } from '../../core/errors.js'

export interface ProtocolOffer {
  /** Name of an assignment strategy, e.g. "range". */
  readonly name: string
  /** The member's subscription in the client's own encoding. */
  readonly metadata: Buffer
}

export interface JoinRequest {
  readonly groupId: string
  /** Empty for a member that has none yet. */
  readonly memberId: string
  /** Static membership: a name that outlives the member's process. */
  readonly groupInstanceId: string | null
  readonly protocolType: string
  readonly protocols: readonly ProtocolOffer[]
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly clientId: string
  readonly clientHost: string
  /** Refuse an empty member id with MEMBER_ID_REQUIRED and a fresh id (JoinGroup v4 and later). */
  readonly requireKnownMemberId: boolean
  /** The client may be told to skip the assignment when it is leader again (JoinGroup v9 and later). */
  readonly supportsSkippingAssignment: boolean
}

export interface JoinMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly metadata: Buffer
}

export interface JoinResult {
  readonly generationId: number
  readonly protocolType: string
  readonly protocolName: string
  readonly leaderId: string
  readonly memberId: string
  readonly skipAssignment: boolean
  /** Filled for the leader alone. */
  readonly members: readonly JoinMember[]
}

/** MEMBER_ID_REQUIRED carries the id to join with. */
export interface MemberIdRequired {
  readonly memberIdRequired: string
}

export interface MemberRef {
  readonly groupId: string
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationId: number
}

export interface SyncRequest extends MemberRef {
  /** Empty (null) where the client's version does not say. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
}

export interface SyncResult {
  readonly protocolType: string
  readonly protocolName: string
  readonly assignment: Buffer
}

export interface LeavingMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
}

export interface OffsetToCommit {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** -1 where unknown. */
  readonly leaderEpoch: number
  readonly metadata: string
}

export interface CommitRequest extends MemberRef {
  readonly offsets: readonly OffsetToCommit[]
}

export interface CommittedOffset extends OffsetToCommit {
  readonly commitTimestamp: number
}

export interface FetchedOffset extends CommittedOffset {
  /** Why there is no offset to tell (it is -1 then), where there may be one. */
  readonly error?: HoldfastError
}

export interface FetchOffsetsOptions {
  /** A partition for which an open transaction has an offset gets UNSTABLE_OFFSET_COMMIT instead of its last one. */
  readonly requireStable?: boolean
}

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

export interface GroupListing {
  readonly groupId: string
  readonly protocolType: string
  readonly state: GroupState
}

export interface MemberDescription {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly metadata: Buffer
  readonly assignment: Buffer
}

export interface GroupDescription extends GroupListing {
  /** Empty until a protocol was chosen. */
  readonly protocolName: string
  readonly members: readonly MemberDescription[]
}

export interface GroupService {
  joinGroup(request: JoinRequest): Promise<JoinResult | MemberIdRequired>
  syncGroup(request: SyncRequest): Promise<SyncResult>
  /** Throws REBALANCE_IN_PROGRESS when the member has to join again. */
  heartbeat(member: MemberRef): Promise<void>
  /** One entry per member, in order: the error that member got, or undefined. */
  leaveGroup(groupId: string, members: readonly LeavingMember[]): Promise<readonly (HoldfastError | undefined)[]>
  /** One entry per offset, in order; resolves when the commits are durable. Throws where the whole request is refused. */
  commitOffsets(request: CommitRequest): Promise<readonly (HoldfastError | undefined)[]>
  /** The committed offsets of the named partitions that have one, or of all where `partitions` is null. */
  fetchOffsets(
    groupId: string,
    partitions: readonly { readonly topic: string; readonly partition: number }[] | null,
    options?: FetchOffsetsOptions,
  ): Promise<readonly FetchedOffset[]>
  /** Deletes committed offsets; one entry per partition, in order. Throws NON_EMPTY_GROUP or GROUP_ID_NOT_FOUND. */
  deleteOffsets(
    groupId: string,
    partitions: readonly { readonly topic: string; readonly partition: number }[],
  ): Promise<readonly (HoldfastError | undefined)[]>
  listGroups(): Promise<readonly GroupListing[]>
  /** A group that does not exist is described as Dead, as Kafka does it. */
  describeGroup(groupId: string): Promise<GroupDescription>
  /** Throws NON_EMPTY_GROUP or GROUP_ID_NOT_FOUND. */
  deleteGroup(groupId: string): Promise<void>
}
