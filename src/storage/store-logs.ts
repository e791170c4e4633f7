/** The logs of a store in both layouts as one set: each topic says in which of them its partitions lie. */

import { HoldfastError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { Settings } from '../core/settings.js'
import type { CommitLogs } from './commit-logs.js'
import type { CopiesElsewhere } from './copies-elsewhere.js'
import type { KeyIndexes } from './key-indexes.js'
import { HeldBackLog } from './log/held-back-log.js'
import { outOfRange } from './log/refusals.js'
import type { PartitionLog } from './partition-log.js'
import type { PartitionLogs, SharedByLogs } from './partition-logs.js'
import { type RecoveryReport, type WatchRecovery, withCommitLog } from './recovery.js'
import { settingsOf, type Topic } from './topic-catalog.js'

export interface LogPlace {
  readonly topic: string
  readonly partition: number
}

/** A log that is to hold no batch which reaches beyond `offset`. */
export interface LogCut extends LogPlace {
  readonly offset: number
}

interface Tools {
  readonly settings: Settings
  readonly logger: Logger
  /** What is appended is shown when other copies have it. */
  readonly elsewhere?: CopiesElsewhere
}

export class StoreLogs {
  readonly segments: PartitionLogs
  readonly commitLog: CommitLogs
  readonly #tools: Tools
  readonly #shared: SharedByLogs
  readonly #heldBack = new WeakMap<PartitionLog, HeldBackLog>()

  constructor(segments: PartitionLogs, commitLog: CommitLogs, shared: SharedByLogs, tools: Tools) {
    this.segments = segments
    this.commitLog = commitLog
    this.#shared = shared
    this.#tools = tools
  }

  /** As it is for whoever reads and appends. */
  get(topic: string, partition: number): PartitionLog | undefined {
    return this.heldBack(topic, partition) ?? this.#own(topic, partition)
  }

  /** A log that shows what other copies have too; undefined where the store holds nothing back. */
  heldBack(topic: string, partition: number): HeldBackLog | undefined {
    const { elsewhere, logger } = this.#tools
    const own = this.#own(topic, partition)
    if (elsewhere === undefined || own === undefined) return undefined
    const present = this.#heldBack.get(own)
    if (present !== undefined) return present
    const log = new HeldBackLog(own, elsewhere.shownUpTo, logger)
    this.#heldBack.set(own, log)
    return log
  }

  /** Of a log of this store: up to where others than its senders and readers may change what lies in it. */
  readonly ends = {
    /** Nothing is cut off below it any more: what lies there is decided, and whoever may lead has it. */
    settledEnd: (own: PartitionLog): number => {
      const held = this.heldBack(own.topic, own.partition)
      return held?.own === own ? held.lastStableOffset : own.lastStableOffset
    },
    /** Up to where segments may be given up for their age or size: of a copy none, whose front goes where its leader's goes. */
    removableEnd: (own: PartitionLog): number => (this.#tools.elsewhere?.isCopy ? 0 : this.ends.settledEnd(own)),
  }

  /** Readers see what lies below it, and all in-sync copies have that. */
  shownEnd(own: PartitionLog): number {
    const held = this.heldBack(own.topic, own.partition)
    return held?.own === own ? held.highWatermark : own.highWatermark
  }

  #own(topic: string, partition: number): PartitionLog | undefined {
    return this.segments.get(topic, partition) ?? this.commitLog.get(topic, partition)
  }

  /** Opens the logs of all partitions of `topics`, recovered where the last close was not in order. */
  async open(topics: readonly Topic[], clean: boolean, watch: WatchRecovery): Promise<RecoveryReport> {
    const inSegments = topics.filter(({ layout }) => layout === undefined)
    const report = await this.segments.open(inSegments, clean, watch)
    let scannedBytes = report.scannedBytes
    const progress = { logsDone: inSegments.length, logsTotal: inSegments.length }
    const onScanned = (bytes: number): void => {
      scannedBytes += bytes
      watch.onRecovery?.({ ...progress, scannedBytes })
    }
    const found = await this.commitLog.open({ fullScan: watch.fullScan, onScanned })
    return found === undefined ? report : withCommitLog(report, found)
  }

  /** What the catalog is to say of a new topic that these settings hold for: where its logs are. */
  async placeFor(name: string, settings: Settings): Promise<Pick<Topic, 'layout' | 'since'>> {
    if (settings['storage.layout'] === 'segments') return {}
    return { layout: 'commitlog', since: await this.commitLog.placeForNew(name) }
  }

  /** Makes the empty logs of a topic from partition `from` on. */
  async create(topic: Topic, from: number): Promise<void> {
    await this.#of(topic).create(topic, from)
    const epoch = this.#tools.elsewhere?.epochOfNewLogs ?? 0
    for (let partition = from; epoch > 0 && partition < topic.partitions; partition++) {
      await this.#own(topic.name, partition)?.beginEpoch(epoch)
    }
  }

  /** Closes and removes a topic's partitions from `from` on. */
  remove(topic: Topic, from: number): Promise<void> {
    return this.#of(topic).remove(topic, from)
  }

  alter(topic: Topic, settings: Settings): void {
    this.#of(topic).alter(topic, settings)
  }

  /** @throws INVALID_CONFIG where what the topic asks for does not go with the store's settings of this time */
  settingsOf(topic: Topic): Settings {
    return settingsOf(topic, this.#tools.settings)
  }

  /**
   * Cuts logs, which are opened anew. The topics of a commit log share it: where one of its queues is cut, every other
   * loses what lies behind the same place, since a commit log has but one end. Who held one of these logs finds it closed.
   * To be called while nobody appends; resolves when all are open again, durably shorter.
   * @throws OFFSET_OUT_OF_RANGE, and nothing is cut, where a log begins behind the offset; UNKNOWN_TOPIC_OR_PARTITION
   */
  async cutBack(cuts: readonly LogCut[], topicOf: (name: string) => Topic, indexes: KeyIndexes): Promise<void> {
    const found = cuts.flatMap((cut) => {
      const of = topicOf(cut.topic)
      const log = this.#own(cut.topic, cut.partition)
      if (log === undefined) {
        throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', `There is no ${cut.topic}-${cut.partition}.`)
      }
      if (cut.offset < log.logStartOffset) throw outOfRange(log, cut.offset)
      return cut.offset < log.logEndOffset ? { ...cut, of } : []
    })
    for (const { of, partition, offset } of found) {
      if (of.layout !== undefined) continue
      await indexes.removeBeforeCut(of.name, partition)
      await this.segments.cut(of, partition, offset)
      await indexes.apply({ topic: of, settings: this.settingsOf(of) })
    }
    await this.commitLog.cut(found.filter(({ of }) => of.layout === 'commitlog'))
  }

  /**
   * Lets logs hold nothing and begin at 0, as new ones. They are opened anew, as in {@link cutBack}, and with one queue of a
   * commit log all of it. A crash on the way leaves each of them as it was, or empty.
   */
  async empty(places: readonly LogPlace[], topicOf: (name: string) => Topic, indexes: KeyIndexes): Promise<void> {
    const found = places.map((place) => ({ ...place, of: topicOf(place.topic) }))
    for (const { of, partition } of found) {
      if (of.layout !== undefined) continue
      await indexes.removeBeforeCut(of.name, partition)
      await this.segments.empty(of, partition)
      await indexes.apply({ topic: of, settings: this.settingsOf(of) })
    }
    await this.commitLog.empty(found.filter(({ of }) => of.layout === 'commitlog'))
  }

  /** Makes every log durable; resolves with what went wrong. */
  async flush(): Promise<unknown[]> {
    const errors = await this.segments.each((log) => log.flush())
    await this.commitLog.flush().catch((error: unknown) => errors.push(error))
    return errors
  }

  /** Closes every log: whether those of the segments were in order, and what went wrong anywhere. */
  async close(): Promise<{ inOrder: boolean; errors: unknown[] }> {
    await this.#shared.healer.stop()
    const { inOrder, errors } = await this.segments.close()
    await this.commitLog.close().catch((error: unknown) => errors.push(error))
    return { inOrder, errors }
  }

  /** Lets go of what is open for reading. To be called last. */
  async dropFiles(): Promise<void> {
    const { maps, openFiles } = this.#shared.tables
    maps.dropAll()
    await openFiles.dropAll()
  }

  #of({ layout }: Topic): PartitionLogs | CommitLogs {
    return layout === 'commitlog' ? this.commitLog : this.segments
  }
}
