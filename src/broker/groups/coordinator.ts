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
import type { Metrics } from '../../core/metrics/metrics.js'
import type { Randomness } from '../../core/randomness.js'
import type { Settings } from '../../core/settings.js'
import type { TransactionMarker } from '../../storage/partition-log.js'
import type { ProducerIdentity } from '../contract.js'
import type { InternalTopic, OpenInternalTopic } from '../internal-log.js'
import { Opening } from '../opening.js'
import type { TopicPartition } from './committed-offsets.js'
import { acceptableOffsets, authoriseCommit, authoriseTransactionalCommit, requireAlive } from './committing.js'
import type {
  CommitRequest,
  FetchedOffset,
  FetchOffsetsOptions,
  GroupDescription,
  GroupListing,
  GroupService,
  JoinRequest,
  JoinResult,
  LeavingMember,
  MemberIdRequired,
  MemberRef,
  OffsetToCommit,
  SyncRequest,
  SyncResult,
} from './contract.js'
import { deleteOffsets } from './deleting-offsets.js'
import { describe, describeDead } from './describing.js'
import { forgetOffsets, forgetOffsetsOfMissingTopics } from './forgetting.js'
import { Group } from './group.js'
import { GroupStore } from './group-store.js'
import { Joining } from './joining.js'
import { leave } from './leaving.js'
import { OffsetsLog } from './offsets-log.js'
import { CommittingProducers } from './pending-offsets.js'
import { readOffsets } from './reading-offsets.js'
import { Rebalancer, type SaveGroup } from './rebalance.js'
import { replayGroups } from './replay.js'
import {
  requireDeletable,
  requireGroupId,
  requireProtocol,
  requireSessionTimeout,
  requireStorableGroupId,
  unknownMember,
} from './requirements.js'
import { takeOver } from './taking-over.js'
import { Waiter } from './waiter.js'

export interface GroupCoordinatorOptions {
  readonly clock: Clock
  readonly randomness: Randomness
  readonly logger: Logger
  readonly metrics?: Metrics
  readonly settings: Settings
  readonly openOffsetsTopic: OpenInternalTopic
  /** Offsets that are found for a topic which does not exist are dropped. */
  readonly topicExists: (topic: string) => boolean
  /** Told when what a group has committed is another, and that is durable. */
  readonly onOffsetsChanged: (groupId: string) => void
}

interface Loaded {
  readonly log: OffsetsLog
  readonly store: GroupStore
  readonly groups: Map<string, Group>
}

