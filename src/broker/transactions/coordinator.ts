/**
 * The transaction coordinator: the door of this room. It keeps every transactional id in memory, reads them back from
 * `__transaction_state` before it answers the first request, and answers nothing that the log does not hold.
 *
 * Requests for one id are worked on one after the other, each to its end; those for different ids share each flush. So
 * nobody meets a transaction between two states, and where Kafka asks a client to try again (CONCURRENT_TRANSACTIONS)
 * it waits here instead; only a marker that a partition does not take makes it try again.
 */

import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import type { Settings } from '../../core/settings.js'
import type { ProducerIdentity, TopicPartition } from '../contract.js'
import type { InternalTopic, OpenInternalTopic } from '../internal-log.js'
import { Opening } from '../opening.js'
import type {
  TransactionalProducer,
  TransactionDescription,
  TransactionFilter,
  TransactionListing,
} from './contract.js'
import { Ending } from './ending.js'
import type { StoredTransaction } from './format.js'
import type { WriteMarker } from './markers.js'
import { placesOf } from './partition-set.js'
import { startSweeping } from './sweeping.js'
import { TransactionTable } from './table.js'
import type { Transaction } from './transaction.js'
import { TransactionLog } from './transaction-log.js'
import {
  adding,
  type ExpectedProducer,
  hasTimedOut,
  isBegun,
  isExhausted,
  isIdle,
  isPrepared,
  judgeExpected,
  newTransaction,
  nextIdentity,
  noFormerProducer,
  requireIdentity,
} from './transitions.js'

export interface TransactionCoordinatorOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly settings: Settings
  readonly openTransactionTopic: OpenInternalTopic
  /** A number greater than all before and than the one given: {@link nextCoordinatorEpoch}. */
  readonly nextEpoch: (greaterThan: number) => Promise<number>
  readonly takeProducerId: () => Promise<number>
  readonly writeMarker: WriteMarker
  /** Resolves when what was acknowledged there is on the disk, whatever its flush policy. */
  readonly makeDurable: (place: TopicPartition) => Promise<void>
}

interface Loaded {
  readonly log: TransactionLog
  readonly coordinatorEpoch: number
  readonly states: ReadonlyMap<string, StoredTransaction>
}

/** Lengths of strings are signed 16-bit numbers. */
const longestIdBytes = 0x7fff

export class TransactionCoordinator {
  readonly #options: TransactionCoordinatorOptions
  readonly #opening: Opening<Loaded>
  readonly #table = new TransactionTable()
  #ending: Ending | undefined
  #stopSweeping = (): void => {}

