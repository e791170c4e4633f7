/** Transactions of a remote broker. */

import type { InitProducerRequest, ProducerIdentity, TopicPartition } from '../broker/contract.js'
import type * as transactions from '../broker/transactions/contract.js'
import type { HoldfastError } from '../core/errors.js'
import type { Cluster } from './cluster/cluster.js'
import { Coordinators } from './cluster/coordinators.js'
import {
  committedTopics,
  groupedByTopic,
  outcomesOf,
  throwIfElsewhere,
  throwIfRefused,
} from './remote-broker-errors.js'
import { retrying } from './retrying.js'
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  describeTransactions,
  endTxn,
  initProducerId,
  listTransactions,
  txnOffsetCommit,
} from './schemas/index.js'
import type { WirePool } from './wire-pool.js'

const defaultTimeoutMs = 60_000
/** PRODUCER_FENCED is told apart from a stale epoch from these versions on. */
const versionWithFenced = { minVersion: 2 }

export class RemoteTransactions {
  readonly #cluster: Cluster
  readonly #coordinators: Coordinators
  readonly #groupCoordinators: Coordinators

  constructor(cluster: Cluster, groupCoordinators: Coordinators) {
    this.#cluster = cluster
    this.#coordinators = new Coordinators(cluster, 'transaction')
    this.#groupCoordinators = groupCoordinators
  }

  async initProducer(request: InitProducerRequest): Promise<ProducerIdentity> {
    const { transactionalId, transactionTimeoutMs = defaultTimeoutMs } = request
    const init = async (wire: WirePool): Promise<ProducerIdentity> => {
      const answer = await wire.send(initProducerId, { ...request, transactionTimeoutMs })
      throwIfRefused(answer.errorCode)
      return { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
    }
    if (transactionalId !== null) return this.#ask(transactionalId, init)
    return retrying(this.#cluster.clock, this.#cluster.requestTimeoutMs, () => this.#cluster.any(init))
  }

  addPartitionsToTransaction(
    producer: transactions.TransactionalProducer,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (HoldfastError | undefined)[]> {
    const topics = groupedByTopic(partitions).map(({ topic, items }) => ({
      name: topic,
      partitions: items.map(({ partition }) => partition),
    }))
    return this.#ask(producer.transactionalId, async (wire) => {
      const answer = await wire.send(addPartitionsToTxn, { ...producer, topics }, versionWithFenced)
      const outcomes = outcomesOf(answer.topics, partitions)
      const refusal = outcomes.find((outcome) => outcome !== undefined && !isOfPartition.has(outcome.code))
      if (refusal !== undefined) throw refusal
      return outcomes
    })
  }

  addOffsetsToTransaction(producer: transactions.TransactionalProducer, groupId: string): Promise<void> {
    return this.#ask(producer.transactionalId, async (wire) => {
      const { errorCode } = await wire.send(addOffsetsToTxn, { ...producer, groupId }, versionWithFenced)
      throwIfRefused(errorCode)
    })
  }

  async commitTransactionalOffsets(
    request: transactions.TransactionalCommitRequest,
  ): Promise<readonly (HoldfastError | undefined)[]> {
    const { offsets, ...rest } = request
    return this.#groupCoordinators.ask(request.groupId, async (wire) => {
      const answer = await wire.send(txnOffsetCommit, { ...rest, topics: committedTopics(offsets) }, { minVersion: 3 })
      return throwIfElsewhere(outcomesOf(answer.topics, offsets))
    })
  }

  endTransaction(producer: transactions.TransactionalProducer, committed: boolean): Promise<void> {
    return this.#ask(producer.transactionalId, async (wire) => {
      const { errorCode } = await wire.send(endTxn, { ...producer, committed }, versionWithFenced)
      throwIfRefused(errorCode)
    })
  }

  async listTransactions(filter: transactions.TransactionFilter = {}): Promise<transactions.TransactionListing[]> {
    const { statuses = [], producerIds = [], runningForMs = -1 } = filter
    const body = { stateFilters: statuses, producerIdFilters: producerIds, durationFilterMs: runningForMs }
    const lists = await this.#cluster.each(async (wire) => {
      const answer = await wire.send(listTransactions, body, { minVersion: runningForMs < 0 ? 0 : 1 })
      throwIfRefused(answer.errorCode)
      return answer.transactionStates
    })
    return lists.flat().map(({ transactionalId, producerId, transactionState }) => ({
      transactionalId,
      producerId,
      status: transactionState as transactions.TransactionStatus,
    }))
  }

  async describeTransaction(transactionalId: string): Promise<transactions.TransactionDescription> {
    const found = await this.#ask(transactionalId, async (wire) => {
      const answer = await wire.send(describeTransactions, { transactionalIds: [transactionalId] })
      throwIfRefused(answer.transactionStates[0].errorCode)
      return answer.transactionStates[0]
    })
    return {
      transactionalId,
      producerId: found.producerId,
      producerEpoch: found.producerEpoch,
      status: found.transactionState as transactions.TransactionStatus,
      timeoutMs: found.transactionTimeoutMs,
      startMs: found.transactionStartTimeMs,
      partitions: found.topics.flatMap(({ topic, partitions }) =>
        partitions.map((partition) => ({ topic, partition })),
      ),
    }
  }

  #ask<T>(transactionalId: string, question: (wire: WirePool) => Promise<T>): Promise<T> {
    const { clock, requestTimeoutMs } = this.#cluster
    return retrying(clock, requestTimeoutMs, () => this.#coordinators.ask(transactionalId, question))
  }
}

/** What a partition is refused for by itself; any other refusal is of the whole request, said once for each. */
const isOfPartition: ReadonlySet<string> = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'OPERATION_NOT_ATTEMPTED'])
