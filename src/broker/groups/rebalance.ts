/**
 * The life of a group in time: sessions that run out, the barrier where a rebalance waits for all joins, the barrier
 * where everyone waits for the leader's assignments, and what follows when somebody does not come.
 *
 * The rules are those of Kafka's classic group coordinator, which clients rely on:
 * https://cwiki.apache.org/confluence/display/KAFKA/Kafka+Client-side+Assignment+Proposal and KIP-134 (initial delay),
 * KIP-394 (pending members), KIP-559 (protocol in SyncGroup).
 */

import { rebalanceChannel } from '../../core/channels.js'
import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import type { Logger } from '../../core/logger.js'
import { type Counter, type Metrics, noMetrics } from '../../core/metrics/metrics.js'
import type { Settings } from '../../core/settings.js'
import type { JoinResult, SyncRequest } from './contract.js'
import type { Group } from './group.js'
import { type Member, noAssignment, type Subscription } from './member.js'

/**
 * A new member does not know its id yet, so it cannot beat; and a client that gave up waiting joins again under
 * another id. So that such ghosts go away, a first join is given this long and no longer, as in Kafka.
 */
const newMemberJoinTimeoutMs = 5 * 60_000

/** Writes the group's metadata with these assignments; settles when it is durable or refused. Never throws at once. */
export type SaveGroup = (group: Group, assignments: ReadonlyMap<string, Buffer>) => Promise<void>

export interface RebalancerOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics?: Metrics
  readonly settings: Settings
  readonly save: SaveGroup
}

export class Rebalancer {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #settings: Settings
  readonly #save: SaveGroup
  readonly #rebalances: Counter

  constructor({ clock, logger, metrics = noMetrics, settings, save }: RebalancerOptions) {
    this.#clock = clock
    this.#logger = logger
    this.#settings = settings
    this.#save = save
    this.#rebalances = metrics.counter('mq_rebalances_total', {})
  }

  /** Takes a new member in and rebalances; answers its join when the rebalance completes. */
  addMember(group: Group, member: Member): Promise<JoinResult> {
    member.isNew = true
    if (group.gathering) group.gainedMember = true
    group.add(member)
    const joined = group.awaitJoin(member)
    this.restartSession(group, member)
    this.rebalanceIfPossible(group, `member ${member.memberId} joined`)
    return joined
  }

  /** A known member joins again in a way that asks for a rebalance, or during one. */
  rejoin(group: Group, member: Member, subscription: Subscription): Promise<JoinResult> {
    group.updateSubscription(member, subscription)
    const joined = group.awaitJoin(member)
    this.rebalanceIfPossible(group, `member ${member.memberId} joined again`)
    return joined
  }

