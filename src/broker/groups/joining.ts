/**
 * JoinGroup: who may come in, under which id, and whether the group has to rebalance for it.
 *
 * Dynamic members get a fresh id; newer clients have to come back with it (KIP-394), so that a client that vanishes
 * between the two leaves no ghost. Static members carry an instance id (KIP-345): whoever joins with it and no member
 * id takes the place of the member that had it, assignment included, and the old one is fenced.
 */

import { HoldfastError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import { type Randomness, randomUuid } from '../../core/randomness.js'
import type { Settings } from '../../core/settings.js'
import type { JoinRequest, JoinResult, MemberIdRequired } from './contract.js'
import type { Group } from './group.js'
import { detached, Member, type Subscription } from './member.js'
import type { Rebalancer, SaveGroup } from './rebalance.js'
import { consumerProtocolType, sameTopics } from './subscription.js'

export interface JoiningOptions {
  readonly randomness: Randomness
  readonly logger: Logger
  readonly settings: Settings
  readonly rebalancer: Rebalancer
  readonly save: SaveGroup
  /** A member id was given out and not used; the group may be of no use any more. */
  readonly onPendingExpired: (group: Group) => void
}

export class Joining {
  readonly #options: JoiningOptions
  readonly #rebalancer: Rebalancer

  constructor(options: JoiningOptions) {
    this.#options = options
    this.#rebalancer = options.rebalancer
  }

  /** Acts at once; what is returned settles when the rebalance that the join takes part in completes. */
  join(group: Group, request: JoinRequest): Promise<JoinResult> | MemberIdRequired | JoinResult {
    if (group.state === 'Dead') {
      throw new HoldfastError('COORDINATOR_NOT_AVAILABLE', `Group ${group.groupId} is being deleted.`)
    }
    this.#requireRoom(group, request)
    if (!group.supports(request.protocolType, request.protocols)) {
      throw new HoldfastError(
        'INCONSISTENT_GROUP_PROTOCOL',
        `Group ${group.groupId} needs the protocol type "${group.protocolType}" and a protocol that all members support.`,
      )
    }
    const answer = request.memberId === '' ? this.#joinNew(group, request) : this.#joinKnown(group, request)
    this.#rebalancer.completeIfAllJoined(group)
    return answer
  }

  /**
   * During a rebalance those who have joined count, so that a group above its limit drops the last to come back.
   * @throws GROUP_MAX_SIZE_REACHED
   */
  #requireRoom(group: Group, { memberId, groupInstanceId }: JoinRequest): void {
    const most = this.#options.settings['group.max.size']
    // A static member that comes back takes its old place.
    const heldBy = memberId === '' && groupInstanceId !== null ? group.memberIdOf(groupInstanceId) : memberId
    const member = group.member(heldBy ?? '')
    const isPreparing = group.state === 'PreparingRebalance'
    const isIn = isPreparing ? member?.join !== undefined : member !== undefined
    const taken = isPreparing ? group.awaitingJoin : group.size
    // An id that was given out costs memory too, so there are no more of those than members.
    if (isIn || (taken < most && (memberId !== '' || group.pending.size < most))) return
    if (member !== undefined) this.#rebalancer.removeMember(group, member, 'has no room')
    this.#rebalancer.removePending(group, memberId)
    throw new HoldfastError('GROUP_MAX_SIZE_REACHED', `Group ${group.groupId} has ${most} members, its most.`)
  }

  #joinNew(group: Group, request: JoinRequest): Promise<JoinResult> | MemberIdRequired {
    const { groupInstanceId } = request
    const memberId = this.#newMemberId(groupInstanceId ?? request.clientId)
    const oldMemberId = groupInstanceId === null ? undefined : group.memberIdOf(groupInstanceId)
    const old = oldMemberId === undefined ? undefined : group.member(oldMemberId)
    if (old !== undefined) return this.#replace(group, old, memberId, request)
    if (groupInstanceId === null && request.requireKnownMemberId) {
      const onExpired = (): void => this.#options.onPendingExpired(group)
      this.#rebalancer.addPending(group, memberId, request.sessionTimeoutMs, onExpired)
      return { memberIdRequired: memberId }
    }
    return this.#add(group, memberId, request)
  }

  #joinKnown(group: Group, request: JoinRequest): Promise<JoinResult> | JoinResult {
    const { memberId, groupInstanceId } = request
    if (groupInstanceId === null && group.pending.has(memberId)) {
      const joined = this.#add(group, memberId, request)
      this.#rebalancer.removePending(group, memberId)
      return joined
    }
    const member = group.requireMember(memberId, groupInstanceId)
    const isUnchanged = member.offers(request.protocols)
    // Its answer may have got lost, so it gets the current generation again; only a leader asks for a new one so.
    const repeats =
      (group.state === 'CompletingRebalance' && isUnchanged) ||
      (group.state === 'Stable' && isUnchanged && group.leaderId !== memberId)
    return repeats ? group.joinResult(member) : this.#rebalancer.rejoin(group, member, detached(request))
  }

  #add(group: Group, memberId: string, request: JoinRequest): Promise<JoinResult> {
    if (group.size === 0) group.protocolType = request.protocolType
    return this.#rebalancer.addMember(group, new Member(memberId, request.groupInstanceId, detached(request)))
  }

  /** A static member comes back without its id: its place gets a new one, and whoever holds the old one is fenced. */
  #replace(group: Group, member: Member, memberId: string, request: JoinRequest): Promise<JoinResult> {
    const before = { memberId: member.memberId, leaderId: group.leaderId, subscription: member.subscription }
    const fenced = new HoldfastError(
      'FENCED_INSTANCE_ID',
      `Another member joined group ${group.groupId} with the instance id ${member.groupInstanceId}.`,
    )
    group.refuseJoin(member, fenced)
    group.refuseSync(member, fenced)
    group.rename(member, memberId)
    group.updateSubscription(member, detached(request))
    this.#rebalancer.restartSession(group, member)
    const joined = group.awaitJoin(member)
    if (group.state === 'Stable' && this.#mayKeepAssignment(group, member, before.subscription)) {
      this.#storeReplacement(group, member, before, request.supportsSkippingAssignment)
    } else {
      // In CompletingRebalance the leader may be assigning to the old id right now.
      this.#rebalancer.rebalanceIfPossible(group, `static member ${member.groupInstanceId} was replaced`)
    }
    return joined
  }

  /**
   * Further than Kafka, which looks at the protocol's name alone: a consumer that comes back for other topics would
   * otherwise keep an assignment of topics that it does not want. User data and owned partitions may change freely.
   */
  #mayKeepAssignment(group: Group, member: Member, before: Subscription): boolean {
    if (group.selectProtocol() !== group.protocolName) return false
    if (group.protocolType !== consumerProtocolType) return true
    const old = before.protocols.find(({ name }) => name === group.protocolName)
    return old === undefined || sameTopics(old.metadata, member.metadata(group.protocolName))
  }

  #storeReplacement(
    group: Group,
    member: Member,
    before: { memberId: string; leaderId: string; subscription: Subscription },
    supportsSkippingAssignment: boolean,
  ): void {
    const { memberId, join } = member
    const { generationId } = group
    // Otherwise a rebalance or yet another replacement has taken the waiting join over, and answers it.
    const isCurrent = (): boolean =>
      group.state === 'Stable' && group.generationId === generationId && join !== undefined && member.join === join
    const stored = (): void => {
      if (!isCurrent()) return
      const result = group.joinResult(member)
      const isLeader = group.leaderId === memberId
      // An older client that finds itself leader would assign anew, and a stable group would not hear it.
      group.answerJoin(
        member,
        supportsSkippingAssignment
          ? { ...result, skipAssignment: isLeader }
          : { ...result, leaderId: before.leaderId, members: [] },
      )
      this.#rebalancer.restartSession(group, member)
    }
    const refused = (error: HoldfastError): void => {
      this.#options.logger.warn({ group: group.groupId, error: error.message }, 'a static member could not be replaced')
      if (!isCurrent()) return
      group.refuseJoin(member, error)
      group.rename(member, before.memberId)
      group.updateSubscription(member, before.subscription)
      this.#rebalancer.restartSession(group, member)
    }
    const assignments = new Map([...group.members].map((each) => [each.memberId, each.assignment]))
    void this.#options.save(group, assignments).then(stored, refused)
  }

  #newMemberId(name: string): string {
    const hex = randomUuid(this.#options.randomness).toString('hex')
    const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
    return `${name}-${uuid}`
  }
}
