/** Transactions of the library: messages to any topics, and how far groups have read, that hold together or not at all. */

import type { BrokerService } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import { Mutex } from '../core/mutex.js'
import { checkName, checkOptions, refuse, wholeNumber } from './arguments.js'
import { type Message, type MessageInput, type Receipt, shown } from './message.js'
import type { ProducerOptions } from './producer.js'
import { ManySends, PendingSend } from './sending.js'
import { TransactionalProducer } from './transactional-producer.js'

export interface TransactionOptions {
  /** A transaction that takes longer is aborted by the broker, 60 s where absent. Of the id's first transaction here. */
  readonly timeoutMs?: number
}

/** What can be done in a transaction, until the function that got it has ended. */
export interface Transaction {
  /** Sends one message; readers see it when the transaction is committed. */
  send(topic: string, message: MessageInput): Promise<Receipt>
  /** Sends many messages behind one promise, as {@link Queue.sendMany}. */
  sendMany(topic: string, messages: readonly MessageInput[]): Promise<Receipt[]>
  /** The group goes on behind these messages, once the transaction is committed. They are not acknowledged besides. */
  commitOffsets(group: string, messages: readonly Pick<Message, 'topic' | 'partition' | 'offset'>[]): Promise<void>
}

interface Holder {
  readonly producer: TransactionalProducer
  readonly turn: Mutex
}

export class Transactions {
  readonly #service: BrokerService
  readonly #options: Omit<ProducerOptions, 'service'>
  readonly #holders = new Map<string, Holder>()
  readonly #running = new Set<Promise<unknown>>()
  #isClosed = false

  constructor(service: BrokerService, options: Omit<ProducerOptions, 'service'>) {
    this.#service = service
    this.#options = options
  }

  run<T>(
    transactionalId: string,
    work: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    const ran = this.#run(transactionalId, work, options)
    this.#running.add(ran)
    const settled = (): void => {
      this.#running.delete(ran)
    }
    ran.then(settled, settled)
    return ran
  }

  /** Refuses new ones, and waits for those that run. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#running)
    await Promise.all([...this.#holders.values()].map(({ producer }) => producer.producer.close()))
  }

  async #run<T>(
    transactionalId: string,
    work: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions,
  ): Promise<T> {
    checkName('transaction', 'id', transactionalId)
    checkOptions('transaction', options, ['timeoutMs'])
    const timeoutMs = wholeNumber('transaction', 'timeoutMs', options.timeoutMs, { fallback: 60_000, min: 1 })
    if (typeof work !== 'function') refuse(`transaction: the work is ${shown(work)}; it must be a function.`)
    if (this.#isClosed) throw new HoldfastError('CLOSED', 'The queue is closed; it begins no more transactions.')
    let holder = this.#holders.get(transactionalId)
    if (holder === undefined) {
      const producer = new TransactionalProducer(this.#service, transactionalId, timeoutMs, this.#options)
      holder = { producer, turn: new Mutex() }
      this.#holders.set(transactionalId, holder)
    }
    const { producer, turn } = holder
    return turn.run(() => runOne(producer, work))
  }
}

async function runOne<T>(producer: TransactionalProducer, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  await producer.begin()
  const steps = new Steps(producer)
  try {
    const result = await work(steps)
    await steps.end()
    await producer.commit()
    return result
  } catch (error) {
    await steps.end().catch(() => {})
    // Where that fails too the next transaction of the id, or its time-out, aborts it.
    await producer.abort().catch(() => {})
    throw error
  }
}

class Steps implements Transaction {
  readonly #producer: TransactionalProducer
  readonly #steps: Promise<unknown>[] = []
  #isEnded = false

  constructor(producer: TransactionalProducer) {
    this.#producer = producer
  }

  send(topic: string, message: MessageInput): Promise<Receipt> {
    return this.#step(() => {
      const pending = new PendingSend(false)
      this.#producer.producer.submit(topic, message, pending)
      return pending.promise
    })
  }

  sendMany(topic: string, messages: readonly MessageInput[]): Promise<Receipt[]> {
    return this.#step(() => {
      if (!Array.isArray(messages)) refuse(`sendMany: the messages are ${shown(messages)}; they must be a list.`)
      const many = new ManySends(messages.length, false)
      this.#producer.producer.submitMany(topic, messages, many)
      return many.promise
    })
  }

  commitOffsets(group: string, messages: readonly Pick<Message, 'topic' | 'partition' | 'offset'>[]): Promise<void> {
    return this.#step(() => {
      checkName('commitOffsets', 'group', group)
      const next = new Map<string, { topic: string; partition: number; offset: number }>()
      for (const { topic, partition, offset } of messages) {
        const key = `${partition} ${topic}`
        if (offset >= (next.get(key)?.offset ?? 0)) next.set(key, { topic, partition, offset: offset + 1 })
      }
      return this.#producer.commitOffsets(group, [...next.values()])
    })
  }

  /** Nothing more is taken; rejects where a step failed, awaited by the work or not. */
  async end(): Promise<void> {
    this.#isEnded = true
    await Promise.allSettled(this.#steps)
    await Promise.all(this.#steps)
  }

  async #step<T>(run: () => Promise<T>): Promise<T> {
    if (this.#isEnded) throw new HoldfastError('INVALID_TXN_STATE', 'The transaction has ended; begin another.')
    const step = Promise.resolve().then(run)
    this.#steps.push(step)
    return step
  }
}
