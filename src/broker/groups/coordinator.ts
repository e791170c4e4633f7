/**
 * The group coordinator: the door of this room. It keeps all groups in memory, reads them back from
 * `__consumer_offsets` before it answers the first request, and answers nothing that the log does not hold.
 *
 * Requests act at once, in one go, when the groups are loaded; only the log and the barriers of a rebalance are waited
 * for, and everything that can change meanwhile is looked at again afterwards.
 */

import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import type { Logger } from '../../core/logger.js'
import type { Randomness } from '../../core/randomness.js'
import type { Settings } from '../../core/settings.js'
import type { InternalTopic, OpenInternalTopic } from '../internal-log.js'
import type { TopicPartition } from './committed-offsets.js'
import { acceptableOffsets, authoriseCommit } from './committing.js'
import type {
  CommitRequest,
  CommittedOffset,
  GroupDescription,
  GroupListing,
  GroupService,
  JoinRequest,
  JoinResult,
  LeavingMember,
  MemberIdRequired,
  MemberRef,
  SyncRequest,
  SyncResult,
} from './contract.js'
import { describe, describeDead } from './describing.js'
import { forgetOffsets, forgetOffsetsOfMissingTopics } from './forgetting.js'
import { longestStringBytes } from './format-bytes.js'
import { Group } from './group.js'
import { GroupStore } from './group-store.js'
import { Joining } from './joining.js'
import { OffsetsLog } from './offsets-log.js'
import { Rebalancer, type SaveGroup } from './rebalance.js'
import { replayGroups } from './replay.js'
import { Waiter } from './waiter.js'

export interface GroupCoordinatorOptions {
  readonly clock: Clock
  readonly randomness: Randomness
  readonly logger: Logger
  readonly settings: Settings
  readonly openOffsetsTopic: OpenInternalTopic
  /** Offsets that are found for a topic which does not exist are dropped. */
  readonly topicExists: (topic: string) => boolean
}

/** How long a failure to read the groups back answers for further attempts, each of which would read all of the topic. */
const pauseAfterFailedLoadMs = 1000

interface Opened {
  readonly log: OffsetsLog
  readonly store: GroupStore
}

