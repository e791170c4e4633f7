/**
 * A cluster somewhere else, spoken to over the Kafka protocol: the same BrokerService as a broker in this process. It
 * works on a served Holdfast, which is a cluster of one, and on any Kafka; who is asked what is in `cluster/`.
 *
 * What the wire does not carry: sizes of partitions (-1), the times of commits (-1), and for how long a fetch that was
 * ended early would have had something (it is empty).
 */

import type * as contract from '../broker/contract.js'
import type * as groups from '../broker/groups/contract.js'
import type * as transactions from '../broker/transactions/contract.js'
import { parseBrokers } from '../core/addresses.js'
import { type Clock, systemClock } from '../core/clock.js'
import type { HoldfastError } from '../core/errors.js'
import { Cluster } from './cluster/cluster.js'
import { Coordinators } from './cluster/coordinators.js'
import { Fetching } from './cluster/fetching.js'
import { Producing } from './cluster/producing.js'
import { RemoteAdmin } from './remote-broker-admin.js'
import { RemoteGroups } from './remote-broker-groups.js'
import { readEpochs, readOffsets } from './remote-broker-offsets.js'
import { RemoteTransactions } from './remote-broker-transactions.js'
import type { Security } from './sockets.js'

export interface RemoteBrokerOptions {
  readonly clientId?: string
  /** How long an answer may take, beyond what the request itself asks to wait. */
  readonly requestTimeoutMs?: number
  /**
   * How long what fails for a reason that passes (a leader that is lost, a coordinator that moves) is tried again. With 0,
   * which is the default, it is told to the caller, and each batch is sent once; otherwise batches get a producer's
   * identity, so that one that was sent again is not stored again.
   */
  readonly retryMs?: number
  readonly security?: Security
  readonly clock?: Clock
}

export class RemoteBroker implements contract.BrokerService {
  readonly #cluster: Cluster
  readonly #producing: Producing
  readonly #fetching: Fetching
  readonly #admin: RemoteAdmin
  readonly #groups: RemoteGroups
  readonly #transactions: RemoteTransactions

  private constructor(cluster: Cluster) {
    const groupCoordinators = new Coordinators(cluster, 'group')
    this.#cluster = cluster
    this.#admin = new RemoteAdmin(cluster)
    this.#groups = new RemoteGroups(cluster, groupCoordinators)
    this.#transactions = new RemoteTransactions(cluster, groupCoordinators)
    this.#fetching = new Fetching(cluster)
    const nobody = { transactionalId: null, producerId: -1, producerEpoch: -1 }
    this.#producing = new Producing(cluster, () => this.#transactions.initProducer(nobody))
  }

  /**
   * Connects to the cluster of which `brokers` is one broker or more: `HOST:PORT,HOST:PORT` (an IPv6 host in brackets), or
   * `kafka://HOST,HOST:PORT`. One that answers is enough.
   * @throws CONNECTION_FAILED with the addresses; INVALID_ARGUMENT for a malformed one; SASL_AUTHENTICATION_FAILED,
   * UNSUPPORTED_SASL_MECHANISM
   */
  static async connect(brokers: string, options: RemoteBrokerOptions = {}): Promise<RemoteBroker> {
    const { clientId = 'holdfast', requestTimeoutMs = 30_000, retryMs = 0, clock = systemClock, security } = options
    const seeds = parseBrokers(brokers)
    return new RemoteBroker(await Cluster.connect(seeds, { clientId, requestTimeoutMs, retryMs, clock, security }))
  }

  get clusterId(): string {
    return this.#cluster.clusterId
  }

  /** Of the only broker; of several the least. */
  get nodeId(): number {
    return this.#cluster.nodeIds[0] ?? -1
  }

  produce(request: contract.ProduceRequest): Promise<contract.ProduceResult> {
    return this.#producing.produce(request)
  }

  /** Each fetch has connections of its own while it waits. Ended early by its signal, it is empty. */
  fetch(request: contract.FetchRequest): Promise<readonly contract.FetchedPartition[]> {
    return this.#fetching.fetch(request)
  }

