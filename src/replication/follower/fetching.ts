/** Fetches what the leader has and appends it, batch for batch at the same offsets; one session of fetches. */

import type { FetchedPartition, TopicPartition } from '../../broker/contract.js'
import type { CopiedIntake } from '../../broker/copied-intake.js'
import type { Clock } from '../../core/clock.js'
import { pause } from '../../core/pause.js'
import { placeKey } from '../../core/place-key.js'
import type { Settings } from '../../core/settings.js'
import { Throttle } from '../../core/throttle.js'
import type { HeldBackLog } from '../../storage/log/held-back-log.js'
import type { MessageStore } from '../../storage/message-store.js'
import type { PartitionLog } from '../../storage/partition-log.js'
import type { ReplicaPosition, ReplicaService } from '../contract.js'
import { logsOf } from '../logs.js'

/** For what the leader did not know. */
const askAgainMs = 50

export interface FetchingOptions {
  readonly store: MessageStore
  readonly copied: CopiedIntake
  readonly leader: ReplicaService
  readonly nodeId: number
  readonly leaderEpoch: number
  readonly settings: Settings
  readonly clock: Clock
  /** Who is in sync is not throttled: everybody waits for it. */
  readonly isInSync: () => boolean
}

export class Fetching {
  readonly #options: FetchingOptions
  /** Where the leader knows the copies to be, and of which logs. */
  readonly #told = new Map<string, { readonly position: ReplicaPosition; readonly own: PartitionLog }>()
  /** Places that may be elsewhere by now. */
  #moved: TopicPartition[]
  #forgotten: TopicPartition[] = []
  #session = { id: 0, epoch: 0 }

  constructor(options: FetchingOptions) {
    this.#options = options
    this.#moved = logsOf(options.store)
  }

  /** The topics are others than before. */
  noteTopics(): void {
    const { store } = this.#options
    for (const [key, { position, own }] of this.#told) {
      const { topic, partition } = position
      if (this.#log(position)?.own === own) continue
      this.#told.delete(key)
      this.#forgotten.push({ topic, partition })
    }
    this.#moved = logsOf(store)
  }

  /**
   * Until `signal` is aborted; what is being appended then is awaited.
   * @throws what the leader or a log refuses: a new session, after logs were compared, goes on behind what is there
   */
  async run(signal: AbortSignal): Promise<void> {
    const { leader, nodeId, leaderEpoch, settings } = this.#options
    while (!signal.aborted) {
      const throttle = this.#throttle()
      const answer = await leader.fetch({
        replicaId: nodeId,
        leaderEpoch,
        sessionId: this.#session.id,
        sessionEpoch: this.#session.epoch,
        positions: this.#takeMoved(),
        forgotten: this.#forgotten.splice(0),
        maxBytes: Math.min(settings['replica.fetch.max.bytes'], throttle?.bytesAtOnce ?? Number.MAX_SAFE_INTEGER),
        maxWaitMs: settings['replica.fetch.wait.max.ms'],
        signal,
      })
      this.#session = { id: answer.sessionId, epoch: this.#session.epoch + 1 }
      const outcomes = await Promise.allSettled(answer.partitions.map((partition) => this.#take(partition)))
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
      const bytes = answer.partitions.reduce((sum, { records }) => sum + lengthOf(records), 0)
      await throttle?.spend(bytes, signal)
      const isMissing = answer.partitions.some(({ error }) => error?.code === 'UNKNOWN_TOPIC_OR_PARTITION')
      if (isMissing) await pause(this.#options.clock, askAgainMs, signal)
    }
  }

  #throttle(): Throttle | undefined {
    const { settings, clock, isInSync } = this.#options
    const rate = settings['follower.replication.throttled.rate']
    return rate === 0 || isInSync() ? undefined : new Throttle(clock, rate)
  }

  #takeMoved(): ReplicaPosition[] {
    const positions: ReplicaPosition[] = []
    for (const { topic, partition } of this.#moved) {
      const own = this.#log({ topic, partition })?.own
      const key = placeKey({ topic, partition })
      const told = this.#told.get(key)
      if (own === undefined || (told?.own === own && told.position.offset === own.highWatermark)) continue
      // The offsets of a topic that had the name before mean nothing in this one.
      if (told !== undefined && told.own !== own) this.#forgotten.push({ topic, partition })
      const position = { topic, partition, offset: own.highWatermark }
      this.#told.set(key, { position, own })
      positions.push(position)
    }
    this.#moved = []
    return positions
  }

  async #take(fetched: FetchedPartition): Promise<void> {
    const { topic, partition, error, records, logStartOffset, highWatermark, release } = fetched
    const log = this.#log(fetched)
    try {
      if (error?.code === 'UNKNOWN_TOPIC_OR_PARTITION') {
        // Gone there; or so new that the leader has not learned yet that it is known here, and then it is asked for again.
        this.#told.delete(placeKey(fetched))
        if (log !== undefined) this.#moved.push({ topic, partition })
        return
      }
      // Its topic is gone here: the next report says so.
      if (log === undefined || !this.#isOf(fetched, log)) return
      this.#moved.push({ topic, partition })
      const { own } = log
      const isBefore = error?.code === 'OFFSET_OUT_OF_RANGE' && logStartOffset > own.logEndOffset
      if (isBefore) await beginAt(own, logStartOffset)
      else if (error !== undefined) throw error
      for (const bytes of records) {
        if (!this.#isOf(fetched, log)) return
        await this.#options.copied.appendReplicated({ topic, partition, records: bytes })
      }
      if (error !== undefined) return
      const start = Math.min(logStartOffset, own.logEndOffset)
      if (start > own.logStartOffset) await own.deleteRecordsBefore(start)
      log.show(highWatermark)
    } finally {
      release?.()
    }
  }

  /** What was asked for was this log, and no other topic has its name by now. */
  #isOf(place: TopicPartition, { own }: HeldBackLog): boolean {
    return this.#told.get(placeKey(place))?.own === own && this.#log(place)?.own === own
  }

  #log({ topic, partition }: TopicPartition): HeldBackLog | undefined {
    return this.#options.store.topic(topic) && this.#options.store.heldBack(topic, partition)
  }
}

/** The leader has deleted more than is here: nothing of it is of use. */
async function beginAt(own: HeldBackLog['own'], offset: number): Promise<void> {
  await own.deleteRecordsBefore(own.logEndOffset)
  await own.copies.beginAt(offset)
}

function lengthOf(records: readonly Buffer[]): number {
  return records.reduce((sum, { length }) => sum + length, 0)
}