export class GroupCoordinator implements GroupService {
  readonly #options: GroupCoordinatorOptions
  readonly #rebalancer: Rebalancer
  readonly #joining: Joining
  #groups = new Map<string, Group>()
  #opened: Opened | undefined
  #opening: { readonly create: boolean; readonly done: Promise<void> } | undefined
  /** Why they could not be read back, and until when that is not tried again. */
  #failedLoad: { readonly error: HoldfastError; readonly untilMs: number } | undefined
  #closed = false

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options
    const { clock, randomness, logger, settings } = options
    const save: SaveGroup = (group, assignments) => this.#store.saveGroup(group, assignments)
    const onPendingExpired = (group: Group): void => this.#dropIfUnused(group)
    this.#rebalancer = new Rebalancer({ clock, logger, settings, save })
    this.#joining = new Joining({ randomness, logger, settings, rebalancer: this.#rebalancer, save, onPendingExpired })
  }

  /**
   * Loads the groups now where the offsets topic exists, so that the sessions of their members run from now on. Every
   * request does the same when it comes first.
   * @throws COORDINATOR_NOT_AVAILABLE where the topic cannot be opened or read, LOG_DAMAGED
   */
  async start(): Promise<void> {
    await this.#ready(false)
  }

  async joinGroup(request: JoinRequest): Promise<JoinResult | MemberIdRequired> {
    requireGroupId(request.groupId)
    this.#requireSessionTimeout(request.sessionTimeoutMs)
    await this.#ready(true)
    const group = request.memberId === '' ? this.#groupOrNew(request.groupId) : this.#groups.get(request.groupId)
    if (group === undefined) throw unknownMember(request.groupId, request.memberId)
    let answer: ReturnType<Joining['join']>
    try {
      answer = this.#joining.join(group, request)
    } finally {
      this.#dropIfUnused(group)
    }
    return await answer
  }

  async syncGroup(request: SyncRequest): Promise<SyncResult> {
    requireGroupId(request.groupId)
    await this.#ready(false)
    const group = this.#requireGroupOf(request)
    const member = group.requireMember(request.memberId, request.groupInstanceId)
    group.requireGeneration(request.generationId)
    requireProtocol(group, request)
    if (group.state === 'PreparingRebalance') throw new HoldfastError('REBALANCE_IN_PROGRESS')
    this.#rebalancer.syncReceived(group, member)
    if (group.state === 'Stable') {
      this.#rebalancer.restartSession(group, member)
      return { protocolType: group.protocolType, protocolName: group.protocolName, assignment: member.assignment }
    }
    invariant(group.state === 'CompletingRebalance', 'a group with members is in one of three states')
    group.refuseSync(member, new HoldfastError('REBALANCE_IN_PROGRESS', 'The same member has synced again since.'))
    const waiter = new Waiter<SyncResult>()
    member.sync = waiter
    if (group.leaderId === member.memberId) this.#rebalancer.assign(group, request.assignments)
    return await waiter.promise
  }

  async heartbeat(request: MemberRef): Promise<void> {
    requireGroupId(request.groupId)
    await this.#ready(false)
    const group = this.#requireGroupOf(request)
    const member = group.requireMember(request.memberId, request.groupInstanceId)
    group.requireGeneration(request.generationId)
    this.#rebalancer.restartSession(group, member)
    if (group.state === 'PreparingRebalance') throw new HoldfastError('REBALANCE_IN_PROGRESS')
  }

  async leaveGroup(
    groupId: string,
    members: readonly LeavingMember[],
  ): Promise<readonly (HoldfastError | undefined)[]> {
    requireGroupId(groupId)
    await this.#ready(false)
    const group = this.#groups.get(groupId)
    if (group === undefined) return members.map(({ memberId }) => unknownMember(groupId, memberId))
    requireAlive(group)
    const outcomes = members.map((leaving) => this.#leave(group, leaving))
    this.#dropIfUnused(group)
    return outcomes
  }

  async commitOffsets(request: CommitRequest): Promise<readonly (HoldfastError | undefined)[]> {
    requireStorableGroupId(request.groupId)
    await this.#ready(true)
    const group = this.#groupToCommitTo(request)
    try {
      const member = authoriseCommit(group, request)
      if (member !== undefined) this.#rebalancer.restartSession(group, member)
      const { outcomes, accepted } = acceptableOffsets(
        request.offsets,
        this.#options.settings['offset.metadata.max.bytes'],
        this.#options.clock.now(),
      )
      if (accepted.length > 0) await this.#store.commit(group, accepted)
      return outcomes
    } finally {
      this.#dropIfUnused(group)
    }
  }

  async fetchOffsets(
    groupId: string,
    partitions: readonly TopicPartition[] | null,
  ): Promise<readonly CommittedOffset[]> {
    await this.#ready(false)
    const offsets = this.#groups.get(groupId)?.offsets
    if (offsets === undefined) return []
    if (partitions === null) return offsets.all()
    return partitions.flatMap(({ topic, partition }) => offsets.get(topic, partition) ?? [])
  }

  async listGroups(): Promise<readonly GroupListing[]> {
    await this.#ready(false)
    const alive = [...this.#groups.values()].filter(({ state }) => state !== 'Dead')
    return alive.map(({ groupId, protocolType, state }) => ({ groupId, protocolType, state }))
  }

  async describeGroup(groupId: string): Promise<GroupDescription> {
    await this.#ready(false)
    const group = this.#groups.get(groupId)
    return group === undefined ? describeDead(groupId) : describe(group)
  }

  async deleteGroup(groupId: string): Promise<void> {
    await this.#ready(false)
    const group = this.#requireDeletable(groupId)
    const { clock, logger } = this.#options
    // Dead keeps everyone out while the tombstones are on their way.
    group.transition('Dead', clock.now())
    try {
      await this.#store.deleteGroup(group)
    } catch (error) {
      if (!this.#closed) group.transition('Empty', clock.now())
      throw error
    }
    for (const memberId of [...group.pending.keys()]) this.#rebalancer.removePending(group, memberId)
    this.#groups.delete(groupId)
    logger.info({ group: groupId }, 'group deleted')
  }

  /**
   * Deletes what any group has committed for a topic: before the topic is deleted, and again when it `isGone`, for what
   * was committed meanwhile.
   * @throws COORDINATOR_NOT_AVAILABLE where that could not be written; the offsets that are left can be forgotten again
   */
  async forgetTopic(topic: string, isGone: boolean): Promise<void> {
    await this.#ready(false)
    const deletions = [...this.#groups.values()].map(async (group) => {
      await forgetOffsets(group, this.#store, topic, isGone)
      this.#dropIfUnused(group)
    })
    const failed = (await Promise.allSettled(deletions)).find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** Refuses what waits, stops all sessions, and waits for what was appended. Later requests are refused. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true
      for (const group of this.#groups.values()) this.#rebalancer.unload(group)
    }
    await this.#opening?.done.catch(() => {})
    await this.#opened?.log.drain()
  }

  get #store(): GroupStore {
    invariant(this.#opened !== undefined, 'there are groups only where the offsets topic is open')
    return this.#opened.store
  }

  /** Waits until the groups are loaded. Without `create` there may be no topic, and then no groups. */
  async #ready(create: boolean): Promise<void> {
    if (this.#closed) throw closedError()
    if (this.#opened === undefined) await this.#open(create)
    if (this.#closed) throw closedError()
  }

  /** One opening at a time; a request that came during one shares its outcome where it asks for no more. */
  #open(create: boolean): Promise<void> {
    const before = this.#opening
    if (before !== undefined && (before.create || !create)) return before.done
    const run = async (): Promise<void> => {
      await before?.done.catch(() => {})
      if (this.#opened === undefined) await this.#load(create)
    }
    const opening = { create, done: run() }
    this.#opening = opening
    const settled = (): void => {
      if (this.#opening === opening) this.#opening = undefined
    }
    opening.done.then(settled, settled)
    return opening.done
  }

  async #load(create: boolean): Promise<void> {
    const { clock, logger, openOffsetsTopic, topicExists } = this.#options
    if (this.#failedLoad !== undefined && clock.monotonic() < this.#failedLoad.untilMs) throw this.#failedLoad.error
    this.#failedLoad = undefined
    let topic: InternalTopic | undefined
    try {
      topic = await openOffsetsTopic(create)
      if (topic === undefined) return
      const log = new OffsetsLog(topic, clock)
      const groups = await replayGroups(log, logger, clock.now())
      if (this.#closed) return
      const store = new GroupStore(log)
      this.#groups = groups
      this.#opened = { log, store }
      for (const group of groups.values()) this.#rebalancer.restored(group)
      logger.info({ groups: groups.size, partitions: topic.partitionCount }, 'groups loaded')
      const onForgotten = (group: Group): void => this.#dropIfUnused(group)
      forgetOffsetsOfMissingTopics(groups.values(), store, topicExists, logger, onForgotten)
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      logger.error({ error: reason }, 'the groups could not be loaded')
      const message = `The groups could not be loaded: ${reason}`
      // Damage does not go away by trying again, so clients are told what it is.
      const isDamaged = thrown instanceof HoldfastError && thrown.code === 'LOG_DAMAGED'
      const error = new HoldfastError(isDamaged ? 'LOG_DAMAGED' : 'COORDINATOR_NOT_AVAILABLE', message, {
        cause: thrown,
      })
      if (topic !== undefined) this.#failedLoad = { error, untilMs: clock.monotonic() + pauseAfterFailedLoadMs }
      throw error
    }
  }

  #groupOrNew(groupId: string): Group {
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      group = new Group(groupId, this.#options.clock.now())
      this.#groups.set(groupId, group)
    }
    return group
  }

  /** A commit without a generation makes a group of its own: consumers that assign themselves have no other. */
  #groupToCommitTo({ groupId, generationId }: CommitRequest): Group {
    const group = generationId < 0 ? this.#groupOrNew(groupId) : this.#groups.get(groupId)
    if (group !== undefined) return group
    throw new HoldfastError(
      'ILLEGAL_GENERATION',
      `There is no group ${groupId}, so it has no generation ${generationId}.`,
    )
  }

  #requireGroupOf({ groupId, memberId }: MemberRef): Group {
    const group = this.#groups.get(groupId)
    if (group === undefined) throw unknownMember(groupId, memberId)
    requireAlive(group)
    return group
  }

  #requireDeletable(groupId: string): Group {
    const group = this.#groups.get(groupId)
    if (group === undefined) throw new HoldfastError('GROUP_ID_NOT_FOUND', `There is no group "${groupId}".`)
    requireAlive(group)
    if (group.state === 'Empty') return group
    throw new HoldfastError('NON_EMPTY_GROUP', `Group ${groupId} has ${group.size} members; they have to leave first.`)
  }

  #requireSessionTimeout(sessionTimeoutMs: number): void {
    const least = this.#options.settings['group.min.session.timeout.ms']
    const most = this.#options.settings['group.max.session.timeout.ms']
    if (sessionTimeoutMs >= least && sessionTimeoutMs <= most) return
    throw new HoldfastError(
      'INVALID_SESSION_TIMEOUT',
      `A session timeout of ${sessionTimeoutMs} ms is refused; ${least} to ${most} ms are allowed.`,
    )
  }

  #leave(group: Group, { memberId, groupInstanceId }: LeavingMember): HoldfastError | undefined {
    if (group.pending.has(memberId)) {
      this.#rebalancer.removePending(group, memberId)
      return undefined
    }
    try {
      // An administrator removes a static member by its instance id alone.
      const leavingId = memberId === '' && groupInstanceId !== null ? group.memberIdOf(groupInstanceId) : memberId
      const member = group.requireMember(leavingId ?? memberId, groupInstanceId)
      this.#rebalancer.removeMember(group, member, 'left')
      return undefined
    } catch (error) {
      if (error instanceof HoldfastError) return error
      throw error
    }
  }

  #dropIfUnused(group: Group): void {
    if (group.isUnused && this.#groups.get(group.groupId) === group) this.#groups.delete(group.groupId)
  }
}

