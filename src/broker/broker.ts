/**
 * The broker: what a queue is, over one message store and free of any wire. It checks what comes from outside, hands
 * batches to the logs, answers reads, and coordinates groups.
 */

import { type Clock, systemClock } from '../core/clock.js'
import { asHoldfastError, HoldfastError } from '../core/errors.js'
import { controllerOfMany, Lifecycle } from '../core/lifecycle.js'
import { type Logger, silentLogger } from '../core/logger.js'
import { type Metrics, noMetrics } from '../core/metrics/metrics.js'
import { type Randomness, systemRandomness } from '../core/randomness.js'
import { resolveSettings, type Settings, type SettingsInput } from '../core/settings.js'
import type { Disk } from '../files/disk.js'
import { nodeDisk } from '../files/node-disk.js'
import type { BackupOptions, BackupReport } from '../storage/backup/store-backup.js'
import type { CompactedPartition } from '../storage/log-cleaner.js'
import { MessageStore } from '../storage/message-store.js'
import type { ActiveProducer, PartitionLog, TransactionMarker } from '../storage/partition-log.js'
import type { RecoveryReport, WatchRecovery } from '../storage/recovery.js'
import type { StoredLogs } from '../storage/stored-logs.js'
import { Appending } from './appending.js'
import { BrokerWatch } from './broker-watch.js'
import type * as contract from './contract.js'
import { CoordinatedBroker } from './coordinated-broker.js'
import { Coordination } from './coordination.js'
import { CopiedIntake } from './copied-intake.js'
import { countingRefusals } from './counting-refusals.js'
import { fetchRecords } from './fetching.js'
import { findMessages } from './finding.js'
import { findOffset } from './finding-offsets.js'
import { watchGroups } from './group-metrics.js'
import { ProducerIds } from './producer-ids.js'
import type { BrokerReplication } from './replication.js'
import { Topics, unknownTopic } from './topics.js'

export interface BrokerOptions extends WatchRecovery {
  /** By name; values or their text form. */
  readonly settings?: SettingsInput
  readonly clock?: Clock
  readonly randomness?: Randomness
  readonly disk?: Disk
  readonly logger?: Logger
  /** Nothing is counted where absent. */
  readonly metrics?: Metrics
}

type Tools = Required<Omit<BrokerOptions, 'settings' | keyof WatchRecovery>>

export class Broker extends CoordinatedBroker implements contract.BrokerService {
  readonly #store: MessageStore
  readonly #topics: Topics
  readonly #tools: Tools
  readonly #producerIds: ProducerIds
  readonly #appending: Appending
  readonly #watch: BrokerWatch
  readonly #stopTelling: () => void
  readonly #lifecycle = new Lifecycle('broker')
  /** Waiting fetches end when the broker closes. */
  readonly #closing = controllerOfMany()
  #closed: Promise<void> | undefined