  /** Gives out a member id that has to be joined with before the session timeout is over. */
  addPending(group: Group, memberId: string, sessionTimeoutMs: number, onExpired: () => void): void {
    const expire = (): void => {
      this.removePending(group, memberId)
      onExpired()
    }
    group.pending.set(memberId, this.#clock.schedule(sessionTimeoutMs, expire, { background: true }))
  }

  /** The id was joined with, given back, or never used. */
  removePending(group: Group, memberId: string): void {
    group.pending.get(memberId)?.cancel()
    if (group.pending.delete(memberId)) this.completeIfAllJoined(group)
  }

  /** The member was heard of: its session starts anew. */
  restartSession(group: Group, member: Member): void {
    member.session?.cancel()
    const timeoutMs = member.isNew ? newMemberJoinTimeoutMs : member.subscription.sessionTimeoutMs
    member.session = this.#clock.schedule(timeoutMs, () => this.#expireSession(group, member), { background: true })
  }

  removeMember(group: Group, member: Member, reason: string): void {
    group.remove(member, group.unknownMember(member.memberId))
    this.rebalanceIfPossible(group, `member ${member.memberId} ${reason}`)
    this.completeIfAllJoined(group)
  }

  /** Starts a rebalance where none is being prepared. */
  rebalanceIfPossible(group: Group, reason: string): void {
    if (group.canRebalance) this.prepare(group, reason)
  }

  prepare(group: Group, reason: string): void {
    if (group.state === 'CompletingRebalance') {
      this.#refuseSyncs(group, new HoldfastError('REBALANCE_IN_PROGRESS'))
    }
    this.#stopWaitingForSyncs(group)
    const wasEmpty = group.state === 'Empty'
    group.transition('PreparingRebalance', this.#clock.now())
    this.#logger.info({ group: group.groupId, generation: group.generationId, reason }, 'rebalance begins')
    if (wasEmpty) {
      const delayMs = this.#settings['group.initial.rebalance.delay.ms']
      this.#gather(group, delayMs, Math.max(group.rebalanceTimeoutMs - delayMs, 0))
      return
    }
    this.#waitForJoins(group)
    this.completeIfAllJoined(group)
  }

  completeIfAllJoined(group: Group): void {
    if (group.state === 'PreparingRebalance' && !group.gathering && group.allJoined) this.#completeJoin(group)
  }

  /** The member has asked for its assignment. */
  syncReceived(group: Group, member: Member): void {
    if (group.pendingSync.delete(member.memberId) && group.pendingSync.size === 0) this.#stopWaitingForSyncs(group)
  }

  /** The leader's assignments: stored first, then given to everyone who waits. */
  assign(group: Group, assignments: SyncRequest['assignments']): void {
    const { generationId } = group
    // A leader that syncs twice must not put a second, different assignment behind the first one in the log.
    if (group.storingGeneration === generationId) return
    group.storingGeneration = generationId
    const given = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]))
    const complete = new Map<string, Buffer>()
    for (const { memberId } of group.members) {
      complete.set(memberId, Buffer.from(given.get(memberId) ?? noAssignment))
    }
    const isCurrent = (): boolean => group.state === 'CompletingRebalance' && group.generationId === generationId
    const stored = (): void => {
      if (isCurrent()) this.#stabilise(group, complete)
    }
    const refused = (error: HoldfastError): void => {
      if (!isCurrent()) return
      this.#refuseSyncs(group, error)
      this.prepare(group, 'the assignments could not be stored')
    }
    void this.#save(group, complete).then(stored, refused)
  }

  /** The group was read back from the log: everyone gets a full session to say that they are still there. */
  restored(group: Group): void {
    for (const member of group.members) this.restartSession(group, member)
    if (group.size > this.#settings['group.max.size']) this.prepare(group, 'it has more members than group.max.size')
  }

  /** The coordinator closes: nothing of this group runs or waits any longer. */
  unload(group: Group): void {
    const error = new HoldfastError('NOT_COORDINATOR', `The coordinator of group ${group.groupId} was closed.`)
    if (group.state !== 'Dead') group.transition('Dead', this.#clock.now())
    group.rebalanceTimer?.cancel()
    this.#stopWaitingForSyncs(group)
    for (const timer of group.pending.values()) timer.cancel()
    for (const member of group.members) {
      member.session?.cancel()
      group.refuseJoin(member, error)
      group.refuseSync(member, error)
    }
  }

  #expireSession(group: Group, member: Member): void {
    // Who waits for an answer of ours need not beat; the session starts anew with that answer.
    if (!member.isNew && (member.join !== undefined || member.sync !== undefined)) return
    this.#logger.info({ group: group.groupId, member: member.memberId }, 'member expired')
    this.removeMember(group, member, 'was not heard of for its session timeout')
  }

  /** The first rebalance of an empty group: waits, and waits again while members keep coming. */
  #gather(group: Group, delayMs: number, remainingMs: number): void {
    group.gathering = true
    group.gainedMember = false
    const configuredMs = this.#settings['group.initial.rebalance.delay.ms']
    group.rebalanceTimer = this.#clock.schedule(delayMs, () => {
      const nextMs = Math.min(configuredMs, remainingMs)
      if (group.gainedMember && nextMs > 0) this.#gather(group, nextMs, remainingMs - nextMs)
      else this.#completeJoin(group)
    })
  }

  #waitForJoins(group: Group): void {
    group.rebalanceTimer?.cancel()
    group.rebalanceTimer = this.#clock.schedule(group.rebalanceTimeoutMs, () => this.#completeJoin(group))
  }

  /** Everyone is there, or the time is up: the next generation begins with those who came. */
  #completeJoin(group: Group): void {
    invariant(group.state === 'PreparingRebalance', `group ${group.groupId} completes a rebalance that was prepared`)
    group.rebalanceTimer?.cancel()
    group.gathering = false
    for (const member of [...group.members]) {
      if (member.join !== undefined || member.groupInstanceId !== null) continue
      this.#logger.info({ group: group.groupId, member: member.memberId }, 'member did not join again in time')
      group.remove(member, group.unknownMember(member.memberId))
    }
    // Static members are kept until their session is over, and a generation needs somebody to lead it.
    if (!group.electLeader() && group.size > 0) {
      this.#waitForJoins(group)
      return
    }
    group.generationId++
    if (group.size === 0) this.#becomeEmpty(group)
    else this.#beginGeneration(group)
  }

  #becomeEmpty(group: Group): void {
    group.protocolName = ''
    group.transition('Empty', this.#clock.now())
    this.#logger.info({ group: group.groupId, generation: group.generationId }, 'group is empty')
    // Lost, the log still shows the generation before, whose members then expire once more: harmless.
    void this.#save(group, new Map()).catch((error: HoldfastError) => {
      this.#logger.warn({ group: group.groupId, error: error.message }, 'an empty group could not be stored')
    })
  }

  #beginGeneration(group: Group): void {
    group.protocolName = group.selectProtocol()
    group.transition('CompletingRebalance', this.#clock.now())
    group.pendingSync.clear()
    this.#logger.info(
      { group: group.groupId, generation: group.generationId, members: group.size, protocol: group.protocolName },
      'members have joined',
    )
    for (const member of group.members) {
      group.answerJoin(member, group.joinResult(member))
      member.isNew = false
      this.restartSession(group, member)
      group.pendingSync.add(member.memberId)
    }
    group.syncTimer = this.#clock.schedule(group.rebalanceTimeoutMs, () => this.#expireSyncs(group))
  }

  #expireSyncs(group: Group): void {
    for (const memberId of [...group.pendingSync]) {
      this.#logger.info({ group: group.groupId, member: memberId }, 'member did not sync in time')
      const member = group.member(memberId)
      if (member !== undefined) group.remove(member, group.unknownMember(memberId))
    }
    this.prepare(group, 'members did not ask for their assignment')
  }

  #stabilise(group: Group, assignments: ReadonlyMap<string, Buffer>): void {
    group.transition('Stable', this.#clock.now())
    this.#rebalances.add(1)
    if (rebalanceChannel.hasSubscribers) {
      rebalanceChannel.publish({ group: group.groupId, generation: group.generationId, members: group.size })
    }
    for (const member of group.members) {
      const assignment = assignments.get(member.memberId)
      invariant(assignment !== undefined, 'nobody is in a generation who was not there when it was stored')
      member.assignment = assignment
      if (member.sync === undefined) continue
      member.sync.answer({ protocolType: group.protocolType, protocolName: group.protocolName, assignment })
      member.sync = undefined
      this.restartSession(group, member)
    }
  }

  #refuseSyncs(group: Group, error: HoldfastError): void {
    for (const member of group.members) {
      member.assignment = noAssignment
      if (member.sync === undefined) continue
      group.refuseSync(member, error)
      this.restartSession(group, member)
    }
  }

  #stopWaitingForSyncs(group: Group): void {
    group.pendingSync.clear()
    group.syncTimer?.cancel()
    group.syncTimer = undefined
  }
}