function requireGroupId(groupId: string): void {
  if (groupId === '') throw new HoldfastError('INVALID_GROUP_ID', 'The group id is empty; name the group to join.')
  requireStorableGroupId(groupId)
}

/** Offsets may be committed under the empty group id, as they always could be in Kafka. */
function requireStorableGroupId(groupId: string): void {
  if (Buffer.byteLength(groupId) <= longestStringBytes) return
  throw new HoldfastError('INVALID_GROUP_ID', `The group id is longer than ${longestStringBytes} bytes.`)
}

function requireAlive(group: Group): void {
  if (group.state !== 'Dead') return
  throw new HoldfastError('COORDINATOR_NOT_AVAILABLE', `Group ${group.groupId} is being deleted; try again.`)
}

/** Newer clients repeat the protocol that they were told, so that a mix-up is noticed. */
function requireProtocol(group: Group, { protocolType, protocolName }: SyncRequest): void {
  const isSame =
    (protocolType ?? group.protocolType) === group.protocolType &&
    (protocolName ?? group.protocolName) === group.protocolName
  if (isSame) return
  throw new HoldfastError(
    'INCONSISTENT_GROUP_PROTOCOL',
    `Group ${group.groupId} uses ${group.protocolType}/${group.protocolName}, not ${protocolType}/${protocolName}.`,
  )
}

function unknownMember(groupId: string, memberId: string): HoldfastError {
  return new HoldfastError('UNKNOWN_MEMBER_ID', `There is no group ${groupId}, so it has no member "${memberId}".`)
}

function closedError(): HoldfastError {
  return new HoldfastError('COORDINATOR_NOT_AVAILABLE', 'The group coordinator is closed.')
}
