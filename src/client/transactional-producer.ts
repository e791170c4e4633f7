/**
 * The producer of one transactional id: batches that an ordinary producer gathers get its identity and their sequence on
 * the way to the broker, and each partition is added to the transaction before the first of them.
 */

import type { BrokerService, ProduceRequest, ProduceResult, ProducerIdentity } from '../broker/contract.js'
import { invariant } from '../core/invariant.js'
import { sequenceAfter } from '../records/format.js'
import { Producer, type ProducerOptions, type ProducingService } from './producer.js'

interface Place {
  /** Of the next batch; it begins with 0 for each identity. */
  sequence: number
  /** The transaction that the partition was added to, by its number, and when that is done. */
  transaction: number
  added: Promise<void>
}

export class TransactionalProducer implements ProducingService {
  readonly transactionalId: string
  readonly producer: Producer
  readonly #service: BrokerService
  readonly #timeoutMs: number
  #identity: ProducerIdentity | undefined
  #places = new Map<string, Place>()
  #transaction = 0
  /** Something was added to the transaction: it has to be ended. */
  #isOpen = false

  constructor(
    service: BrokerService,
    transactionalId: string,
    timeoutMs: number,
    options: Omit<ProducerOptions, 'service'>,
  ) {
    this.#service = service
    this.transactionalId = transactionalId
    this.#timeoutMs = timeoutMs
    this.producer = new Producer({ ...options, service: this })
  }

  get idHeader(): string | undefined {
    return this.#service.idHeader
  }

  describeTopics(...call: Parameters<BrokerService['describeTopics']>): ReturnType<BrokerService['describeTopics']> {
    return this.#service.describeTopics(...call)
  }

  describeConfig(topic: string | null): ReturnType<BrokerService['describeConfig']> {
    return this.#service.describeConfig(topic)
  }

  /** Takes an identity where it has none: from then on every other holder of the id is fenced. */
  async begin(): Promise<void> {
    this.#transaction++
    this.#isOpen = false
    if (this.#identity !== undefined) return
    const { transactionalId } = this
    const none = { producerId: -1, producerEpoch: -1 }
    const request = { transactionalId, transactionTimeoutMs: this.#timeoutMs, ...none }
    this.#identity = await this.#service.initProducer(request)
    this.#places = new Map()
  }

  /** In the order of the calls for each partition. */
  async produce(request: ProduceRequest): Promise<ProduceResult> {
    const { topic, partition, built } = request
    invariant(built !== undefined, 'a batch of this process is stamped in this process')
    const place = this.#placeOf(topic, partition)
    const { sequence } = place
    place.sequence = sequenceAfter(sequence, built.recordsCount)
    await place.added
    built.stampTransaction({ ...this.#holder, baseSequence: sequence })
    return this.#service.produce({ ...request, transactionalId: this.transactionalId })
  }

  async commitOffsets(groupId: string, offsets: readonly { topic: string; partition: number; offset: number }[]) {
    const producer = { transactionalId: this.transactionalId, ...this.#holder }
    this.#isOpen = true
    await this.#service.addOffsetsToTransaction(producer, groupId)
    const member = { groupId, memberId: '', groupInstanceId: null, generationId: -1 }
    const outcomes = await this.#service.commitTransactionalOffsets({
      ...member,
      ...producer,
      offsets: offsets.map((each) => ({ ...each, leaderEpoch: -1, metadata: '' })),
    })
    for (const refusal of outcomes) if (refusal !== undefined) throw refusal
  }

  async commit(): Promise<void> {
    if (this.#isOpen) await this.#end(true)
  }

  /**
   * What was written does not hold. Whatever went wrong, the next transaction begins with an identity of its own, which
   * aborts what this one could not.
   */
  async abort(): Promise<void> {
    const isOpen = this.#isOpen && this.#identity !== undefined
    try {
      if (isOpen) await this.#end(false)
    } finally {
      this.#identity = undefined
    }
  }

  async #end(commit: boolean): Promise<void> {
    await this.#service.endTransaction({ transactionalId: this.transactionalId, ...this.#holder }, commit)
    this.#isOpen = false
  }

  get #holder(): ProducerIdentity {
    invariant(this.#identity !== undefined, 'a transaction is begun before anything is written in it')
    return this.#identity
  }

  #placeOf(topic: string, partition: number): Place {
    const key = `${partition} ${topic}`
    const known = this.#places.get(key)
    if (known?.transaction === this.#transaction) return known
    const added = this.#add(topic, partition)
    // Every batch that waits for it hears of its failure.
    added.catch(() => {})
    const place = { sequence: known?.sequence ?? 0, transaction: this.#transaction, added }
    this.#places.set(key, place)
    return place
  }

  async #add(topic: string, partition: number): Promise<void> {
    this.#isOpen = true
    const producer = { transactionalId: this.transactionalId, ...this.#holder }
    const [refusal] = await this.#service.addPartitionsToTransaction(producer, [{ topic, partition }])
    if (refusal !== undefined) throw refusal
  }
}
