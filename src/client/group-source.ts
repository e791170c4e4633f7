/**
 * Messages for a member of a group: the partitions it is assigned, each from where the group has committed. A
 * partition that is kept over a rebalance goes on where it was; of one that is lost nothing more is delivered, and acks
 * for it are refused.
 */

import type { Isolation, TopicPartition } from '../broker/contract.js'
import type { Timer } from '../core/clock.js'
import type { HoldfastError } from '../core/errors.js'
import type { StoredRecord } from '../records/record.js'
import type { TagFilter } from '../storage/partition-log.js'
import { committedOffsets } from './committed-offsets.js'
import { Committer, OwnedCursor } from './committer.js'
import type { PartitionsByTopic } from './consumer-protocol.js'
import { GroupSession, type GroupSessionOptions } from './group-session.js'
import { idHeaderOf, Message } from './message.js'
import type { MessageSource } from './message-stream.js'
import { Prefetcher } from './prefetcher.js'
import { type StartPosition, startOffsets } from './start-offset.js'
import { describeTopic } from './topics.js'

export interface GroupSourceOptions extends GroupSessionOptions {
  /** Where to begin in a partition that the group has committed nothing for. */
  readonly from: StartPosition
  readonly isolation: Isolation
  /** Only messages with these tags; all where absent. */
  readonly tags?: TagFilter
  readonly maxPrefetchBytes: number
  readonly maxWaitMs: number
}

/** A message that belongs to a group until it is acknowledged. */
class GroupMessage extends Message {
  readonly #cursor: OwnedCursor
  readonly #committer: Committer

  constructor(cursor: OwnedCursor, record: StoredRecord, committer: Committer, idHeader: string) {
    super(cursor.topic, cursor.partition, record, idHeader)
    this.#cursor = cursor
    this.#committer = committer
  }

  override ack(): Promise<void> {
    return this.#committer.ack(this.#cursor, this.offset + 1)
  }
}

/** How often it is committed that messages were passed over. */
const passingMs = 5000

export class GroupSource implements MessageSource<Message> {
  readonly #options: GroupSourceOptions
  readonly #session: GroupSession
  readonly #committer: Committer
  readonly #make: (cursor: OwnedCursor, record: StoredRecord) => Message
  #prefetcher: Prefetcher<OwnedCursor> | undefined
  #owned = new Map<string, OwnedCursor>()
  #fail: (error: unknown) => void = () => {}
  /** Counts the assignments, so that one that takes its time notices that it has been overtaken. */
  #assignments = 0
  #passing: Timer | undefined
  #stopped = false
  readonly isEnded = false

