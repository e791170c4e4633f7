/** All transactional ids in memory, by id and by the producer id that speaks for them. */

import { HoldfastError } from '../../core/errors.js'
import type { StoredTransaction } from './format.js'
import { hasPartition } from './partition-set.js'
import { Transaction } from './transaction.js'
import { isBegun, isPrepared } from './transitions.js'

export class TransactionTable {
  readonly #byId = new Map<string, Transaction>()
  readonly #byProducer = new Map<number, Transaction>()

  get size(): number {
    return this.#byId.size
  }

  get(transactionalId: string): Transaction | undefined {
    return this.#byId.get(transactionalId)
  }

  [Symbol.iterator](): IterableIterator<Transaction> {
    return this.#byId.values()
  }

  add(transactionalId: string, state: StoredTransaction): Transaction {
    const transaction = new Transaction(transactionalId, state)
    this.#byId.set(transactionalId, transaction)
    this.#byProducer.set(state.producerId, transaction)
    return transaction
  }

  /** What was stored holds from now on. */
  update(transaction: Transaction, state: StoredTransaction): void {
    if (transaction.state.producerId !== state.producerId) this.#forgetProducer(transaction)
    transaction.state = state
    this.#byProducer.set(state.producerId, transaction)
  }

  remove(transaction: Transaction): void {
    transaction.isGone = true
    this.#byId.delete(transaction.transactionalId)
    this.#forgetProducer(transaction)
  }

  /**
   * Lets a batch of a transaction pass, at the cost of three look-ups.
   * @throws INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE, TRANSACTION_ABORTABLE
   */
  requireOpen(producerId: number, producerEpoch: number, topic: string, partition: number): void {
    const transaction = this.#byProducer.get(producerId)
    if (transaction === undefined || !isBegun(transaction.state)) {
      throw new HoldfastError('INVALID_PRODUCER_ID_MAPPING', `Producer ${producerId} has no transactional id.`)
    }
    const { transactionalId, state, isEnding } = transaction
    if (producerEpoch !== state.producerEpoch) {
      throw new HoldfastError(
        'INVALID_PRODUCER_EPOCH',
        `Producer ${producerId} of ${transactionalId} wrote with epoch ${producerEpoch}; the current one is ${state.producerEpoch}.`,
      )
    }
    if (isEnding || isPrepared(state)) {
      throw new HoldfastError('INVALID_TXN_STATE', `The transaction of ${transactionalId} is being ended.`)
    }
    if (state.status === 'Ongoing' && hasPartition(state.partitions, topic, partition)) return
    throw new HoldfastError(
      'TRANSACTION_ABORTABLE',
      `${topic}-${partition} was not added to the transaction of ${transactionalId}.`,
    )
  }

  #forgetProducer(transaction: Transaction): void {
    const { producerId } = transaction.state
    if (this.#byProducer.get(producerId) === transaction) this.#byProducer.delete(producerId)
  }
}