  private constructor(store: MessageStore, producerIds: ProducerIds, tools: Tools, replication?: BrokerReplication) {
    const topics = new Topics(store, replication)
    super(new CopiedIntake({ store, topics, producerIds }), replication)
    this.#store = store
    this.#topics = topics
    this.#tools = tools
    this.#producerIds = producerIds
    this.#appending = new Appending({
      ...tools,
      topics,
      replication,
      log: ({ topic, partition }) => this.#log(topic, partition),
      settingsOf: (topic) => this.#topicSettings(topic),
      coordination: () => this.coordination,
      assertTakes: () => this.#assertLeads(),
    })
    this.#watch = new BrokerWatch(tools.metrics, tools.clock)
    this.#stopTelling = watchGroups(tools.metrics, {
      all: () => this.groups,
      log: (topic, partition) => store.log(topic, partition),
    })
    this.#lifecycle.to('open')
  }

  /**
   * Opens the data directory, recovering it where it was not closed in order.
   * @throws DATA_DIR_LOCKED, DATA_DIR_NEWER, DATA_DIR_DAMAGED, DATA_DIR_READ_ONLY, INVALID_SETTING
   */
  static async open(path: string, options: BrokerOptions = {}): Promise<Broker> {
    const tools = toolsOf(options)
    const store = await MessageStore.open(path, { ...options, ...tools, settings: resolveSettings(options.settings) })
    try {
      const broker = new Broker(store, await ProducerIds.load(tools.disk, store.configPath), tools)
      await broker.lead()
      return countingRefusals(broker, tools.metrics)
    } catch (error) {
      await store.close()
      throw error
    }
  }

  /**
   * A broker over a store that is open, which it closes with itself, and of which other nodes hold copies. It neither
   * coordinates nor takes anything before it is told to {@link lead}. @throws DATA_DIR_DAMAGED
   */
  static async over(store: MessageStore, replication: BrokerReplication, options: BrokerOptions = {}): Promise<Broker> {
    const tools = toolsOf(options)
    const producerIds = await ProducerIds.load(tools.disk, store.configPath, store.nodeId)
    return countingRefusals(new Broker(store, producerIds, tools, replication), tools.metrics)
  }

  /** What the opening read, cut and made anew. */
  get recovery(): RecoveryReport {
    return this.#store.recovery
  }

  /** The files of its logs, to be looked at. */
  get stored(): StoredLogs {
    return this.#store.stored
  }

  get clusterId(): string {
    return this.replication?.describe().clusterId ?? this.#store.clusterId
  }

  get nodeId(): number {
    return this.#store.nodeId
  }

  get settings(): Settings {
    return this.#store.settings
  }

  logDirectory(): ReturnType<MessageStore['logDirectory']> {
    return this.#store.logDirectory()
  }

  /** The name of the topic that has this id. */
  topicName(id: Uint8Array): string | undefined {
    return this.#store.topicOfId(id)?.name
  }

  topicId(name: string): Buffer | undefined {
    return this.#store.topic(name)?.id
  }

  get idHeader(): string {
    return this.settings['key.index.id.header']
  }

  get flushesOnDemand(): boolean {
    return true
  }

  produce(request: contract.ProduceRequest): Promise<contract.ProduceResult> {
    return this.#watch.produce(request, () => this.#appending.produce(request))
  }

  fetch(request: contract.FetchRequest): Promise<readonly contract.FetchedPartition[]> {
    return this.#watch.fetch(request, (watched) => this.#fetch(watched))
  }

  async findOffsets(
    lookups: readonly contract.OffsetLookup[],
    isolation: contract.Isolation = 'uncommitted',
  ): Promise<readonly contract.FoundOffset[]> {
    this.#lifecycle.assertOpen()
    return Promise.all(
      lookups.map(async (lookup) => {
        const place = { topic: lookup.topic, partition: lookup.partition }
        try {
          this.#assertReads()
          const log = this.#logAtEpoch(lookup)
          const found = await findOffset(log, lookup.query, isolation)
          return { ...place, ...found, leaderEpoch: this.replication?.leaderEpoch ?? log.leaderEpoch }
        } catch (thrown) {
          return { ...place, error: asHoldfastError(thrown), offset: -1, timestamp: -1, leaderEpoch: -1 }
        }
      }),
    )
  }

  async findMessages(request: contract.FindRequest): Promise<readonly contract.FoundMessage[]> {
    this.#assertReads()
    return findMessages(this.#store, request)
  }

  async placeOfMessage(id: string): Promise<contract.MessagePlace | undefined> {
    this.#assertReads()
    return this.#store.placeOfMessage(id)
  }

  async messageIdOf(place: contract.MessagePlace): Promise<string | undefined> {
    this.#assertReads()
    this.#log(place.topic, place.partition)
    return this.#store.messageIdOf(place)
  }

  async findEpochs(lookups: readonly contract.EpochLookup[]): Promise<readonly contract.FoundEpoch[]> {
    this.#lifecycle.assertOpen()
    return lookups.map((lookup) => {
      const place = { topic: lookup.topic, partition: lookup.partition }
      try {
        this.#assertLeads()
        const found = this.#logAtEpoch(lookup).endOffsetOfEpoch(lookup.epoch)
        return { ...place, ...(found ?? { epoch: -1, endOffset: -1 }) }
      } catch (thrown) {
        return { ...place, error: asHoldfastError(thrown), epoch: -1, endOffset: -1 }
      }
    })
  }

  async describeTopics(
    names: readonly string[] | null,
    options: { create?: boolean } = {},
  ): Promise<readonly contract.TopicDescription[]> {
    this.#lifecycle.assertOpen()
    if (options.create) this.#assertControls()
    const topics = await this.#topics.find(names, options.create ?? false)
    return topics.map((topic) => this.#topics.describe(topic))
  }

  createTopic(topic: contract.TopicToCreate): Promise<contract.TopicDescription> {
    return this.#changing(() => this.#topics.create(topic))
  }

  deleteTopic(name: string): Promise<void> {
    return this.#changing(async () => {
      this.#topics.checkDeletable(name)
      // First, so that a topic which is gone has no offset left that would hold for the next one of its name.
      await this.coordination.groups.forgetTopic(name, false)
      try {
        await this.#topics.delete(name)
      } finally {
        if (this.#store.topic(name) === undefined) await this.#forgetGoneTopic(name)
      }
    })
  }

  createPartitions(name: string, partitions: number, options: { validateOnly?: boolean } = {}): Promise<void> {
    return this.#changing(() => this.#topics.grow(name, partitions, options.validateOnly ?? false))
  }

  alterTopic(name: string, alteration: contract.TopicAlteration): Promise<void> {
    return this.#changing(() => this.#topics.alter(name, alteration))
  }

  alterBroker(alteration: contract.TopicAlteration): Promise<void> {
    return this.#store.alterSettings(alteration)
  }

  async deleteRecords({ topic, partition }: contract.TopicPartition, offset: number): Promise<number> {
    this.#assertLeads()
    if (this.#topics.isInternal(topic)) throw new HoldfastError('POLICY_VIOLATION', `${topic} keeps its records.`)
    const log = this.#logAtEpoch({ topic, partition, currentLeaderEpoch: -1 })
    await log.deleteRecordsBefore(offset === -1 ? log.highWatermark : offset)
    return log.logStartOffset
  }

  async compactTopic(name: string): Promise<readonly CompactedPartition[]> {
    this.#assertLeads()
    return this.#store.compactTopic(name)
  }

  async backup(target: string, options?: BackupOptions): Promise<BackupReport> {
    this.#lifecycle.assertOpen()
    return this.#store.backup(target, options)
  }

  async describeConfig(topic: string | null): Promise<readonly contract.ConfigEntry[]> {
    this.#lifecycle.assertOpen()
    return topic === null ? this.#topics.brokerConfig() : this.#topics.config(topic)
  }

  async initProducer(request: contract.InitProducerRequest): Promise<contract.ProducerIdentity> {
    this.#lifecycle.assertOpen()
    const { transactionalId } = request
    if (transactionalId !== null) return this.coordination.initProducer(transactionalId, request)
    // Any node hands these out, each from numbers of its own.
    return { producerId: await this.#producerIds.take(), producerEpoch: 0 }
  }

  /** Who has written there with a producer id. @throws UNKNOWN_TOPIC_OR_PARTITION */
  activeProducers({ topic, partition }: contract.TopicPartition): readonly ActiveProducer[] {
    this.#assertLeads()
    return this.#log(topic, partition).activeProducers()
  }

  /** Ends a transaction in one partition alone, whatever its coordinator knows of it: for one that hangs. */
  async writeTransactionMarker(place: contract.TopicPartition, marker: TransactionMarker): Promise<void> {
    this.#assertLeads()
    this.#log(place.topic, place.partition)
    await this.coordination.writeForeignMarker(place, marker)
  }

  /** Ends what waits, flushes, and leaves the directory so that the next opening needs no recovery. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#lifecycle.to('closing')
    this.#stopTelling()
    this.#closing.abort()
    await this.endCoordination()
    await this.#store.close()
    this.#lifecycle.to('closed')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #fetch(request: contract.FetchRequest): Promise<readonly contract.FetchedPartition[]> {
    this.#lifecycle.assertOpen()
    const maxBytes = Math.min(request.maxBytes, this.settings['fetch.max.bytes'])
    const lookup = (position: contract.TopicPartition & { currentLeaderEpoch: number }) => {
      this.replication?.assertReads()
      return this.#logAtEpoch(position)
    }
    return fetchRecords({ ...request, maxBytes }, lookup, this.#tools.clock, this.#closing.signal)
  }

  /** What was committed while the topic was deleted. Where the log does not take it now, the next start finds it. */
  async #forgetGoneTopic(name: string): Promise<void> {
    const { logger } = this.#tools
    await this.coordination.groups.forgetTopic(name, true).catch((err: unknown) => {
      logger.warn({ topic: name, err }, 'Offsets that were committed while their topic was deleted are left.')
    })
  }

  protected makeCoordination(): Coordination {
    return new Coordination({
      ...this.#tools,
      store: this.#store,
      topics: this.#topics,
      producerIds: this.#producerIds,
      replication: this.replication,
    })
  }

  /** @throws CLOSED; NOT_LEADER_OR_FOLLOWER */
  #assertLeads(): void {
    this.#lifecycle.assertOpen()
    this.replication?.assertLeads()
  }

  /** What changes topics. @throws CLOSED; NOT_CONTROLLER */
  #assertControls(): void {
    this.#lifecycle.assertOpen()
    this.refuseFollowers('NOT_CONTROLLER')
  }

  async #changing<T>(change: () => Promise<T>): Promise<T> {
    this.#assertControls()
    return this.ledThroughout(change)
  }

  /** What a replica may answer as well. @throws CLOSED; NOT_LEADER_OR_FOLLOWER */
  #assertReads(): void {
    this.#lifecycle.assertOpen()
    this.replication?.assertReads()
  }

  /** While a topic is deleted its logs outlast it: they are not there any more. */
  #log(topic: string, partition: number): PartitionLog {
    if (this.#store.topic(topic) === undefined) throw unknownTopic(topic)
    const log = this.#store.log(topic, partition)
    if (log !== undefined) return log
    throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', `Topic ${topic} has no partition ${partition}.`)
  }

  #logAtEpoch(place: { topic: string; partition: number; currentLeaderEpoch: number }): PartitionLog {
    const log = this.#log(place.topic, place.partition)
    const leaderEpoch = this.replication?.leaderEpoch ?? log.leaderEpoch
    if (place.currentLeaderEpoch < 0 || place.currentLeaderEpoch === leaderEpoch) return log
    const code = place.currentLeaderEpoch < leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH'
    throw new HoldfastError(
      code,
      `${place.topic}-${place.partition} is at leader epoch ${leaderEpoch}, not ${place.currentLeaderEpoch}.`,
    )
  }

  #topicSettings(name: string): Settings {
    const topic = this.#store.topic(name)
    return topic === undefined ? this.settings : this.#topics.settingsOf(topic)
  }
}

function toolsOf(options: BrokerOptions): Tools {
  return {
    clock: options.clock ?? systemClock,
    randomness: options.randomness ?? systemRandomness,
    disk: options.disk ?? nodeDisk,
    logger: options.logger ?? silentLogger,
    metrics: options.metrics ?? noMetrics,
  }
}