  constructor(options: GroupSourceOptions) {
    this.#options = options
    this.#session = new GroupSession(options, {
      onRebalancing: () => this.#rebalancing(),
      onAssigned: (partitions, isContinuous) => {
        this.#assigned(partitions, isContinuous).catch((error: unknown) => this.#fail(error))
      },
      onFailed: (error) => this.#fail(error),
    })
    const committer = new Committer({
      commit: (offsets) => options.service.commitOffsets({ ...this.#session.member, offsets }),
      onFenced: () => this.#session.rejoin(),
    })
    this.#committer = committer
    const idHeader = idHeaderOf(options.service)
    this.#make = (cursor, record) => {
      cursor.deliveredTo = record.offset + 1
      return new GroupMessage(cursor, record, committer, idHeader)
    }
  }

  start({ wake, fail }: { wake: () => void; fail: (error: unknown) => void }): void {
    const { service, clock, isolation, tags, maxPrefetchBytes, maxWaitMs } = this.#options
    this.#fail = fail
    this.#prefetcher = new Prefetcher({
      service,
      clock,
      isolation,
      tags,
      maxBytes: maxPrefetchBytes,
      maxWaitMs,
      onReady: wake,
      onFailed: fail,
      onOutOfRange: (cursor, error) => this.#reset(cursor, error),
    })
    if (tags !== undefined) this.#passLater()
    this.#begin().catch(fail)
  }

  take(): Message | undefined {
    return this.#prefetcher?.take(this.#make)
  }

  /** Commits what has been acknowledged so far, and leaves the group. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#assignments++
    this.#passing?.cancel()
    this.#pass()
    await this.#committer.drain()
    await this.#prefetcher?.stop()
    await this.#session.leave()
  }

  /** Without a filter every message is delivered, and the acks alone say how far the group is. */
  #pass(): void {
    if (this.#options.tags !== undefined) this.#committer.pass(this.#owned.values())
  }

  #passLater(): void {
    const pass = (): void => {
      this.#pass()
      this.#passLater()
    }
    this.#passing = this.#options.clock.schedule(passingMs, pass, { background: true })
  }

  async #begin(): Promise<void> {
    // Named, they are created where the settings allow it, so that there is something to assign.
    for (const topic of this.#options.topics) await describeTopic(this.#options.service, topic, true)
    if (!this.#stopped) this.#session.start()
  }

  async #rebalancing(): Promise<void> {
    this.#assignments++
    this.#prefetcher?.pause()
    this.#pass()
    await this.#committer.hold()
  }

  async #assigned(partitions: PartitionsByTopic, isContinuous: boolean): Promise<void> {
    const assignment = ++this.#assignments
    const places = [...partitions].flatMap(([topic, numbers]) => numbers.map((partition) => ({ topic, partition })))
    const kept = new Map<string, OwnedCursor>()
    const gained: TopicPartition[] = []
    for (const place of places) {
      const cursor = isContinuous ? this.#owned.get(placeOf(place)) : undefined
      if (cursor === undefined) gained.push(place)
      else kept.set(placeOf(place), cursor)
    }
    const lost = [...this.#owned].filter(([place]) => !kept.has(place)).map(([, cursor]) => cursor)
    this.#owned = kept
    this.#prefetcher?.remove(lost)
    this.#committer.release()
    this.#options.logger.debug(
      { group: this.#options.groupId, kept: kept.size, gained: gained.length, lost: lost.length },
      'partitions assigned',
    )
    this.#prefetcher?.resume()
    const isCurrent = (): boolean => this.#assignments === assignment && !this.#stopped
    const cursors = await this.#cursorsFor(gained, isCurrent)
    if (!isCurrent()) return
    for (const cursor of cursors) this.#owned.set(placeOf(cursor), cursor)
    this.#prefetcher?.add(cursors)
  }

  async #cursorsFor(places: readonly TopicPartition[], wanted: () => boolean): Promise<OwnedCursor[]> {
    if (places.length === 0) return []
    const { service, clock, groupId, from, isolation } = this.#options
    const found = await committedOffsets(service, clock, groupId, places, wanted)
    if (found === undefined) return []
    const committed = new Map(found.map((each) => [placeOf(each), each.offset]))
    const fresh = places.filter((place) => !committed.has(placeOf(place)))
    const starts = await startOffsets(service, fresh, from, isolation)
    return places.map((place) => {
      const offset = committed.get(placeOf(place)) ?? starts[fresh.indexOf(place)]
      const cursor = new OwnedCursor(place.topic, place.partition, offset)
      cursor.committedOffset = committed.get(placeOf(place)) ?? -1
      return cursor
    })
  }

  /** What the group has committed is not in the log any more, or not yet: it goes on as if nothing were committed. */
  async #reset(cursor: OwnedCursor, error: HoldfastError): Promise<number> {
    const { service, groupId, from, isolation, logger } = this.#options
    if (typeof from === 'object' && 'offset' in from && from.offset === cursor.fetchOffset) throw error
    const [offset] = await startOffsets(service, [cursor], from, isolation)
    const { topic, partition, fetchOffset } = cursor
    logger.warn({ group: groupId, topic, partition, from: fetchOffset, to: offset }, error.message)
    // Commits begin anew below the old one.
    cursor.committedOffset = -1
    return offset
  }
}

function placeOf({ topic, partition }: TopicPartition): string {
  return `${partition} ${topic}`
}
