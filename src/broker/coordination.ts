/**
 * The two coordinators of a broker, that of groups and that of transactions, with what they need of the store and of each
 * other: a transaction commits offsets of groups, and its markers end what it wrote, in topics and for groups.
 */

import type { Clock } from '../core/clock.js'
import { asHoldfastError, HoldfastError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { Metrics } from '../core/metrics/metrics.js'
import type { Randomness } from '../core/randomness.js'
import type { Disk } from '../files/disk.js'
import type { RecordBatch } from '../records/batch.js'
import { type InternalTopicName, offsetsTopicName, transactionsTopicName } from '../storage/internal-topics.js'
import type { MessageStore } from '../storage/message-store.js'
import type { TransactionMarker } from '../storage/partition-log.js'
import type { InitProducerRequest, ProducerIdentity, TopicPartition } from './contract.js'
import { assertEnough } from './enough-replicas.js'
import { flushWithin } from './flush-within.js'
import { GroupCoordinator } from './groups/coordinator.js'
import { type InternalTopic, unavailable } from './internal-log.js'
import { OffsetExchange } from './offset-exchange.js'
import type { ProducerIds } from './producer-ids.js'
import type { BrokerReplication } from './replication.js'
import { type Topics, unknownTopic } from './topics.js'
import type { TransactionalCommitRequest, TransactionalProducer } from './transactions/contract.js'
import { TransactionCoordinator } from './transactions/coordinator.js'
import { nextCoordinatorEpoch } from './transactions/coordinator-epoch.js'

export interface CoordinationOptions {
  readonly store: MessageStore
  readonly topics: Topics
  readonly producerIds: ProducerIds
  readonly replication?: BrokerReplication
  readonly clock: Clock
  readonly randomness: Randomness
  readonly disk: Disk
  readonly logger: Logger
  readonly metrics?: Metrics
}

export class Coordination {
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly #options: CoordinationOptions
  readonly #exchange: OffsetExchange
  readonly #stopExchanging: () => void

  constructor(options: CoordinationOptions) {
    this.#options = options
    const { store, producerIds, clock, randomness, disk, logger, metrics } = options
    const { settings } = store
    this.groups = new GroupCoordinator({
      clock,
      randomness,
      logger,
      metrics,
      settings,
      openOffsetsTopic: (create) => this.#openTopic(offsetsTopicName, create),
      topicExists: (name) => store.topic(name) !== undefined,
      onOffsetsChanged: (groupId) => this.#exchange.noteChange(groupId),
    })
    this.#exchange = new OffsetExchange({ store, groups: this.groups, disk, clock, logger })
    this.#stopExchanging = store.addChore(this.#exchange.chore())
    this.transactions = new TransactionCoordinator({
      clock,
      logger,
      settings,
      openTransactionTopic: (create) => this.#openTopic(transactionsTopicName, create),
      nextEpoch: (greaterThan) =>
        nextCoordinatorEpoch(disk, store.configPath, Math.max(greaterThan, this.#greatestCoordinatorEpoch())),
      takeProducerId: () => producerIds.take(),
      writeMarker: (place, marker) => this.writeMarker(place, marker),
      makeDurable: (place) => this.#makeDurable(place),
    })
  }

  /**
   * Reads both back beside the first requests, which wait for it as far as they need it, but for what groups committed to
   * RocketMQ, which is here when this resolves.
   * @throws what {@link OffsetExchange.start} throws
   */
  async start(): Promise<void> {
    const { logger } = this.#options
    this.groups
      .start()
      .catch((err: unknown) =>
        logger.error({ err }, 'The consumer groups could not be read; requests on them are refused.'),
      )
    this.transactions
      .ready()
      .catch((err: unknown) =>
        logger.error({ err }, 'The transactions could not be read; requests on them are refused.'),
      )
    await this.#exchange.start()
  }

  /** Transactions first: what they are about to end goes through the groups. */
  async close(): Promise<void> {
    this.#stopExchanging()
    await this.transactions.close()
    await this.groups.close()
    await this.#exchange.close()
  }

  /** The partition of a topic exists. */
  exists({ topic, partition }: TopicPartition): boolean {
    return this.#options.store.log(topic, partition) !== undefined
  }

  initProducer(
    transactionalId: string,
    { transactionTimeoutMs = 60_000, producerId, producerEpoch }: Omit<InitProducerRequest, 'transactionalId'>,
  ): Promise<ProducerIdentity> {
    const expected = producerId === -1 ? undefined : { producerId, producerEpoch }
    return this.transactions.initProducer(transactionalId, transactionTimeoutMs, expected)
  }

  async addPartitions(
    producer: TransactionalProducer,
    places: readonly TopicPartition[],
  ): Promise<readonly (HoldfastError | undefined)[]> {
    if (!places.every((place) => this.exists(place))) {
      return places.map((place) => {
        const code = this.exists(place) ? 'OPERATION_NOT_ATTEMPTED' : 'UNKNOWN_TOPIC_OR_PARTITION'
        return new HoldfastError(code)
      })
    }
    await this.transactions.addPartitions(producer, places)
    return places.map(() => undefined)
  }

  async addOffsets(producer: TransactionalProducer, groupId: string): Promise<void> {
    const partition = await this.groups.partitionOf(groupId)
    await this.transactions.addPartitions(producer, [{ topic: offsetsTopicName, partition }])
  }

  async commitOffsets(request: TransactionalCommitRequest): Promise<readonly (HoldfastError | undefined)[]> {
    await this.transactions.ready()
    const { producerId, producerEpoch } = request
    return this.groups.commitTransactionalOffsets(request, (partition) =>
      this.transactions.requireOpen(producerId, producerEpoch, { topic: offsetsTopicName, partition }),
    )
  }

  /** Lets a batch of a transaction pass. @throws what {@link TransactionCoordinator.requireOpen} throws */
  requireOpen({ producerId, producerEpoch }: RecordBatch, place: TopicPartition): void {
    this.transactions.requireOpen(producerId, producerEpoch, place)
  }

  /**
   * Writes a marker that somebody else has decided on. The epoch of a coordinator that never was would keep the real one
   * from writing there.
   * @throws INVALID_REQUEST where it is greater than any that is known
   */
  async writeForeignMarker(place: TopicPartition, marker: TransactionMarker): Promise<void> {
    await this.transactions.ready()
    const greatest = Math.max(0, this.transactions.epoch, this.#greatestCoordinatorEpoch())
    if (marker.coordinatorEpoch > greatest) {
      const why = `There was no transaction coordinator of epoch ${marker.coordinatorEpoch} yet; the last one is ${greatest}.`
      throw new HoldfastError('INVALID_REQUEST', why)
    }
    await this.writeMarker(place, marker)
  }

  /** Resolves when the marker is on the disk, or there is no such partition any more. */
  async writeMarker({ topic, partition }: TopicPartition, marker: TransactionMarker): Promise<void> {
    const log = this.#options.store.log(topic, partition)
    if (log === undefined) return
    if (topic === offsetsTopicName) await this.groups.endTransaction(partition, marker)
    else await log.endTransaction(marker).acknowledged
    // A marker that a power cut took would leave its transaction open for good, once it is stored as complete.
    await this.#makeDurable({ topic, partition })
  }

  /** Of the markers in all logs: a directory may come from a Kafka, or have lost the file that counts. */
  #greatestCoordinatorEpoch(): number {
    const { store } = this.#options
    let greatest = -1
    for (const { name, partitions } of store.topics()) {
      for (let partition = 0; partition < partitions; partition++) {
        for (const { coordinatorEpoch } of store.log(name, partition)?.activeProducers() ?? []) {
          greatest = Math.max(greatest, coordinatorEpoch)
        }
      }
    }
    return greatest
  }

  async #makeDurable({ topic, partition }: TopicPartition): Promise<void> {
    const { store, clock } = this.#options
    const log = store.log(topic, partition)
    if (log === undefined || log.durableOffset >= log.highWatermark) return
    try {
      await flushWithin(log, clock, store.settings['flush.commitlog.timeout'])
    } catch (error) {
      throw unavailable(asHoldfastError(error), `${topic}-${partition} could not be flushed: ${String(error)}`)
    }
  }

  async #openTopic(name: InternalTopicName, create: boolean): Promise<InternalTopic | undefined> {
    const { topics, store, replication } = this.#options
    const topic = await topics.internalTopic(name, create)
    if (topic === undefined) return undefined
    const log = (partition: number) => {
      const found = store.log(name, partition)
      if (found === undefined) throw unknownTopic(name)
      return found
    }
    if (replication === undefined) return { partitionCount: topic.partitions, log }
    return {
      partitionCount: topic.partitions,
      log,
      assertEnough: (code) => assertEnough(replication, name, topics.settingsOf(store.topic(name) ?? topic), code),
    }
  }
}
