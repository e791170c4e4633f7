/**
 * Fetches what the leader has and appends it, batch for batch at the same offsets; one session of fetches.
 *
 * Behind an answer that is full there is more: the next one is asked for while that is on its way to the disk, and what has
 * arrived there is told apart from both, so that the leader, the wire and this disk work at the same time. Behind any other
 * there is nothing yet: the next request says what is stored, and what has come meanwhile comes in one answer, and one round.
 */

import type { FetchedPartition, TopicPartition } from '../../broker/contract.js'
import type { CopiedIntake } from '../../broker/copied-intake.js'
import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import { pause } from '../../core/pause.js'
import type { Settings } from '../../core/settings.js'
import { Throttle } from '../../core/throttle.js'
import { together } from '../../core/together.js'
import { endOfBatches } from '../../records/batch.js'
import type { MessageStore } from '../../storage/message-store.js'
import type { PartitionLog } from '../../storage/partition-log.js'
import type { ReplicaService } from '../contract.js'
import { type Arrival, Arrivals } from './arrivals.js'
import { Copies, type Copy } from './copies.js'

/** For what the leader did not know. */
const askAgainMs = 50

export interface FetchingOptions {
  readonly store: MessageStore
  readonly copied: Pick<CopiedIntake, 'appendReplicated'>
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
  readonly #copies: Copies
  readonly #arrivals: Arrivals
  readonly #useless: TopicPartition[] = []
  #session = { id: 0, epoch: 0 }

  constructor(options: FetchingOptions) {
    const { store, copied, clock } = options
    this.#options = options
    this.#copies = new Copies(store)
    this.#arrivals = new Arrivals({ copied, clock, copies: this.#copies })
  }

  /** Logs of which their leader has nothing, and that can begin where its do only once they are emptied. */
  get useless(): readonly TopicPartition[] {
    return this.#useless
  }

  /** The topics are others than before. */
  noteTopics(): void {
    this.#copies.noteTopics()
  }

  /**
   * Until `signal` is aborted, or a log is found to be {@link useless}; what is being appended then is awaited.
   * @throws what the leader or a log refuses: a new session, after logs were compared, goes on behind what is there
   */
  run(signal: AbortSignal): Promise<void> {
    return together(signal, [
      (ended) => this.#fetch(ended),
      (ended) => this.#arrivals.append(ended),
      (ended) => this.#acknowledge(ended),
    ])
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const { leader, nodeId, leaderEpoch, settings } = this.#options
    while (!signal.aborted && this.#useless.length === 0) {
      const throttle = this.#throttle()
      const maxBytes = Math.min(settings['replica.fetch.max.bytes'], throttle?.bytesAtOnce ?? Number.MAX_SAFE_INTEGER)
      const { partitions, sessionId } = await leader.fetch({
        replicaId: nodeId,
        leaderEpoch,
        sessionId: this.#session.id,
        sessionEpoch: this.#session.epoch,
        ...this.#copies.takeChanges(),
        isAhead: this.#arrivals.ask(),
        maxBytes,
        maxWaitMs: settings['replica.fetch.wait.max.ms'],
        signal,
      })
      this.#arrivals.answered()
      this.#session = { id: sessionId, epoch: this.#session.epoch + 1 }
      const arrived = partitions.flatMap((fetched) => this.#arrive(fetched))
      const bytes = arrived.reduce((sum, { fetched }) => sum + lengthOf(fetched.records), 0)
      if (arrived.length > 0) await this.#arrivals.put(arrived, signal)
      const isFull = bytes >= maxBytes / 2
      if (!isFull) await this.#arrivals.settled(signal)
      await throttle?.spend(bytes, signal)
      const refused = partitions.filter(({ error }) => error !== undefined)
      if (refused.length > 0) await this.#mend(refused, signal)
    }
  }

  /** Tells the leader what has come to the disk since it was told the last time. */
  async #acknowledge(signal: AbortSignal): Promise<void> {
    const { leader, nodeId, leaderEpoch } = this.#options
    while (!signal.aborted) {
      const stored = [...(await this.#arrivals.takeStored(signal))].filter((copy) => this.#copies.isFollowed(copy))
      if (stored.length === 0) continue
      await leader.acknowledge({
        replicaId: nodeId,
        leaderEpoch,
        sessionId: this.#session.id,
        // The one that waits for its answer is not counted: what it names first has nothing stored yet.
        sessionEpoch: this.#session.epoch - 1,
        positions: stored.map(({ topic, partition, log }) => ({ topic, partition, offset: log.own.highWatermark })),
        signal,
      })
    }
  }

  #arrive(fetched: FetchedPartition): Arrival[] {
    const { records, error, release } = fetched
    const copy = this.#copies.of(fetched)
    if (copy === undefined || error !== undefined) {
      release?.()
      return []
    }
    const last = records.at(-1)
    if (last !== undefined) this.#copies.moveTo(copy, endOfBatches(last) ?? copy.next)
    return [{ copy, fetched }]
  }

  /** Where the leader has nothing at a position: done when nothing is on its way, so that each copy goes on where it ends. */
  async #mend(refused: readonly FetchedPartition[], signal: AbortSignal): Promise<void> {
    await this.#arrivals.settled(signal)
    for (const fetched of refused) {
      const copy = this.#copies.of(fetched)
      if (copy !== undefined && !signal.aborted) await this.#mendOne(copy, fetched)
    }
    const isMissing = refused.some(({ error }) => error?.code === 'UNKNOWN_TOPIC_OR_PARTITION')
    if (isMissing) await pause(this.#options.clock, askAgainMs, signal)
  }

  async #mendOne(copy: Copy, { error, logStartOffset }: FetchedPartition): Promise<void> {
    const { own } = copy.log
    // Gone there; or so new that the leader has not learned yet that it is known here, and then it is asked for again.
    if (error?.code === 'UNKNOWN_TOPIC_OR_PARTITION') return this.#copies.lose(copy)
    if (error?.code !== 'OFFSET_OUT_OF_RANGE' || !holdsNothing(own, logStartOffset)) throw error
    if (!(await beginsAt(own, logStartOffset))) {
      this.#useless.push({ topic: copy.topic, partition: copy.partition })
      return
    }
    this.#copies.moveTo(copy, own.highWatermark)
    this.#arrivals.noteStored(copy)
  }

  #throttle(): Throttle | undefined {
    const { settings, clock, isInSync } = this.#options
    const rate = settings['follower.replication.throttled.rate']
    return rate === 0 || isInSync() ? undefined : new Throttle(clock, rate)
  }
}

/** Nothing that is in one that begins at `start`: it ends before, or is empty. */
function holdsNothing(own: PartitionLog, start: number): boolean {
  return own.logEndOffset < start || own.logStartOffset === own.logEndOffset
}

/** Whether a log that holds nothing of use begins at `offset` by now. */
async function beginsAt(own: PartitionLog, offset: number): Promise<boolean> {
  if (own.logEndOffset >= offset) return false
  try {
    await own.deleteRecordsBefore(own.logEndOffset)
    await own.copies.beginAt(offset)
    return true
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'COPY_IMPOSSIBLE') return false
    throw error
  }
}

function lengthOf(records: readonly Buffer[]): number {
  return records.reduce((sum, { length }) => sum + length, 0)
}
