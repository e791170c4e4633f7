/**
 * A broker somewhere else, spoken to over the Kafka protocol: the same BrokerService as one in this process. It works on
 * a served Holdfast and on a Kafka of a single node.
 *
 * What the wire does not carry: sizes of partitions (-1), the times of commits (-1), and for how long a fetch that was
 * ended early would have had something (it is empty).
 */

import type * as contract from '../broker/contract.js'
import type * as groups from '../broker/groups/contract.js'
import type * as transactions from '../broker/transactions/contract.js'
import { type Clock, systemClock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { at, logOverheadBytes } from '../records/format.js'
import { isolationLevel } from './isolation.js'
import { RemoteAdmin } from './remote-broker-admin.js'
import { errorOf, groupedByTopic, requestTimedOut, throwIfRefused, unanswered } from './remote-broker-errors.js'
import { RemoteGroups } from './remote-broker-groups.js'
import { readOffsets } from './remote-broker-offsets.js'
import { RemoteTransactions } from './remote-broker-transactions.js'
import { fetch, metadata, offsetForLeaderEpoch, produce } from './schemas/index.js'
import { WirePool } from './wire-pool.js'

export interface RemoteBrokerOptions {
  readonly clientId?: string
  /** How long an answer may take, beyond what the request itself asks to wait. */
  readonly requestTimeoutMs?: number
  readonly clock?: Clock
}

const allReplicas = -1
/** From version 13 on both name topics by id alone, which costs a look-up and gives nothing here. */
const lastVersionWithNames = 12
/** From version 12 on a broker that is asked to adds partitions to a transaction by itself (KIP-890). */
const lastVersionWithoutImplicitPartitions = 11
const consumer = -1

export class RemoteBroker implements contract.BrokerService {
  readonly #wire: WirePool
  readonly #admin: RemoteAdmin
  readonly #groups: RemoteGroups
  readonly #transactions: RemoteTransactions
  readonly #requestTimeoutMs: number
  readonly clusterId: string
  readonly nodeId: number

  private constructor(wire: WirePool, cluster: { clusterId: string; nodeId: number }, clock: Clock, timeoutMs: number) {
    this.#wire = wire
    this.clusterId = cluster.clusterId
    this.nodeId = cluster.nodeId
    this.#requestTimeoutMs = timeoutMs
    this.#admin = new RemoteAdmin(wire, cluster.nodeId, clock, timeoutMs)
    this.#groups = new RemoteGroups(wire, clock, timeoutMs)
    this.#transactions = new RemoteTransactions(wire, clock, timeoutMs)
  }

  /**
   * Connects to `address`, which is "host:port" (an IPv6 host in brackets).
   * @throws CONNECTION_FAILED with the address; INVALID_ARGUMENT for a malformed one, or a cluster of several brokers
   */
  static async connect(address: string, options: RemoteBrokerOptions = {}): Promise<RemoteBroker> {
    const { clientId = 'holdfast', requestTimeoutMs = 30_000, clock = systemClock } = options
    const wire = new WirePool({ ...parseAddress(address), clientId, requestTimeoutMs, clock })
    try {
      await wire.connect()
      return new RemoteBroker(wire, await soleNode(wire, address), clock, requestTimeoutMs)
    } catch (error) {
      await wire.close()
      throw error
    }
  }

  async produce(request: contract.ProduceRequest): Promise<contract.ProduceResult> {
    const { topic, partition, batch, transactionalId } = request
    const partitions = [{ index: partition, records: batch }]
    const { topics } = await this.#wire.send(
      produce,
      { acks: allReplicas, timeoutMs: this.#requestTimeoutMs, transactionalId, topics: [{ name: topic, partitions }] },
      { maxVersion: transactionalId === undefined ? lastVersionWithNames : lastVersionWithoutImplicitPartitions },
    )
    const answer = topics[0].partitions[0]
    if (answer.errorCode === requestTimedOut) {
      // Of a produce it says that the batch may or may not be stored, which the caller has to know.
      throw new HoldfastError('FLUSH_DISK_TIMEOUT', answer.errorMessage ?? undefined)
    }
    throwIfRefused(answer.errorCode, answer.errorMessage)
    const { baseOffset, logAppendTimeMs, logStartOffset } = answer
    return { baseOffset, logAppendTimeMs, logStartOffset }
  }

  /** Each fetch has a connection of its own while it waits. Ended early by its signal, it is empty. */
  async fetch(request: contract.FetchRequest): Promise<readonly contract.FetchedPartition[]> {
    const { positions, maxBytes, minBytes, maxWaitMs, signal, isolation = 'uncommitted' } = request
    const waitMs = signal?.aborted ? 0 : maxWaitMs
    const topics = groupedByTopic(positions).map(({ topic, items }) => ({
      name: topic,
      partitions: items.map((position) => ({
        index: position.partition,
        fetchOffset: position.offset,
        maxBytes: position.maxBytes,
        currentLeaderEpoch: position.currentLeaderEpoch,
      })),
    }))
    const answering = this.#wire.sendAlone(
      fetch,
      { maxWaitMs: waitMs, minBytes, maxBytes, isolationLevel: isolationLevel[isolation], topics },
      { maxVersion: lastVersionWithNames, waitMs },
    )
    const answer = await unlessAborted(answering, waitMs > 0 ? signal : undefined)
    if (answer === undefined) return positions.map(nothingFetched)
    throwIfRefused(answer.errorCode)
    const fetched = new Map<string, contract.FetchedPartition>()
    for (const { name, partitions } of answer.topics) {
      for (const each of partitions) {
        fetched.set(placeKey(name, each.index), {
          topic: name,
          partition: each.index,
          error: errorOf(each.errorCode),
          highWatermark: each.highWatermark,
          lastStableOffset: each.lastStableOffset,
          logStartOffset: each.logStartOffset,
          records: wholeBatches(each.records),
          aborted: isolation === 'committed' ? (each.abortedTransactions ?? []) : undefined,
        })
      }
    }
    return positions.map(
      (position) => fetched.get(placeKey(position.topic, position.partition)) ?? unanswered(position),
    )
  }

  findOffsets(
    lookups: readonly contract.OffsetLookup[],
    isolation: contract.Isolation = 'uncommitted',
  ): Promise<readonly contract.FoundOffset[]> {
    return readOffsets(this.#wire, lookups, isolation)
  }

  async findEpochs(lookups: readonly contract.EpochLookup[]): Promise<readonly contract.FoundEpoch[]> {
    const topics = groupedByTopic(lookups).map(({ topic, items }) => ({
      name: topic,
      partitions: items.map(({ partition, epoch, currentLeaderEpoch }) => ({
        index: partition,
        leaderEpoch: epoch,
        currentLeaderEpoch,
      })),
    }))
    const answer = await this.#wire.send(offsetForLeaderEpoch, { replicaId: consumer, topics })
    const found = new Map<string, contract.FoundEpoch>()
    for (const { name, partitions } of answer.topics) {
      for (const { index, errorCode, leaderEpoch, endOffset } of partitions) {
        const error = errorOf(errorCode)
        found.set(placeKey(name, index), { topic: name, partition: index, error, epoch: leaderEpoch, endOffset })
      }
    }
    return lookups.map((place) => found.get(placeKey(place.topic, place.partition)) ?? unanswered(place))
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
    return this.#wire.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function parseAddress(address: string): { host: string; port: number } {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):(\d{1,5})$/.exec(address)
  const port = Number(match?.[2])
  if (match === null || port > 65_535) {
    throw new HoldfastError('INVALID_ARGUMENT', `${JSON.stringify(address)} is no address: it must be HOST:PORT.`)
  }
  return { host: match[1].replace(/^\[|\]$/g, ''), port }
}

async function soleNode(wire: WirePool, address: string): Promise<{ clusterId: string; nodeId: number }> {
  // No topics: an empty list asks for none from version 1 on.
  const { brokers, clusterId } = await wire.send(metadata, { topics: [] }, { minVersion: 4 })
  if (brokers.length === 1) return { clusterId: clusterId ?? '', nodeId: brokers[0].nodeId }
  throw new HoldfastError(
    'INVALID_ARGUMENT',
    `The cluster at ${address} has ${brokers.length} brokers; only clusters of a single node are supported yet.`,
  )
}

/** undefined where `signal` came first; the answer is then waited for in the background and dropped. */
function unlessAborted<T>(answering: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (signal === undefined) return answering
  return new Promise((resolve, reject) => {
    const abort = (): void => resolve(undefined)
    signal.addEventListener('abort', abort, { once: true })
    answering.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Kafka cuts what it sends at a number of bytes: the last batch may be there in part only. */
function wholeBatches(records: Buffer | null): readonly Buffer[] {
  let end = 0
  while (records !== null && records.length - end >= logOverheadBytes) {
    const next = end + logOverheadBytes + records.readInt32BE(end + at.batchLength)
    if (next <= end || next > records.length) break
    end = next
  }
  return records === null || end === 0 ? [] : [records.subarray(0, end)]
}

function placeKey(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

function nothingFetched({ topic, partition }: contract.TopicPartition): contract.FetchedPartition {
  return { topic, partition, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, records: [] }
}