  findOffsets(
    lookups: readonly contract.OffsetLookup[],
    isolation: contract.Isolation = 'uncommitted',
  ): Promise<readonly contract.FoundOffset[]> {
    return readOffsets(this.#cluster, lookups, isolation)
  }

  findEpochs(lookups: readonly contract.EpochLookup[]): Promise<readonly contract.FoundEpoch[]> {
    return readEpochs(this.#cluster, lookups)
  }

  describeTopics(
    names: readonly string[] | null,
    options: { readonly create?: boolean } = {},
  ): Promise<readonly contract.TopicDescription[]> {
    return this.#admin.describeTopics(names, options.create ?? false)
  }

  createTopic(topic: contract.TopicToCreate): Promise<contract.TopicDescription> {
    return this.#admin.createTopic(topic)
  }

  deleteTopic(name: string): Promise<void> {
    return this.#admin.deleteTopic(name)
  }

  deleteRecords(place: contract.TopicPartition, offset: number): Promise<number> {
    return this.#admin.deleteRecords(place, offset)
  }

  createPartitions(name: string, partitions: number, options: { validateOnly?: boolean } = {}): Promise<void> {
    return this.#admin.createPartitions(name, partitions, options.validateOnly ?? false)
  }

  alterTopic(name: string, alteration: contract.TopicAlteration): Promise<void> {
    return this.#admin.alterTopic(name, alteration)
  }

  alterBroker(alteration: contract.TopicAlteration): Promise<void> {
    return this.#admin.alterBroker(alteration)
  }

  describeConfig(topic: string | null): Promise<readonly contract.ConfigEntry[]> {
    return this.#admin.describeConfig(topic)
  }

  initProducer(request: contract.InitProducerRequest): Promise<contract.ProducerIdentity> {
    return this.#transactions.initProducer(request)
  }

  addPartitionsToTransaction(
    producer: transactions.TransactionalProducer,
    partitions: readonly contract.TopicPartition[],
  ): Promise<readonly (HoldfastError | undefined)[]> {
    return this.#transactions.addPartitionsToTransaction(producer, partitions)
  }

  addOffsetsToTransaction(producer: transactions.TransactionalProducer, groupId: string): Promise<void> {
    return this.#transactions.addOffsetsToTransaction(producer, groupId)
  }

  commitTransactionalOffsets(
    request: transactions.TransactionalCommitRequest,
  ): Promise<readonly (HoldfastError | undefined)[]> {
    return this.#transactions.commitTransactionalOffsets(request)
  }

  endTransaction(producer: transactions.TransactionalProducer, commit: boolean): Promise<void> {
    return this.#transactions.endTransaction(producer, commit)
  }

  listTransactions(filter?: transactions.TransactionFilter): Promise<readonly transactions.TransactionListing[]> {
    return this.#transactions.listTransactions(filter)
  }

  describeTransaction(transactionalId: string): Promise<transactions.TransactionDescription> {
    return this.#transactions.describeTransaction(transactionalId)
  }

  joinGroup(request: groups.JoinRequest): Promise<groups.JoinResult | groups.MemberIdRequired> {
    return this.#groups.joinGroup(request)
  }

  syncGroup(request: groups.SyncRequest): Promise<groups.SyncResult> {
    return this.#groups.syncGroup(request)
  }

  heartbeat(member: groups.MemberRef): Promise<void> {
    return this.#groups.heartbeat(member)
  }

  leaveGroup(
    groupId: string,
    members: readonly groups.LeavingMember[],
  ): Promise<readonly (HoldfastError | undefined)[]> {
    return this.#groups.leaveGroup(groupId, members)
  }

  commitOffsets(request: groups.CommitRequest): Promise<readonly (HoldfastError | undefined)[]> {
    return this.#groups.commitOffsets(request)
  }

  fetchOffsets(
    groupId: string,
    partitions: readonly contract.TopicPartition[] | null,
    options?: groups.FetchOffsetsOptions,
  ): Promise<readonly groups.FetchedOffset[]> {
    return this.#groups.fetchOffsets(groupId, partitions, options)
  }

  deleteOffsets(
    groupId: string,
    partitions: readonly contract.TopicPartition[],
  ): Promise<readonly (HoldfastError | undefined)[]> {
    return this.#groups.deleteOffsets(groupId, partitions)
  }

  listGroups(): Promise<readonly groups.GroupListing[]> {
    return this.#groups.listGroups()
  }

  describeGroup(groupId: string): Promise<groups.GroupDescription> {
    return this.#groups.describeGroup(groupId)
  }

  deleteGroup(groupId: string): Promise<void> {
    return this.#groups.deleteGroup(groupId)
  }

  /** Closes the connections; what is unanswered fails with CONNECTION_FAILED. The broker itself goes on. */
  close(): Promise<void> {
    return this.#cluster.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