export class GroupCoordinator implements GroupService {
  readonly #options: GroupCoordinatorOptions
  readonly #rebalancer: Rebalancer
  readonly #joining: Joining
  readonly #opening: Opening<Loaded>
  readonly #committing = new CommittingProducers()
  #groups = new Map<string, Group>()

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options
    const { clock, randomness, logger, settings, openOffsetsTopic } = options
    this.#opening = new Opening<Loaded>({
      what: 'groups',
      clock,
      logger,
      openTopic: openOffsetsTopic,
      load: (topic) => this.#load(topic),
      begin: (loaded) => this.#begin(loaded),
    })
    const save: SaveGroup = (group, assignments) => this.#store.saveGroup(group, assignments)
    const onPendingExpired = (group: Group): void => this.#dropIfUnused(group)
    this.#rebalancer = new Rebalancer({ ...options, save })
    this.#joining = new Joining({ randomness, logger, settings, rebalancer: this.#rebalancer, save, onPendingExpired })
  }

  /**
   * Loads the groups now where the offsets topic exists, so that the sessions of their members run from now on. Every
   * request does the same when it comes first.
   * @throws COORDINATOR_NOT_AVAILABLE where the topic cannot be opened or read, LOG_DAMAGED
   */
  async start(): Promise<void> {
    await this.#opening.ready(false)
  }

  async joinGroup(request: JoinRequest): Promise<JoinResult | MemberIdRequired> {
    requireGroupId(request.groupId)
    requireSessionTimeout(request.sessionTimeoutMs, this.#options.settings)
    await this.#opening.ready(true)
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
    await this.#opening.ready(false)
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
    await this.#opening.ready(false)
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
    await this.#opening.ready(false)
    const group = this.#groups.get(groupId)
    if (group === undefined) return members.map(({ memberId }) => unknownMember(groupId, memberId))
    requireAlive(group)
    const outcomes = members.map((leaving) => leave(group, leaving, this.#rebalancer))
    this.#dropIfUnused(group)
    return outcomes
  }

  async commitOffsets(request: CommitRequest): Promise<readonly (HoldfastError | undefined)[]> {
    requireStorableGroupId(request.groupId)
    await this.#opening.ready(true)
    const group = this.#groupToCommitTo(request)
    try {
      const member = authoriseCommit(group, request)
      if (member !== undefined) this.#rebalancer.restartSession(group, member)
      const { outcomes, accepted } = this.#acceptable(request)
      if (accepted.length > 0) await this.#store.commit(group, accepted)
      return outcomes
    } finally {
      this.#dropIfUnused(group)
    }
  }

  /**
   * Gives a group what it has committed elsewhere, whoever its members are: where it has no offset, or an older one. How
   * many it took, once they are durable.
   */
  async takeOverOffsets(groupId: string, offsets: readonly OffsetToCommit[]): Promise<number> {
    requireGroupId(groupId)
    await this.#opening.ready(true)
    const group = this.#groupOrNew(groupId)
    try {
      return await takeOver(group, this.#store, offsets, this.#options.clock.now())
    } finally {
      this.#dropIfUnused(group)
    }
  }

  /** The groups are read back, or were until this was closed. */
  get isLoaded(): boolean {
    return this.#opening.isOpen
  }

  /** Groups by id, with what they have committed; that can be looked at when this is closed, too. */
  get all(): ReadonlyMap<string, Pick<Group, 'offsets' | 'state' | 'size'>> {
    return this.#groups
  }

  /** The partition in which the offsets of a group lie; the topic is made where it is missing. */
  async partitionOf(groupId: string): Promise<number> {
    requireStorableGroupId(groupId)
    await this.#opening.ready(true)
    return this.#opening.required.log.partitionOf(groupId)
  }

  /**
   * Commits offsets in the name of a producer. `requireOpen` throws where its transaction may not write into that
   * partition of `__consumer_offsets`; it is asked in the same turn in which they are appended.
   */
  async commitTransactionalOffsets(
    request: CommitRequest & ProducerIdentity,
    requireOpen: (partition: number) => void,
  ): Promise<readonly (HoldfastError | undefined)[]> {
    const { groupId, producerId, producerEpoch } = request
    const partition = await this.partitionOf(groupId)
    requireOpen(partition)
    const group = this.#groupToCommitTo(request)
    try {
      authoriseTransactionalCommit(group, request)
      const { outcomes, accepted } = this.#acceptable(request)
      if (accepted.length === 0) return outcomes
      this.#committing.add(producerId, group)
      await this.#store.commitPending(group, accepted, { producerId, producerEpoch })
      return outcomes
    } finally {
      this.#dropIfUnused(group)
    }
  }

  /** Writes the marker that ends a transaction into a partition of `__consumer_offsets`; what it ends holds then, or not. */
  async endTransaction(partition: number, marker: TransactionMarker): Promise<void> {
    await this.#opening.ready(false)
    const { log, store } = this.#opening.required
    const markerOffset = await store.endTransaction(partition, marker)
    const { producerId, commit } = marker
    for (const group of this.#committing.take(producerId, ({ groupId }) => log.partitionOf(groupId) === partition)) {
      group.pendingOffsets.end(producerId, markerOffset, commit, group.offsets)
      this.#options.onOffsetsChanged(group.groupId)
      this.#dropIfUnused(group)
    }
  }

  async fetchOffsets(
    groupId: string,
    partitions: readonly TopicPartition[] | null,
    options: FetchOffsetsOptions = {},
  ): Promise<readonly FetchedOffset[]> {
    await this.#opening.ready(false)
    const group = this.#groups.get(groupId)
    if (group === undefined) return []
    return readOffsets(group, partitions, options.requireStable ?? false)
  }

  async listGroups(): Promise<readonly GroupListing[]> {
    await this.#opening.ready(false)
    const alive = [...this.#groups.values()].filter(({ state }) => state !== 'Dead')
    return alive.map(({ groupId, protocolType, state }) => ({ groupId, protocolType, state }))
  }

  async describeGroup(groupId: string): Promise<GroupDescription> {
    await this.#opening.ready(false)
    const group = this.#groups.get(groupId)
    return group === undefined ? describeDead(groupId) : describe(group)
  }

  async deleteOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (HoldfastError | undefined)[]> {
    await this.#opening.ready(false)
    const group = this.#require(groupId)
    const outcomes = await deleteOffsets(group, this.#store, partitions)
    this.#dropIfUnused(group)
    return outcomes
  }

  async deleteGroup(groupId: string): Promise<void> {
    await this.#opening.ready(false)
    const group = this.#require(groupId)
    requireDeletable(group)
    const { clock, logger } = this.#options
    // Dead keeps everyone out while the tombstones are on their way.
    group.transition('Dead', clock.now())
    try {
      await this.#store.deleteGroup(group)
    } catch (error) {
      if (!this.#opening.isClosed) group.transition('Empty', clock.now())
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
    await this.#opening.ready(false)
    const deletions = [...this.#groups.values()].map(async (group) => {
      await forgetOffsets(group, this.#store, topic, isGone)
      this.#dropIfUnused(group)
    })
    const failed = (await Promise.allSettled(deletions)).find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** Refuses what waits, stops all sessions, and waits for what was appended. Later requests are refused. */
  async close(): Promise<void> {
    const isFirst = !this.#opening.isClosed
    const closed = this.#opening.close()
    if (isFirst) for (const group of this.#groups.values()) this.#rebalancer.unload(group)
    await closed
    await this.#opening.loaded?.log.drain()
  }

  get #store(): GroupStore {
    return this.#opening.required.store
  }

  async #load(topic: InternalTopic): Promise<Loaded> {
    const { clock, logger } = this.#options
    const log = new OffsetsLog(topic, clock)
    return {
      log,
      store: new GroupStore(log, this.#options.onOffsetsChanged),
      groups: await replayGroups(log, logger, clock.now()),
    }
  }

  #begin({ log, store, groups }: Loaded): void {
    const { logger, topicExists } = this.#options
    this.#groups = groups
    for (const group of groups.values()) {
      this.#rebalancer.restored(group)
      for (const producerId of group.pendingOffsets.producerIds) this.#committing.add(producerId, group)
    }
    logger.info({ groups: groups.size, partitions: log.partitionCount }, 'groups loaded')
    const onForgotten = (group: Group): void => this.#dropIfUnused(group)
    forgetOffsetsOfMissingTopics(groups.values(), store, topicExists, logger, onForgotten)
  }

  #acceptable({ offsets }: CommitRequest): ReturnType<typeof acceptableOffsets> {
    const { settings, clock } = this.#options
    return acceptableOffsets(offsets, settings['offset.metadata.max.bytes'], clock.now())
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

  #require(groupId: string): Group {
    const group = this.#groups.get(groupId)
    if (group !== undefined) return group
    throw new HoldfastError('GROUP_ID_NOT_FOUND', `There is no group "${groupId}".`)
  }

  #dropIfUnused(group: Group): void {
    if (group.isUnused && this.#groups.get(group.groupId) === group) this.#groups.delete(group.groupId)
  }
}
