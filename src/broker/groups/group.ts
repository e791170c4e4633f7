/**
 * One classic group: who is in it, in which state it is, and what follows from both. No timers of its own and no log:
 * those are rebalance.ts and offsets-log.ts.
 *
 *   Empty -> PreparingRebalance      somebody joins
 *   PreparingRebalance -> CompletingRebalance   all have joined, or the time is up: a new generation
 *   PreparingRebalance -> Empty      nobody is left
 *   CompletingRebalance -> Stable    the leader's assignments are stored
 *   CompletingRebalance, Stable -> PreparingRebalance   somebody came, left, expired or changed
 *   any -> Dead                      deleted, or the coordinator closes
 *   Dead -> Empty                    the deletion could not be written
 */

import type { Timer } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import { CommittedOffsets } from './committed-offsets.js'
import type { GroupState, JoinMember, JoinResult, ProtocolOffer } from './contract.js'
import type { Member, Subscription } from './member.js'
import { PendingOffsets } from './pending-offsets.js'
import { Waiter } from './waiter.js'

const mayFollow: Record<GroupState, readonly GroupState[]> = {
  Empty: ['PreparingRebalance', 'Dead'],
  PreparingRebalance: ['CompletingRebalance', 'Empty', 'Dead'],
  CompletingRebalance: ['Stable', 'PreparingRebalance', 'Dead'],
  Stable: ['PreparingRebalance', 'Dead'],
  Dead: ['Empty'],
}

export class Group {
  readonly groupId: string
  readonly offsets = new CommittedOffsets()
  readonly pendingOffsets = new PendingOffsets()
  /** Member ids that were given out and not joined with yet, each with the timer that forgets it. */
  readonly pending = new Map<string, Timer>()
  /** Members of this generation that have not asked for their assignment yet. */
  readonly pendingSync = new Set<string>()
  generationId = 0
  protocolType = ''
  /** Empty before the first generation and while the group is empty. */
  protocolName = ''
  leaderId = ''
  stateTimestamp: number
  /** The first rebalance of an empty group waits for its delay even when all known members have joined. */
  gathering = false
  /** Somebody new joined while gathering: the delay is extended. */
  gainedMember = false
  rebalanceTimer: Timer | undefined
  syncTimer: Timer | undefined
  /** The generation whose assignments are on their way to the log, or -1. */
  storingGeneration = -1
  #state: GroupState = 'Empty'
  #awaitingJoin = 0
  readonly #members = new Map<string, Member>()
  readonly #memberIdByInstance = new Map<string, string>()
  /** How many members support each protocol. */
  readonly #supporters = new Map<string, number>()

  constructor(groupId: string, now: number) {
    this.groupId = groupId
    this.stateTimestamp = now
  }

  get state(): GroupState {
    return this.#state
  }

  get size(): number {
    return this.#members.size
  }

  /** Members whose join waits for the rebalance to complete. */
  get awaitingJoin(): number {
    return this.#awaitingJoin
  }

  get members(): IterableIterator<Member> {
    return this.#members.values()
  }

  get allJoined(): boolean {
    return this.#awaitingJoin === this.#members.size && this.pending.size === 0
  }

  get canRebalance(): boolean {
    return mayFollow[this.#state].includes('PreparingRebalance')
  }

  /** Nothing about it is worth remembering: it never had a generation, a member or an offset. */
  get isUnused(): boolean {
    const hasOffsets = !this.offsets.isEmpty || !this.pendingOffsets.isEmpty
    return this.#state === 'Empty' && this.generationId === 0 && this.pending.size === 0 && !hasOffsets
  }

  /** The longest that a member allows a rebalance to take. */
  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const { subscription } of this.#members.values()) longest = Math.max(longest, subscription.rebalanceTimeoutMs)
    return longest
  }

