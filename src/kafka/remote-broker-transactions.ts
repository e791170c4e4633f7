/** Transactions of a remote broker. */

import type { InitProducerRequest, ProducerIdentity, TopicPartition } from '../broker/contract.js'
import type * as transactions from '../broker/transactions/contract.js'
import type { Clock } from '../core/clock.js'
import type { HoldfastError } from '../core/errors.js'
import { groupedByTopic, outcomesOf, throwIfRefused } from './remote-broker-errors.js'
import { retrying } from './retrying.js'
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  describeTransactions,
  endTxn,
  findCoordinator,
  initProducerId,
  listTransactions,
  txnOffsetCommit,
} from './schemas/index.js'
import type { WirePool } from './wire-pool.js'

const transactionKey = 1
const defaultTimeoutMs = 60_000
/** PRODUCER_FENCED is told apart from a stale epoch from these versions on. */
const versionWithFenced = { minVersion: 2 }

export class RemoteTransactions {
  readonly #wire: WirePool
  readonly #clock: Clock
  readonly #timeoutMs: number

  constructor(wire: WirePool, clock: Clock, timeoutMs: number) {
    this.#wire = wire
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  async initProducer(request: InitProducerRequest): Promise<ProducerIdentity> {
    const { transactionalId, transactionTimeoutMs = defaultTimeoutMs } = request
    if (transactionalId !== null) await this.#findCoordinator(transactionalId)
    return this.#retrying(async () => {
      const answer = await this.#wire.send(initProducerId, { ...request, transactionTimeoutMs })
      throwIfRefused(answer.errorCode)
      return { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
    })
  }

  addPartitionsToTransaction(
    producer: transactions.TransactionalProducer,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (HoldfastError | undefined)[]> {
    const topics = groupedByTopic(partitions).map(({ topic, items }) => ({
      name: topic,
      partitions: items.map(({ partition }) => partition),
    }))
    return this.#retrying(async () => {
      const answer = await this.#wire.send(addPartitionsToTxn, { ...producer, topics }, versionWithFenced)
      const outcomes = outcomesOf(answer.topics, partitions)
      const refusal = outcomes.find((outcome) => outcome !== undefined && !isOfPartition.has(outcome.code))
      if (refusal !== undefined) throw refusal
      return outcomes
    })
  }

  addOffsetsToTransaction(producer: transactions.TransactionalProducer, groupId: string): Promise<void> {
    return this.#retrying(async () => {
      const { errorCode } = await this.#wire.send(addOffsetsToTxn, { ...producer, groupId }, versionWithFenced)
      throwIfRefused(errorCode)
    })
  }

  async commitTransactionalOffsets(
    request: transactions.TransactionalCommitRequest,
  ): Promise<readonly (HoldfastError | undefined)[]> {
    const { offsets, ...rest } = request
    const topics = groupedByTopic(offsets).map(({ topic, items }) => ({
      name: topic,
      partitions: items.map(({ partition, offset, leaderEpoch, metadata }) => ({
        index: partition,
        committedOffset: offset,
        committedLeaderEpoch: leaderEpoch,
        committedMetadata: metadata,
      })),
    }))
    const answer = await this.#wire.send(txnOffsetCommit, { ...rest, topics }, { minVersion: 3 })
    return outcomesOf(answer.topics, offsets)
  }

  endTransaction(producer: transactions.TransactionalProducer, committed: boolean): Promise<void> {
    return this.#retrying(async () => {
      const { errorCode } = await this.#wire.send(endTxn, { ...producer, committed }, versionWithFenced)
      throwIfRefused(errorCode)
    })
  }

  async listTransactions(filter: transactions.TransactionFilter = {}): Promise<transactions.TransactionListing[]> {
    const { statuses = [], producerIds = [], runningForMs = -1 } = filter
    const answer = await this.#wire.send(
      listTransactions,
      { stateFilters: statuses, producerIdFilters: producerIds, durationFilterMs: runningForMs },
      { minVersion: runningForMs < 0 ? 0 : 1 },
    )
    throwIfRefused(answer.errorCode)
    return answer.transactionStates.map(({ transactionalId, producerId, transactionState }) => ({
      transactionalId,
      producerId,
      status: transactionState as transactions.TransactionStatus,
    }))
  }

  async describeTransaction(transactionalId: string): Promise<transactions.TransactionDescription> {
    const answer = await this.#wire.send(describeTransactions, { transactionalIds: [transactionalId] })
    const [found] = answer.transactionStates
    throwIfRefused(found.errorCode)
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

  /** Kafka makes its topic of transactions only when somebody asks who coordinates. There is one node to answer. */
  #findCoordinator(transactionalId: string): Promise<void> {
    const request = { key: transactionalId, keyType: transactionKey, coordinatorKeys: [transactionalId] }
    return this.#retrying(async () => {
      const answer = await this.#wire.send(findCoordinator, request, { minVersion: 1 })
      const { errorCode, errorMessage } = answer.coordinators[0] ?? answer
      throwIfRefused(errorCode, errorMessage)
    })
  }

  #retrying<T>(attempt: () => Promise<T>): Promise<T> {
    return retrying(this.#clock, this.#timeoutMs, attempt)
  }
}

/** What a partition is refused for by itself; any other refusal is of the whole request, said once for each. */
const isOfPartition: ReadonlySet<string> = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'OPERATION_NOT_ATTEMPTED'])
