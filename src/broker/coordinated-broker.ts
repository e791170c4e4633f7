/** What a broker hands on: the requests of groups and of transactions to their coordinators, and what is copied. */

import { HoldfastError } from '../core/errors.js'
import type { CopiedBatches, TopicPartition } from './contract.js'
import type { Coordination } from './coordination.js'
import type { CopiedIntake } from './copied-intake.js'
import type * as groups from './groups/contract.js'
import type { GroupCoordinator } from './groups/coordinator.js'
import type { BrokerReplication } from './replication.js'
import type * as transactions from './transactions/contract.js'

type Outcomes = readonly (HoldfastError | undefined)[]

export abstract class CoordinatedBroker implements groups.GroupService, transactions.TransactionService {
  /** Takes what is copied from elsewhere, whoever coordinates. */
  readonly copied: CopiedIntake
  protected readonly replication: BrokerReplication | undefined
  #coordination: Coordination | undefined

  constructor(copied: CopiedIntake, replication: BrokerReplication | undefined) {
    this.copied = copied
    this.replication = replication
  }

  /**
   * Coordinates groups and transactions from now on, by what is in their logs.
   * @throws what {@link Coordination.start} throws
   */
  async lead(): Promise<void> {
    const coordination = this.makeCoordination()
    this.#coordination = coordination
    try {
      await coordination.start()
    } catch (error) {
      await this.stepDown()
      throw error
    }
  }

  /** Another node coordinates from now on. */
  async stepDown(): Promise<void> {
    const before = this.#coordination
    this.#coordination = undefined
    await before?.close()
  }

  protected abstract makeCoordination(): Coordination

  #isFollower(): boolean {
    return this.replication !== undefined && this.#coordination === undefined
  }

  /** A change of topics: others have taken it over only where this node led all through. @throws NOT_CONTROLLER */
  protected async ledThroughout<T>(change: () => Promise<T>): Promise<T> {
    const epoch = this.replication?.leaderEpoch
    const changed = await change()
    this.refuseFollowers('NOT_CONTROLLER')
    if (this.replication?.leaderEpoch === epoch) return changed
    throw new HoldfastError('NOT_CONTROLLER', 'This node has lost the lead, and got it again, meanwhile.')
  }

  /** @throws NOT_COORDINATOR while another node coordinates */
  protected get coordination(): Coordination {
    this.refuseFollowers('NOT_COORDINATOR')
    if (this.#coordination !== undefined) return this.#coordination
    throw new HoldfastError('NOT_COORDINATOR')
  }

  /** Those that this node coordinates, by their ids. */
  protected get groups(): GroupCoordinator['all'] {
    return this.#coordination?.groups.all ?? new Map()
  }

  /** What waits ends; nothing is coordinated any more, and who asks is told so. */
  protected async endCoordination(): Promise<void> {
    await this.#coordination?.close()
  }

  /** @throws `code`, in the words of who knows why */
  protected refuseFollowers(code: 'NOT_COORDINATOR' | 'NOT_CONTROLLER'): void {
    try {
      this.replication?.assertLeads()
    } catch (cause) {
      throw new HoldfastError(code, (cause as Error).message, { cause })
    }
  }

  joinGroup(request: groups.JoinRequest): Promise<groups.JoinResult | groups.MemberIdRequired> {
    return this.coordination.groups.joinGroup(request)
  }

  syncGroup(request: groups.SyncRequest): Promise<groups.SyncResult> {
    return this.coordination.groups.syncGroup(request)
  }

  heartbeat(member: groups.MemberRef): Promise<void> {
    return this.coordination.groups.heartbeat(member)
  }

  leaveGroup(groupId: string, members: readonly groups.LeavingMember[]): Promise<Outcomes> {
    return this.coordination.groups.leaveGroup(groupId, members)
  }

  commitOffsets(request: groups.CommitRequest): Promise<Outcomes> {
    return this.#commitExisting(request, (existing) => this.coordination.groups.commitOffsets(existing))
  }

  fetchOffsets(
    groupId: string,
    partitions: readonly TopicPartition[] | null,
    options?: groups.FetchOffsetsOptions,
  ): Promise<readonly groups.FetchedOffset[]> {
    return this.coordination.groups.fetchOffsets(groupId, partitions, options)
  }

  async deleteOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<Outcomes> {
    const outcomes = await this.coordination.groups.deleteOffsets(groupId, partitions)
    return partitions.map((place, i) =>
      this.coordination.exists(place) ? outcomes[i] : new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION'),
    )
  }

  /** Those of this node: a client asks all. */
  async listGroups(): Promise<readonly groups.GroupListing[]> {
    if (this.#isFollower()) return []
    return this.coordination.groups.listGroups()
  }

  describeGroup(groupId: string): Promise<groups.GroupDescription> {
    return this.coordination.groups.describeGroup(groupId)
  }

  deleteGroup(groupId: string): Promise<void> {
    return this.coordination.groups.deleteGroup(groupId)
  }

  addPartitionsToTransaction(
    producer: transactions.TransactionalProducer,
    partitions: readonly TopicPartition[],
  ): Promise<Outcomes> {
    return this.coordination.addPartitions(producer, partitions)
  }

  addOffsetsToTransaction(producer: transactions.TransactionalProducer, groupId: string): Promise<void> {
    return this.coordination.addOffsets(producer, groupId)
  }

  commitTransactionalOffsets(request: transactions.TransactionalCommitRequest): Promise<Outcomes> {
    return this.#commitExisting(request, (existing) => this.coordination.commitOffsets(existing))
  }

  endTransaction(producer: transactions.TransactionalProducer, commit: boolean): Promise<void> {
    return this.coordination.transactions.endTransaction(producer, commit)
  }

  /** As {@link listGroups}. */
  async listTransactions(filter?: transactions.TransactionFilter): Promise<readonly transactions.TransactionListing[]> {
    if (this.#isFollower()) return []
    return this.coordination.transactions.listTransactions(filter)
  }

  describeTransaction(transactionalId: string): Promise<transactions.TransactionDescription> {
    return this.coordination.transactions.describeTransaction(transactionalId)
  }

  appendCopies(copied: CopiedBatches): Promise<void> {
    this.replication?.assertLeads()
    return this.copied.append(copied)
  }

  beginAt(place: TopicPartition, offset: number): Promise<void> {
    this.replication?.assertLeads()
    return this.copied.beginAt(place, offset)
  }

  /** Offsets of partitions that do not exist are refused on their own. */
  async #commitExisting<R extends groups.CommitRequest>(
    request: R,
    commit: (request: R) => Promise<Outcomes>,
  ): Promise<Outcomes> {
    const exists = request.offsets.map((offset) => this.coordination.exists(offset))
    // A commit of nothing still says whether the member may commit.
    const outcomes = await commit({ ...request, offsets: request.offsets.filter((_, i) => exists[i]) })
    let next = 0
    return exists.map((isThere) => (isThere ? outcomes[next++] : new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION')))
  }
}