  transition(next: GroupState, now: number): void {
    invariant(mayFollow[this.#state].includes(next), `group ${this.groupId} may not go from ${this.#state} to ${next}`)
    this.#state = next
    this.stateTimestamp = now
  }

  /** Brings in what the log says of the group. */
  restore(state: 'Empty' | 'Stable', stateTimestamp: number): void {
    invariant((state === 'Empty') === (this.size === 0), 'a group is restored as stable exactly if it has members')
    this.#state = state
    this.stateTimestamp = stateTimestamp
  }

  member(memberId: string): Member | undefined {
    return this.#members.get(memberId)
  }

  memberIdOf(groupInstanceId: string): string | undefined {
    return this.#memberIdByInstance.get(groupInstanceId)
  }

  /**
   * The member that a request speaks for.
   * @throws FENCED_INSTANCE_ID where another member id has taken over the instance id; UNKNOWN_MEMBER_ID
   */
  requireMember(memberId: string, groupInstanceId: string | null): Member {
    if (groupInstanceId !== null) {
      const current = this.#memberIdByInstance.get(groupInstanceId)
      if (current !== undefined && current !== memberId) {
        throw new HoldfastError(
          'FENCED_INSTANCE_ID',
          `Member ${memberId} of group ${this.groupId} was replaced by ${current} under the instance id ${groupInstanceId}.`,
        )
      }
      if (current === undefined) throw this.unknownMember(memberId)
    }
    const member = this.#members.get(memberId)
    if (member === undefined) throw this.unknownMember(memberId)
    return member
  }

  unknownMember(memberId: string): HoldfastError {
    return new HoldfastError('UNKNOWN_MEMBER_ID', `Group ${this.groupId} has no member "${memberId}".`)
  }

  /** @throws ILLEGAL_GENERATION */
  requireGeneration(generationId: number): void {
    if (generationId === this.generationId) return
    throw new HoldfastError(
      'ILLEGAL_GENERATION',
      `Generation ${generationId} is not the current one of group ${this.groupId}, which is ${this.generationId}.`,
    )
  }

  add(member: Member): void {
    invariant(!this.#members.has(member.memberId), `member ${member.memberId} is added once`)
    if (member.groupInstanceId !== null) {
      invariant(!this.#memberIdByInstance.has(member.groupInstanceId), 'an instance id has at most one member')
      this.#memberIdByInstance.set(member.groupInstanceId, member.memberId)
    }
    this.#members.set(member.memberId, member)
    this.#count(member, 1)
    if (this.leaderId === '') this.leaderId = member.memberId
  }

  /** Takes the member out, its session stopped and its waiting requests refused with `error`. */
  remove(member: Member, error: HoldfastError): void {
    if (!this.#members.delete(member.memberId)) return
    member.session?.cancel()
    this.refuseJoin(member, error)
    this.refuseSync(member, error)
    this.#count(member, -1)
    if (member.groupInstanceId !== null) this.#memberIdByInstance.delete(member.groupInstanceId)
    this.pendingSync.delete(member.memberId)
    if (this.leaderId === member.memberId) this.leaderId = this.#firstMemberId()
  }

  /** A static member comes back under a new id: everything else about it stays. */
  rename(member: Member, memberId: string): void {
    invariant(member.groupInstanceId !== null, 'only static members change their member id')
    const oldMemberId = member.memberId
    this.#members.delete(oldMemberId)
    member.memberId = memberId
    this.#members.set(memberId, member)
    this.#memberIdByInstance.set(member.groupInstanceId, memberId)
    if (this.leaderId === oldMemberId) this.leaderId = memberId
    if (this.pendingSync.delete(oldMemberId)) this.pendingSync.add(memberId)
  }

  updateSubscription(member: Member, subscription: Subscription): void {
    this.#count(member, -1)
    member.subscription = subscription
    this.#count(member, 1)
  }

  /** A member can live with the group: same protocol type, and a protocol that every member supports. */
  supports(protocolType: string, protocols: readonly ProtocolOffer[]): boolean {
    if (this.#state === 'Empty') return protocolType !== '' && protocols.length > 0
    if (this.size === 0) return protocolType === this.protocolType && protocols.length > 0
    return protocolType === this.protocolType && protocols.some(({ name }) => this.#supporters.get(name) === this.size)
  }

  /**
   * The protocol with the most votes, where each member votes for the first of its own that all support. Ties go to
   * the vote that was cast first, so that the choice does not depend on chance.
   */
  selectProtocol(): string {
    const votes = new Map<string, number>()
    for (const { subscription } of this.#members.values()) {
      const vote = subscription.protocols.find(({ name }) => this.#supporters.get(name) === this.size)
      invariant(vote !== undefined, `all members of group ${this.groupId} have a protocol in common`)
      votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
    }
    const [[winner]] = [...votes].sort(([, a], [, b]) => b - a)
    return winner
  }

  /** The leader if it has joined again, else the first member that has. False where nobody has. */
  electLeader(): boolean {
    if (this.#members.get(this.leaderId)?.join !== undefined) return true
    for (const member of this.#members.values()) {
      if (member.join === undefined) continue
      this.leaderId = member.memberId
      return true
    }
    return false
  }

  /** The member's join waits from now on. An older join of the same member is told to try again. */
  awaitJoin(member: Member): Promise<JoinResult> {
    this.refuseJoin(member, new HoldfastError('REBALANCE_IN_PROGRESS', 'The same member has joined again since.'))
    member.join = new Waiter()
    this.#awaitingJoin++
    return member.join.promise
  }

  answerJoin(member: Member, result: JoinResult): void {
    this.#takeJoin(member)?.answer(result)
  }

  refuseJoin(member: Member, error: HoldfastError): void {
    this.#takeJoin(member)?.refuse(error)
  }

  refuseSync(member: Member, error: HoldfastError): void {
    member.sync?.refuse(error)
    member.sync = undefined
  }

  /** What a join of this member is answered with in the current generation. The leader gets the members. */
  joinResult(member: Member): JoinResult {
    const isLeader = member.memberId === this.leaderId
    return {
      generationId: this.generationId,
      protocolType: this.protocolType,
      protocolName: this.protocolName,
      leaderId: this.leaderId,
      memberId: member.memberId,
      skipAssignment: false,
      members: isLeader ? this.#joinMembers() : [],
    }
  }

  #joinMembers(): JoinMember[] {
    return [...this.#members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      metadata: member.metadata(this.protocolName),
    }))
  }

  #takeJoin(member: Member): Waiter<JoinResult> | undefined {
    const waiter = member.join
    if (waiter !== undefined) this.#awaitingJoin--
    member.join = undefined
    return waiter
  }

  #firstMemberId(): string {
    for (const memberId of this.#members.keys()) return memberId
    return ''
  }

  #count(member: Member, by: 1 | -1): void {
    for (const name of new Set(member.subscription.protocols.map((protocol) => protocol.name))) {
      const supporters = (this.#supporters.get(name) ?? 0) + by
      if (supporters === 0) this.#supporters.delete(name)
      else this.#supporters.set(name, supporters)
    }
  }
}
