/**
 * The library's face: what `open` gives. It speaks to its broker through the BrokerService contract alone, so the same
 * code runs on a broker in this process and on one across a wire.
 */

import type { BrokerService, MessagePlace } from '../broker/contract.js'
import { type Clock, systemClock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { type Logger, silentLogger } from '../core/logger.js'
import type { MetricsRegistry } from '../core/metrics/registry.js'
import { type Randomness, systemRandomness } from '../core/randomness.js'
import { maxInt32 } from '../records/format.js'
import type { BackupOptions, BackupReport } from '../storage/backup/store-backup.js'
import { checkName, checkOptions, refuse, wholeNumber } from './arguments.js'
import { cancelWith } from './cancelling.js'
import { type Compression, checkCompression } from './compressing.js'
import {
  type ConsumeOptions,
  checkTopics,
  type GroupConsumeOptions,
  groupOptions,
  type OffsetConsumeOptions,
  offsetOptions,
} from './consume-options.js'
import {
  type AtOptions,
  type FindOptions,
  type FindTarget,
  findMessages,
  type GetTarget,
  getMessage,
  messageIdAt,
  messagesAt,
} from './finding.js'
import { GroupSource } from './group-source.js'
import { GroupsClient } from './groups.js'
import { LogSource } from './log-source.js'
import { type Message, type MessageInput, type Receipt, shown } from './message.js'
import { type MessageSource, MessageStream } from './message-stream.js'
import { Producer } from './producer.js'
import { type ReadOptions, readMessages } from './reading.js'
import { ManySends, PendingSend } from './sending.js'
import { TopicsClient } from './topics.js'
import { type Transaction, type TransactionOptions, Transactions } from './transaction.js'

export type { ConsumeOptions, GroupConsumeOptions, OffsetConsumeOptions } from './consume-options.js'
export type { AtOptions, FindBound, FindOptions, FindTarget, GetTarget } from './finding.js'
export type { Message, MessageInput, Receipt } from './message.js'
export type { MessageStream } from './message-stream.js'
export type { ReadOptions } from './reading.js'
export type { StartPosition } from './start-offset.js'

export interface ClientOptions {
  /** Silent where absent. */
  readonly logger?: Logger
  /** How other members and administrators see this client; `holdfast` where absent. */
  readonly clientId?: string
  /** How batches are packed, where their topic does not say it (`compression.type`); with `auto` where it pays. */
  readonly compression?: Compression
  /** Bytes of messages that are gathered or on their way at most, 64 MiB where absent; past it a send waits. */
  readonly maxBufferedBytes?: number
  /**
   * How long a batch that is not full waits for more messages, in milliseconds; 0 where absent: it goes as soon as the
   * one before it is acknowledged. A longer wait costs each message that time, and saves flushes where senders do not
   * overlap by themselves.
   */
  readonly lingerMs?: number
  /** Bytes at which a batch closes, 128 KiB where absent. A larger message goes alone, where the topic takes it. */
  readonly batchBytes?: number
  /** How often it is looked whether topics have gained partitions; 30 s where absent. */
  readonly metadataRefreshMs?: number
}

/** What a Queue is built with; the clock and the dice can be replaced. */
export interface QueueOptions extends ClientOptions {
  readonly clock?: Clock
  readonly randomness?: Randomness
  readonly metrics?: MetricsRegistry
}

export const clientOptionNames = [
  'logger',
  'clientId',
  'compression',
  'maxBufferedBytes',
  'lingerMs',
  'batchBytes',
  'metadataRefreshMs',
]

export interface SendOptions {
  /** Ends the waiting with `signal.reason`. What is in a batch by then is written nevertheless. */
  readonly signal?: AbortSignal
  /**
   * `sync` waits for stable storage, also where the topic's flush policy acknowledges earlier (ASYNC_FLUSH). Messages
   * that share its batch wait with it. Refused (INVALID_ARGUMENT) across a wire, where nobody could be asked for it.
   */
  readonly flush?: 'sync'
}

/** A poll of the log waits so long for messages before it asks again. */
const pollMs = 5000
const mib = 1024 * 1024
/** An hour: more is taken for a slip of the pen. */
const longestLingerMs = 3_600_000

export class Queue implements AsyncDisposable {
  /** Create, list, describe and delete topics. */
  readonly topics: TopicsClient
  /** List, describe and delete consumer groups, and see how far behind they are. */
  readonly groups: GroupsClient
  /**
   * What was counted, as text for Prometheus or as plain numbers; undefined unless the queue was opened with `metrics`.
   *
   *     const mq = await open('./data', { metrics: true })
   *     response.end(await mq.metrics?.text())
   */
  readonly metrics: Pick<MetricsRegistry, 'text' | 'contentType' | 'snapshot'> | undefined
  readonly #closeMetrics: () => void
  readonly #service: BrokerService
  readonly #producer: Producer
  readonly #transactions: Transactions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #clientId: string
  readonly #metadataRefreshMs: number
  readonly #streams = new Set<MessageStream<Message>>()
  #closing: Promise<void> | undefined

  /** The service belongs to the queue from here on: it is closed with it. @throws INVALID_ARGUMENT */
  constructor(service: BrokerService, options: QueueOptions = {}) {
    checkOptions('Queue', options, [...clientOptionNames, 'clock', 'randomness', 'metrics'])
    const { metrics } = options
    this.metrics = metrics
    this.#closeMetrics = () => metrics?.close()
    this.#service = service
    this.#clock = options.clock ?? systemClock
    this.#logger = options.logger ?? silentLogger
    this.#clientId = options.clientId === undefined ? 'holdfast' : checkName('Queue', 'clientId', options.clientId)
    this.#metadataRefreshMs = wholeNumber('Queue', 'metadataRefreshMs', options.metadataRefreshMs, {
      fallback: 30_000,
      min: 1,
    })
    const producing = {
      clock: this.#clock,
      randomness: options.randomness ?? systemRandomness,
      compression: checkCompression(options.compression),
      maxBufferedBytes: wholeNumber('Queue', 'maxBufferedBytes', options.maxBufferedBytes, {
        fallback: 64 * mib,
        min: 1,
      }),
      batchBytes: wholeNumber('Queue', 'batchBytes', options.batchBytes, {
        fallback: 128 * 1024,
        min: 1,
        max: maxInt32,
      }),
      lingerMs: wholeNumber('Queue', 'lingerMs', options.lingerMs, { fallback: 0, max: longestLingerMs }),
      metadataRefreshMs: this.#metadataRefreshMs,
    }
    this.#producer = new Producer({ ...producing, service })
    this.#transactions = new Transactions(service, producing)
    this.topics = new TopicsClient(service, (topic) => this.#producer.forget(topic))
    this.groups = new GroupsClient(service)
  }

  /**
   * Sends one message. Resolves when the topic's flush policy acknowledges it: by default, when it is on the disk.
   * Sends that are under way at the same time share batches and flushes, so many at once are fast; messages for one
   * partition keep the order of the calls. Where the buffers are full the send waits.
   *
   *     const { partition, offset } = await mq.send('orders', { key: 'o-1', value: JSON.stringify({ qty: 2 }) })
   *
   * @throws MESSAGE_TOO_LARGE, UNKNOWN_TOPIC_OR_PARTITION, INVALID_ARGUMENT, INVALID_TIMESTAMP, CLOSED; DISK_FULL and
   * LOG_FAILED until the log has been recovered; FLUSH_DISK_TIMEOUT, after which the message may be stored or not
   */
  send(topic: string, message: MessageInput, options?: SendOptions): Promise<Receipt> {
    const pending = new PendingSend(options?.flush === 'sync')
    if (options !== undefined && !this.#mayBegin(options, pending)) return pending.promise
    this.#producer.submit(topic, message, pending)
    return pending.promise
  }

  /**
   * Sends many messages behind one promise; the receipts come in the order of the messages. It is no transaction:
   * where some are refused it rejects with a SendManyError that tells for each what became of it.
   *
   *     const receipts = await mq.sendMany('orders', [{ value: 'a' }, { value: 'b' }])
   *
   * @throws SendManyError, with the code of the first refusal
   */
  sendMany(topic: string, messages: readonly MessageInput[], options?: SendOptions): Promise<Receipt[]> {
    if (!Array.isArray(messages)) {
      const why = `sendMany: the messages are ${shown(messages)}; they must be a list.`
      return Promise.reject(new HoldfastError('INVALID_ARGUMENT', why))
    }
    const many = new ManySends(messages.length, options?.flush === 'sync')
    if (options !== undefined && !this.#mayBegin(options, many)) return many.promise
    this.#producer.submitMany(topic, messages, many)
    return many.promise
  }

  /**
   * Does `work` in a transaction: what it sends, and the offsets that it commits for groups, hold together once it is
   * done, or not at all where it throws. `id` names the producer over restarts: whoever begins a transaction under it
   * aborts what an earlier holder left open, and fences it. Transactions of one id come one after the other.
   *
   *     for await (const message of mq.consume('orders', { group: 'billing' })) {
   *       await mq.transaction('billing-1', async (tx) => {
   *         await tx.send('invoices', { value: invoiceFor(message) })
   *         await tx.commitOffsets('billing', [message])
   *       })
   *     }
   *
   * @throws what `work` throws, and what a step was refused with; PRODUCER_FENCED where another holder has taken over or
   * the transaction took longer than its timeout; INVALID_TRANSACTION_TIMEOUT, INVALID_ARGUMENT, CLOSED
   */
  transaction<T>(id: string, work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    return this.#transactions.run(id, work, options)
  }

  /**
   * Messages to iterate over. In a group, the members share the partitions and {@link Message.ack} says what is done:
   *
   *     for await (const message of mq.consume('orders', { group: 'billing' })) {
   *       await bill(message.json())
   *       await message.ack()
   *     }
   *
   * Without a group, by offset; with `follow: false` up to where the log ended at the start:
   *
   *     for await (const message of mq.consume('orders', { from: 'earliest', follow: false })) show(message)
   *
   * With `tags: 'tagA || tagB'` those alone that were sent with one of these tags. Leaving the loop leaves the group. The iteration throws what makes it impossible to go on, and `signal.reason`.
   * @throws INVALID_ARGUMENT, at once
   */
  consume(topics: string | readonly string[], options: ConsumeOptions = {}): MessageStream<Message> {
    const names = checkTopics(topics)
    if (this.#closing !== undefined) throw new HoldfastError('CLOSED', 'The queue is closed.')
    const source = isGroup(options) ? this.#groupSource(names, options) : this.#logSource(names, options)
    const stream: MessageStream<Message> = new MessageStream(source, {
      signal: options.signal,
      onClosed: (closed) => this.#streams.delete(closed),
    })
    this.#streams.add(stream)
    return stream
  }

  /**
   * Reads what is there, `limit` messages at most, and waits for no more.
   *
   *     const today = await mq.read('orders', { partition: 0, time: new Date('2026-11-22'), limit: 1000 })
   *
   * @throws UNKNOWN_TOPIC_OR_PARTITION, OFFSET_OUT_OF_RANGE, INVALID_ARGUMENT
   */
  read(topic: string, options: ReadOptions = {}): Promise<Message[]> {
    return readMessages(this.#service, topic, options)
  }

  /**
   * The newest messages with a key, their own or one of their `keys`, or with the id that they were sent with; what is not committed is not found. The topic
   * keeps an index for it: `key.index.enable=true`. In each partition the newest comes first; of several partitions the one
   * with the later time.
   *
   *     const [last] = await mq.find('orders', { key: 'o-1' }, { limit: 1 })
   *     const today = await mq.find('orders', { key: 'o-1' }, { from: { time: new Date('2026-11-22') } })
   *     const [sent] = await mq.find('orders', { id: '7d0c' })
   *
   * @throws KEY_INDEX_OFF, UNKNOWN_TOPIC_OR_PARTITION, INVALID_ARGUMENT; UNSUPPORTED_OVER_WIRE where the broker is elsewhere
   */
  find(topic: string, target: FindTarget, options?: FindOptions): Promise<Message[]> {
    return findMessages(this.#service, topic, target, options)
  }

  /**
   * The first message of each partition whose time is `time` or later, and with `limit` those that follow it; in the order
   * of the partitions.
   *
   *     const first = await mq.at('orders', new Date('2026-11-22T09:00:00Z'), { partition: 0 })
   *
   * @throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_ARGUMENT
   */
  at(topic: string, time: number | Date, options?: AtOptions): Promise<Message[]> {
    return messagesAt(this.#service, topic, time, options)
  }

  /**
   * The message that lies at an offset, as a receipt or another message names it, or the newest one that was sent with an
   * id, as {@link find} finds it; undefined where there is none, or none any more.
   *
   *     const message = await mq.get(await mq.send('orders', { value: 'two apples' }))
   *     const sent = await mq.get({ topic: 'orders', id: '7d0c' })
   *
   * A text is RocketMQ's own id of a message, which {@link messageId} tells, and RocketMQ's clients do.
   *
   * @throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_ARGUMENT; for an id what `find` throws; UNSUPPORTED_OVER_WIRE for a message
   * id where the broker is elsewhere
   */
  get(target: GetTarget): Promise<Message | undefined> {
    return getMessage(this.#service, target)
  }

  /**
   * The id that RocketMQ gives the message at a place: its broker's address and where it lies in the commit log, in
   * hexadecimal. Undefined where there is none, and in topics of the layout `segments`.
   *
   *     const id = await mq.messageId(await mq.send('orders', { value: 'two apples' }))
   *
   * @throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_ARGUMENT; UNSUPPORTED_OVER_WIRE where the broker is elsewhere
   */
  messageId(place: MessagePlace): Promise<string | undefined> {
    return messageIdAt(this.#service, place)
  }

  /**
   * Takes a backup of everything while the queue goes on: a generation in `target`, a directory that is made where it does
   * not exist. The second time only what is new is copied. {@link restore} makes a folder of it again.
   * @throws INVALID_ARGUMENT across a wire, and for a target inside the folder; BACKUP_DAMAGED, DISK_FULL
   */
  async backup(target: string, options: BackupOptions = {}): Promise<BackupReport> {
    checkOptions('backup', options, ['link', 'keep', 'onProgress', 'signal'])
    checkName('backup', 'target', target)
    if (this.#service.backup === undefined)
      return refuse(
        'backup: a broker elsewhere backs up its own folder: "holdfast backup TARGET --data DIR" on its machine.',
      )
    return this.#service.backup(target, options)
  }

  /** Ends the consumers, waits for the sends that are under way, and closes what the queue stands on. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    try {
      await Promise.allSettled([...this.#streams].map((stream) => stream.close()))
      await Promise.all([this.#producer.close(), this.#transactions.close()])
    } finally {
      await this.#service.close().finally(this.#closeMetrics)
    }
  }

  #logSource(topics: readonly string[], options: OffsetConsumeOptions): MessageSource<Message> {
    return new LogSource({
      ...offsetOptions(options),
      service: this.#service,
      clock: this.#clock,
      topics,
      maxWaitMs: pollMs,
      metadataRefreshMs: this.#metadataRefreshMs,
    })
  }

  #groupSource(topics: readonly string[], options: GroupConsumeOptions): MessageSource<Message> {
    return new GroupSource({
      ...groupOptions(options),
      service: this.#service,
      clock: this.#clock,
      logger: this.#logger,
      clientId: this.#clientId,
      topics,
      maxWaitMs: pollMs,
      metadataRefreshMs: this.#metadataRefreshMs,
    })
  }

  #checkFlush(flush: unknown): void {
    if (flush === undefined) return
    if (flush !== 'sync') refuse(`send: flush is ${shown(flush)}; it must be 'sync', or absent.`)
    if (this.#service.flushesOnDemand !== true) {
      refuse("send: flush: 'sync' is refused: the protocol to this broker cannot ask for it; set the topic's policy.")
    }
  }

  /** Binds what waits to the signal. False where it is refused already. */
  #mayBegin(options: SendOptions, pending: PendingSend | ManySends): boolean {
    try {
      checkOptions('send', options, ['signal', 'flush'])
      this.#checkFlush(options.flush)
      options.signal?.throwIfAborted()
    } catch (error) {
      pending.cancel(error)
      return false
    }
    if (options.signal !== undefined) cancelWith(options.signal, pending)
    return true
  }
}

function isGroup(options: ConsumeOptions): options is GroupConsumeOptions {
  return options.group !== undefined
}