  constructor(options: TransactionCoordinatorOptions) {
    this.#options = options
    const { clock, logger, openTransactionTopic } = options
    this.#opening = new Opening<Loaded>({
      what: 'transactions',
      clock,
      logger,
      openTopic: openTransactionTopic,
      load: (topic) => this.#load(topic),
      begin: (loaded) => this.#begin(loaded),
    })
  }

  /** What its markers carry; -1 where there are no transactions yet. */
  get epoch(): number {
    return this.#opening.loaded?.coordinatorEpoch ?? -1
  }

  /** Until then {@link requireOpen} knows of no transaction. */
  get isLoaded(): boolean {
    return this.#opening.isOpen
  }

  /**
   * Loads the transactions where their topic exists, and goes on with ending those that were being ended when the process
   * did. Every request does the same when it comes first.
   * @throws COORDINATOR_NOT_AVAILABLE where the topic cannot be opened or read, LOG_DAMAGED
   */
  ready(): Promise<void> {
    return this.#opening.ready(false)
  }

  /** An identity for an instance of the producer. What an earlier one left open is aborted first. */
  async initProducer(
    transactionalId: string,
    timeoutMs: number,
    expected: ExpectedProducer | undefined,
  ): Promise<ProducerIdentity> {
    requireStorableId(transactionalId)
    this.#requireTimeout(timeoutMs)
    await this.#opening.ready(true)
    for (;;) {
      const transaction = this.#table.get(transactionalId) ?? (await this.#add(transactionalId, timeoutMs))
      const identity = await transaction.inTurn(async () => {
        this.#opening.assertNotClosed()
        return transaction.isGone ? undefined : this.#renew(transaction, timeoutMs, expected)
      })
      if (identity !== undefined) return identity
    }
  }

  /** The transaction is going to write to these partitions, which exist. */
  async addPartitions(producer: TransactionalProducer, places: readonly TopicPartition[]): Promise<void> {
    await this.#forProducer(producer, async (transaction) => {
      if (isPrepared(transaction.state)) await this.#finishFirst(transaction)
      requireIdentity(transaction.state, producer.producerId, producer.producerEpoch)
      if (transaction.isEnding) throw concurrent(transaction)
      const next = adding(transaction.state, places, this.#options.clock.now())
      if (next !== undefined) await this.#store(transaction, next)
    })
  }

  async endTransaction(producer: TransactionalProducer, commit: boolean): Promise<void> {
    await this.#forProducer(producer, async (transaction) => {
      const { status } = transaction.state
      if (status === 'Ongoing') return this.#endingOf().end(transaction, commit, false)
      // The same once more: its answer may have got lost.
      if (status === (commit ? 'CompleteCommit' : 'CompleteAbort')) return
      if (status === (commit ? 'PrepareCommit' : 'PrepareAbort')) return
      throw new HoldfastError(
        'INVALID_TXN_STATE',
        `The transaction of ${producer.transactionalId} cannot be ${commit ? 'committed' : 'aborted'}: it is ${status}.`,
      )
    })
  }

  /**
   * Lets a batch of a transaction pass.
   * @throws INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE, TRANSACTION_ABORTABLE
   */
  requireOpen(producerId: number, producerEpoch: number, place: TopicPartition): void {
    this.#table.requireOpen(producerId, producerEpoch, place.topic, place.partition)
  }

  async listTransactions(filter: TransactionFilter = {}): Promise<readonly TransactionListing[]> {
    await this.#opening.ready(false)
    const { statuses = [], producerIds = [], runningForMs = -1 } = filter
    const now = this.#options.clock.now()
    return [...this.#table]
      .filter(({ state }) => isBegun(state))
      .filter(({ state }) => statuses.length === 0 || statuses.includes(state.status))
      .filter(({ state }) => producerIds.length === 0 || producerIds.includes(state.producerId))
      .filter(({ state }) => runningForMs < 0 || now - state.startMs > runningForMs)
      .map(({ transactionalId, state: { producerId, status } }) => ({ transactionalId, producerId, status }))
  }

  async describeTransaction(transactionalId: string): Promise<TransactionDescription> {
    requireStorableId(transactionalId)
    await this.#opening.ready(false)
    const transaction = this.#table.get(transactionalId)
    if (transaction === undefined || !isBegun(transaction.state)) {
      throw new HoldfastError('TRANSACTIONAL_ID_NOT_FOUND', `There is no transactional id "${transactionalId}".`)
    }
    const { producerId, producerEpoch, status, timeoutMs, startMs, partitions } = transaction.state
    return {
      ...{ transactionalId, producerId, producerEpoch, status, timeoutMs, startMs },
      partitions: placesOf(partitions),
    }
  }

  /** Stops what runs by itself and waits for what is being worked on. Later requests are refused. */
  async close(): Promise<void> {
    const closed = this.#opening.close()
    this.#stopSweeping()
    this.#ending?.close()
    await closed
    await Promise.all([...this.#table].map((transaction) => transaction.idle()))
    await this.#opening.loaded?.log.drain()
  }

  async #load(topic: InternalTopic): Promise<Loaded> {
    const { clock, logger, nextEpoch } = this.#options
    const log = new TransactionLog(topic, clock)
    const states = await log.readAll(logger)
    return { log, states, coordinatorEpoch: await nextEpoch(log.leaderEpoch) }
  }

  #begin({ log, coordinatorEpoch, states }: Loaded): void {
    const { clock, logger, settings, writeMarker, makeDurable } = this.#options
    const ending = new Ending({ clock, logger, log, table: this.#table, coordinatorEpoch, writeMarker, makeDurable })
    this.#ending = ending
    for (const [transactionalId, state] of states) {
      const transaction = this.#table.add(transactionalId, state)
      if (!isPrepared(state)) continue
      logger.info({ transactionalId, status: state.status }, 'a transaction that was decided is ended')
      void transaction.inTurn(() => ending.finish(transaction))
    }
    logger.info({ transactionalIds: states.size, coordinatorEpoch }, 'transactions loaded')
    this.#stopSweeping = startSweeping(clock, settings, {
      abortTimedOut: () => this.#abortTimedOut(),
      forgetUnused: () => this.#forgetUnused(),
    })
  }

  async #add(transactionalId: string, timeoutMs: number): Promise<Transaction> {
    const producerId = await this.#options.takeProducerId()
    // Another request may have come first while the id was taken.
    const present = this.#table.get(transactionalId)
    return present ?? this.#table.add(transactionalId, newTransaction(producerId, timeoutMs, this.#options.clock.now()))
  }

  /** In its turn: ends what is open, then gives the next epoch. */
  async #renew(
    transaction: Transaction,
    timeoutMs: number,
    expected: ExpectedProducer | undefined,
  ): Promise<ProducerIdentity> {
    if (isPrepared(transaction.state)) await this.#finishFirst(transaction)
    const verdict = judgeExpected(transaction.state, transaction.former, expected)
    if (transaction.state.status === 'Ongoing') {
      await this.#endingOf().end(transaction, false, true)
      if (!isIdle(transaction.state)) throw concurrent(transaction)
    }
    const { producerId, producerEpoch } = transaction.state
    if (verdict === 'repeated') return { producerId, producerEpoch }
    const { clock, takeProducerId } = this.#options
    const freshProducerId = isExhausted(producerEpoch) ? await takeProducerId() : undefined
    try {
      await this.#store(transaction, nextIdentity(transaction.state, freshProducerId, timeoutMs, clock.now()))
    } finally {
      if (!isBegun(transaction.state)) this.#table.remove(transaction)
    }
    // Without an expectation it is a new instance, and one before it that asks again is to be fenced.
    transaction.former = expected ?? noFormerProducer
    const { transactionalId, state } = transaction
    this.#options.logger.info({ transactionalId, producerId: state.producerId, epoch: state.producerEpoch }, 'producer')
    return { producerId: state.producerId, producerEpoch: state.producerEpoch }
  }

  /** A transaction that was decided gets the markers that it lacks. @throws CONCURRENT_TRANSACTIONS where it cannot */
  async #finishFirst(transaction: Transaction): Promise<void> {
    await this.#endingOf().finish(transaction)
    if (!isIdle(transaction.state)) throw concurrent(transaction)
  }

  /** The state holds once it is durable. */
  async #store(transaction: Transaction, next: StoredTransaction): Promise<void> {
    await this.#opening.required.log.append(transaction.transactionalId, next).acknowledged
    this.#table.update(transaction, next)
  }

  async #forProducer(
    { transactionalId, producerId, producerEpoch }: TransactionalProducer,
    step: (transaction: Transaction) => Promise<void>,
  ): Promise<void> {
    requireStorableId(transactionalId)
    await this.#opening.ready(false)
    await this.#inTurnOf(transactionalId, async (transaction) => {
      requireIdentity(transaction.state, producerId, producerEpoch)
      await step(transaction)
    })
  }

  /** @throws INVALID_PRODUCER_ID_MAPPING where there is no such id */
  async #inTurnOf<T>(transactionalId: string, step: (transaction: Transaction) => Promise<T>): Promise<T> {
    const transaction = this.#table.get(transactionalId)
    if (transaction === undefined) throw unknownId(transactionalId)
    return transaction.inTurn(async () => {
      this.#opening.assertNotClosed()
      if (transaction.isGone) throw unknownId(transactionalId)
      return step(transaction)
    })
  }

  #abortTimedOut(): void {
    const { clock, logger } = this.#options
    for (const transaction of this.#table) {
      if (transaction.isBusy || !hasTimedOut(transaction.state, clock.now())) continue
      const { transactionalId } = transaction
      transaction
        .inTurn(async () => {
          if (this.#opening.isClosed || !hasTimedOut(transaction.state, clock.now())) return
          logger.info({ transactionalId }, 'a transaction that took longer than its timeout is aborted')
          await this.#endingOf().end(transaction, false, true)
        })
        .catch((err: unknown) => logger.warn({ transactionalId, err }, 'a timed out transaction could not be aborted'))
    }
  }

  #forgetUnused(): void {
    const { clock, logger, settings } = this.#options
    const isUnused = ({ state }: Transaction): boolean =>
      isIdle(state) && state.updatedMs <= clock.now() - settings['transactional.id.expiration.ms']
    for (const transaction of this.#table) {
      if (transaction.isBusy || !isUnused(transaction)) continue
      const { transactionalId } = transaction
      transaction
        .inTurn(async () => {
          if (this.#opening.isClosed || !isUnused(transaction)) return
          await this.#opening.required.log.append(transactionalId, null).acknowledged
          this.#table.remove(transaction)
          logger.info({ transactionalId }, 'a transactional id that was not used is forgotten')
        })
        .catch((err: unknown) => logger.warn({ transactionalId, err }, 'a transactional id could not be forgotten'))
    }
  }

  #endingOf(): Ending {
    if (this.#ending === undefined) throw new HoldfastError('COORDINATOR_NOT_AVAILABLE')
    return this.#ending
  }

  #requireTimeout(timeoutMs: number): void {
    const most = this.#options.settings['transaction.max.timeout.ms']
    if (timeoutMs > 0 && timeoutMs <= most) return
    throw new HoldfastError(
      'INVALID_TRANSACTION_TIMEOUT',
      `A transaction timeout of ${timeoutMs} ms is refused; 1 to ${most} ms are allowed.`,
    )
  }
}

function requireStorableId(transactionalId: string): void {
  const bytes = Buffer.byteLength(transactionalId)
  if (bytes > 0 && bytes <= longestIdBytes) return
  throw new HoldfastError('INVALID_REQUEST', `A transactional id has 1 to ${longestIdBytes} bytes, not ${bytes}.`)
}

function unknownId(transactionalId: string): HoldfastError {
  return new HoldfastError('INVALID_PRODUCER_ID_MAPPING', `There is no transactional id "${transactionalId}".`)
}

function concurrent({ transactionalId }: Transaction): HoldfastError {
  return new HoldfastError(
    'CONCURRENT_TRANSACTIONS',
    `The last transaction of ${transactionalId} is still being ended; try again.`,
  )
}
