/**
 * The commit log of a store, and the queues in it as the logs of partitions: opened where there is one or the first topic
 * needs one, so that a store of segments pays nothing for it; what RocketMQ left there is taken over.
 *
 *   store/                    RocketMQ's directory, to the byte; nothing of ours lies in it
 *   store-state/queues        what is known of the queues at one position, so that a start reads little
 *   store-state/aside/        files that could not be used
 *   config/commit-log.json    see commit-log-state.ts
 */

import { join } from 'node:path'
import type { Clock } from '../core/clock.js'
import { readInt64 } from '../core/codec/int64.js'
import { HoldfastError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { Metrics } from '../core/metrics/metrics.js'
import type { Randomness } from '../core/randomness.js'
import type { Settings } from '../core/settings.js'
import type { Disk, DiskLock } from '../files/disk.js'
import { FlushMeter } from '../flush/flush-meter.js'
import type { CommitLogToBackUp } from './backup/commit-log-backup.js'
import type { Chore } from './chores.js'
import { adoptedTopics } from './commit-log-adoption.js'
import { CommitLogRetention, type DeletableCommitLog } from './commit-log-retention.js'
import { CommitLogState } from './commit-log-state.js'
import { CommitLogStore } from './commitlog/commit-log-store.js'
import { cutClosedStore } from './commitlog/cutting-back.js'
import { firstBehind } from './commitlog/deleting.js'
import { storeNames } from './commitlog/format.js'
import { idOfMessage, placeOfMessage, type QueuePlace } from './commitlog/message-ids.js'
import type { QueueLog } from './commitlog/queue-log.js'
import { snapshotForCopy } from './commitlog/snapshot.js'
import { TopicsConfig } from './commitlog/topics-config.js'
import type { DataDirectory } from './data-directory.js'
import { damageOf } from './log/refusals.js'
import type { MessageFinder } from './message-finder.js'
import type { SharedByLogs } from './partition-logs.js'
import type { CommitLogRecovery } from './recovery.js'
import { asidePathOf, snapshotPathOf, storePathOf, storeState } from './store-places.js'
import { settingsOf, type Topic, type TopicCatalog } from './topic-catalog.js'

/** What messages say of the broker that stored them, and their ids begin with: RocketMQ's port, on this machine. */
const host = { address: '127.0.0.1', port: 10911 }

/** How the opening is watched. */
export interface OpeningWatch {
  readonly fullScan?: boolean
  readonly onScanned?: (bytes: number) => void
}

export interface CommitLogsOptions {
  readonly directory: Pick<DataDirectory, 'path' | 'configPath'>
  readonly catalog: TopicCatalog
  readonly shared: SharedByLogs
  readonly settings: Settings
  readonly disk: Disk
  readonly clock: Clock
  readonly randomness: Randomness
  readonly logger: Logger
  readonly metrics: Metrics
}

/** A queue that is to hold no batch which reaches beyond `offset`. */
export interface QueueCut extends Queue {
  readonly offset: number
}

/** A queue by its name. */
interface Queue {
  readonly topic: string
  readonly partition: number
}

interface Opened {
  readonly store: CommitLogStore
  readonly state: CommitLogState
  /** What RocketMQ's broker is told of the topics. */
  readonly config: TopicsConfig
  readonly lock: DiskLock
}

export class CommitLogs {
  readonly #options: CommitLogsOptions
  readonly #path: string
  /** By the catalog's row, which is another one once the topic was altered. */
  readonly #settings = new WeakMap<Topic, Settings>()
  #opened: Opened | undefined

  constructor(options: CommitLogsOptions) {
    this.#options = options
    this.#path = storePathOf(options.directory.path)
  }

  /** Undefined while there is no commit log. */
  get store(): CommitLogStore | undefined {
    return this.#opened?.store
  }

  get(topic: string, partition: number): QueueLog | undefined {
    const isHere = this.#options.catalog.get(topic)?.layout === 'commitlog'
    return isHere ? this.store?.queue(topic, partition) : undefined
  }

  /** What finds messages of a partition by key or id; undefined where the partition is not here. */
  finder(topic: string, partition: number): MessageFinder | undefined {
    return this.get(topic, partition) === undefined ? undefined : this.store?.finder(topic, partition)
  }

  /** Where the message lies that an id of RocketMQ's names; undefined where there is none. */
  async placeOfMessage(id: string): Promise<QueuePlace | undefined> {
    const place = this.store && (await placeOfMessage(this.store, id))
    return place && this.get(place.topic, place.partition) && place
  }

  /** RocketMQ's id of the message at a place; undefined where there is none. */
  async messageIdOf(place: QueuePlace): Promise<string | undefined> {
    const isHere = this.get(place.topic, place.partition) !== undefined
    return isHere ? this.store && idOfMessage(this.store, place) : undefined
  }

  /**
   * Opens the commit log where there is one, with the queues of the catalog's topics, and takes over what else lies in it.
   * @returns what was done; undefined where there is none
   * @throws DATA_DIR_DAMAGED, DATA_DIR_LOCKED
   */
  async open(watch: OpeningWatch): Promise<CommitLogRecovery | undefined> {
    const { disk, clock } = this.#options
    const topics = this.#topics()
    if ((await disk.list(this.#path)) === undefined) {
      if (topics.length === 0) return undefined
      const why = `${this.#path} is missing, and config/topics.json lists topics in it. Is its volume not mounted? No log was touched.`
      throw new HoldfastError('DATA_DIR_DAMAGED', why)
    }
    const began = clock.monotonic()
    const opened = await this.#open(watch)
    const { store } = opened
    await this.#keepWithin(opened)
    await this.#adopt(opened)
    await this.#ensure(this.#topics(), 0)
    return { ...store.report, durationMs: clock.monotonic() - began }
  }

  /**
   * The place behind all messages that a new topic of this name could mistake for its own. Opens the commit log where
   * there is none yet.
   * @throws TOPIC_ALREADY_EXISTS where RocketMQ keeps queues of that name
   */
  async placeForNew(name: string): Promise<number> {
    const { store } = this.#opened ?? (await this.#open({}))
    if (store.queuesOf(name).size > 0) {
      const why = `The commit log holds queues ${name} of RocketMQ, which are no topic here. Choose another name.`
      throw new HoldfastError('TOPIC_ALREADY_EXISTS', why)
    }
    return store.endPosition
  }

  /** Makes the empty queues of a topic from partition `from` on. */
  create(topic: Topic, from: number): Promise<void> {
    return this.#ensure([topic], from)
  }

  async #ensure(topics: readonly Topic[], from: number): Promise<void> {
    for (const { name, partitions } of topics) {
      for (let partition = from; partition < partitions; partition++) this.store?.ensureQueue(name, partition)
    }
    await this.#opened?.config.set(topics.map(({ name, partitions }) => ({ topic: name, queues: partitions })))
  }

  /** Closes and removes a topic's queues from `from` on. Its messages stay in the commit log until their files go. */
  async remove(topic: Topic, from: number): Promise<void> {
    if (this.#opened === undefined) return
    const { store, state, config } = this.#opened
    await (from === 0 ? config.remove(topic.name) : config.set([{ topic: topic.name, queues: from }]))
    await store.removeTopic(topic.name, from)
    if (from > 0) return
    // What was on its way lies before the end; what a log that failed left behind its end, the next start may find.
    if (store.failure === undefined) await store.flush()
    const end = store.failure === undefined ? store.endPosition : Number.MAX_SAFE_INTEGER
    await state.setDeleted(topic.name, end)
  }

  /** Lets the queues of a topic hold to other settings. */
  alter(topic: Topic, settings: Settings): void {
    for (const queue of this.store?.queuesOf(topic.name).values() ?? []) queue.alter(settings)
  }

  async flush(): Promise<void> {
    await this.store?.flush()
  }

  /** Leaves a store that RocketMQ can open, unless it had failed. */
  async close(): Promise<void> {
    const { store, lock } = this.#opened ?? {}
    await store?.close().finally(() => lock?.release())
  }

  /**
   * Cuts the commit log where the first of these batches begins, and opens it anew: all queues end where they did at that
   * place. A crash on the way leaves it whole, or ended anywhere behind the cut.
   */
  async cut(cuts: readonly QueueCut[]): Promise<void> {
    const { disk, settings, shared, directory } = this.#options
    const end = Math.min(...(await Promise.all(cuts.map((cut) => this.#positionOf(cut)))))
    if (this.#opened === undefined || end === Number.POSITIVE_INFINITY) return
    const { store } = this.#opened
    if (store.failure !== undefined) throw store.failure
    const ends = await store.endsAt(end)
    const place = { disk, settings, directory: this.#path, tables: shared.tables }
    await this.#reopen(() => cutClosedStore({ ...place, snapshotPath: snapshotPathOf(directory.path) }, end, ends))
  }

  /** Closes the store, and opens it anew after `work`. */
  async #reopen(work: () => Promise<void>): Promise<void> {
    const isInOrder = await this.#opened?.store.close()
    await this.#opened?.lock.release()
    this.#opened = undefined
    if (!isInOrder) throw new HoldfastError('LOG_FAILED', 'The commit log could not be closed, and was not changed.')
    await work()
    await this.#keepWithin(await this.#open({}))
    await this.#ensure(this.#topics(), 0)
  }

  /**
   * Lets queues hold nothing, as new ones: their messages stay in the commit log until its files go, and are nobody's. The
   * store is opened anew, as a crash behind the first step would have it be.
   */
  async empty(queues: readonly Queue[]): Promise<void> {
    if (this.#opened === undefined || queues.length === 0) return
    const { store, state } = this.#opened
    // What is on its way to one of them lies before the end, and is not to be taken back.
    await store.flush()
    await state.setEmptied(queues, store.endPosition)
    await this.#reopen(async () => {})
  }

  /** Where the batch begins that holds `offset`; infinite at the end of its queue, where nothing is to be cut. */
  async #positionOf({ topic, partition, offset }: QueueCut): Promise<number> {
    const queue = this.get(topic, partition)
    const [bytes] = (await queue?.read(offset, 0))?.records ?? []
    const position = bytes && (await queue?.positionOf(Math.max(queue.logStartOffset, readInt64(bytes, 0))))
    return position ?? Number.POSITIVE_INFINITY
  }

  /** For a backup; undefined while there is no commit log. */
  toBackUp(): CommitLogToBackUp | undefined {
    if (this.#opened === undefined) return undefined
    const { store, state } = this.#opened
    return {
      files: () => store.files(),
      withFiles: (work) => store.withFiles(work),
      now: () => {
        const found = store.state
        const queues = this.#topics().flatMap(({ name, partitions, since = 0 }) =>
          Array.from({ length: partitions }, (_, partition) => {
            const { logStartOffset = 0, highWatermark = 0 } = store.queue(name, partition) ?? {}
            const own = Math.max(since, state.emptiedUpTo(name, partition))
            return { topic: name, partition, startOffset: logStartOffset, endOffset: highWatermark, since: own }
          }),
        )
        const damage = damageOf(store.failure)?.message
        return { endPosition: found.position, snapshot: snapshotForCopy(found), state: state.encoded(), queues, damage }
      },
    }
  }

  /** From the first byte of the oldest file to the end of the last message. */
  async sizeInBytes(): Promise<number> {
    return this.store === undefined ? 0 : this.store.endPosition - (await startOf(this.store))
  }

  chores(shownEnd: (queue: QueueLog) => number): Chore[] {
    const { settings, clock, logger, metrics, disk } = this.#options
    const checkpoint = async (): Promise<void> => {
      const { store } = this
      if (store === undefined || store.isClosed || store.failure !== undefined) return
      for (const queue of store.queues()) queue.forgetIdleProducers()
      await store.checkpoint(false)
    }
    const retention = new CommitLogRetention({
      settings,
      clock,
      logger,
      metrics,
      log: () => this.#deletable(shownEnd),
      space: () => disk.space(this.#path),
    })
    const intervalMs = settings['log.flush.offset.checkpoint.interval.ms']
    return [{ name: 'commit log checkpoint', intervalMs, run: checkpoint }, retention.chore()]
  }

  #deletable(shownEnd: (queue: QueueLog) => number): DeletableCommitLog | undefined {
    if (this.#opened === undefined || this.#opened.store.isClosed) return undefined
    const { store, state } = this.#opened
    return {
      failure: store.isRecoverable ? undefined : store.failure,
      files: () => store.files(),
      heldFrom: () => firstBehind(store.queues(), shownEnd),
      deleteFilesBefore: async (position) => {
        const removed = await store.deleteFilesBefore(position)
        await state.keepWithin(await startOf(store), store.endPosition)
        return removed
      },
    }
  }

  #topics(): Topic[] {
    return this.#options.catalog.all().filter(({ layout, deleting }) => layout === 'commitlog' && !deleting)
  }

  async #open({ fullScan, onScanned }: OpeningWatch): Promise<Opened> {
    const { directory, disk, clock, logger, metrics, settings, shared, catalog } = this.#options
    await disk.makeDirectory(join(this.#path, storeNames.commitLog))
    await disk.makeDirectory(join(directory.path, storeState.directory))
    // A process that was killed may have made them, and not lived to make their names durable.
    await disk.syncDirectory(this.#path)
    await disk.syncDirectory(directory.path)
    // RocketMQ's own lock, so that neither program opens the store under the other.
    const lock = await disk.lock(join(this.#path, storeNames.lock))
    try {
      const state = await CommitLogState.load(disk, directory.configPath)
      const config = await TopicsConfig.open(disk, this.#path, clock)
      const store: CommitLogStore = await CommitLogStore.open({
        directory: this.#path,
        snapshotPath: snapshotPathOf(directory.path),
        asidePath: asidePathOf(directory.path),
        disk,
        clock,
        logger,
        flushes: new FlushMeter(metrics, { layout: 'commitlog', policy: settings['flush.disk.type'] }),
        tables: shared.tables,
        settings,
        settingsOf: (topic) => this.#settingsOf(topic),
        sinceOf: (topic, queueId) => state.sinceOf(topic, queueId, catalog.get(topic)),
        startOf: (topic, queueId) => state.startOf(topic, queueId),
        epochsOf: (topic, queueId) => state.epochsOf(topic, queueId),
        onStartMoved: () => state.writeStarts(() => store.queues()),
        onTakenBack: async () => {
          if (this.#opened !== undefined) await this.#keepWithin(this.#opened)
        },
        onFailure: (failed) => shared.healer.watch(failed, { commitLog: this.#path }),
        host,
        fullScan,
        onScanned,
      })
      for (const { topic, partition, logEndOffset } of store.queues())
        await state.epochsOf(topic, partition).endAt(logEndOffset)
      this.#opened = { store, state, config, lock }
      return this.#opened
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** Keeps places behind the end, where the log goes on, from hiding what is written there. */
  async #keepWithin({ store, state }: Opened): Promise<void> {
    await state.keepWithin(await startOf(store), store.endPosition)
    for (const topic of this.#topics()) {
      // A log that lost its end goes on before the place at which the topic was made.
      if ((topic.since ?? 0) > store.endPosition)
        await this.#options.catalog.put({ ...topic, since: store.endPosition })
    }
  }

  async #adopt({ store, state, config }: Opened): Promise<void> {
    const { catalog, randomness, logger } = this.#options
    const names = new Set([...this.#topics().map(({ name }) => name), ...store.topics])
    const found = [...names].map((topic) => ({ topic, queues: [...store.queuesOf(topic).keys()] }))
    const rows = adoptedTopics(found, {
      queuesInConfig: (topic) => config.queuesOf(topic),
      deletedUpTo: (topic) => state.deletedUpTo(topic),
      known: (topic) => catalog.get(topic),
      randomness,
      logger,
    })
    await catalog.put(...rows)
    for (const row of rows) {
      const fields = { topic: row.name, partitions: row.partitions }
      logger.info(fields, 'Took over a topic, or queues of one, that lay in the commit log.')
    }
  }

  #settingsOf(name: string): Settings {
    const { catalog, settings } = this.#options
    const topic = catalog.get(name)
    // Of what is no topic here nothing is asked.
    if (topic?.layout !== 'commitlog') return settings
    const known = this.#settings.get(topic)
    if (known !== undefined) return known
    const resolved = settingsOf(topic, settings)
    this.#settings.set(topic, resolved)
    return resolved
  }
}

/** Where the oldest file of a commit log begins. */
async function startOf(store: CommitLogStore): Promise<number> {
  const [first] = await store.files()
  return first?.position ?? store.endPosition
}
