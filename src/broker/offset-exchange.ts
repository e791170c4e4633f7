/**
 * Consumer groups and RocketMQ's files about them know the same of the topics in the commit log: what RocketMQ's clients
 * consumed while its broker had the store is taken over when the store is opened, and what groups commit here is written
 * to the files from time to time, as RocketMQ does it.
 *
 * What is taken over, and when: where RocketMQ wrote the file last, the offset of each queue that is a partition here, for
 * a group that has none for it, or a lower one. A group is never moved back by that. Where we wrote the file last, nothing:
 * what a group has committed since, back or forth, is in `__consumer_offsets`, and what it deleted stays deleted.
 */

import type { Clock } from '../core/clock.js'
import { invariant } from '../core/invariant.js'
import type { Logger } from '../core/logger.js'
import { Mutex } from '../core/mutex.js'
import type { Disk } from '../files/disk.js'
import type { Chore } from '../storage/chores.js'
import { GroupsConfig, type OffsetsOfGroup } from '../storage/commitlog/groups-config.js'
import type { MessageStore } from '../storage/message-store.js'
import type { GroupCoordinator } from './groups/coordinator.js'
import { isGroupId } from './groups/requirements.js'
import { offsetsToTakeOver } from './offsets-to-take-over.js'

/** As often as RocketMQ does it. */
const writeIntervalMs = 5000

/** Names in what is logged. */
const namesShown = 10

export interface OffsetExchangeOptions {
  readonly store: MessageStore
  readonly groups: GroupCoordinator
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
}

export class OffsetExchange {
  readonly #options: OffsetExchangeOptions
  readonly #writes = new Mutex()
  /** Topics of the commit log, also those that were deleted since: their offsets in the files are ours to keep or to drop. */
  readonly #topics = new Set<string>()
  /** Groups whose offsets may be others than the files say. */
  readonly #changed = new Set<string>()
  #files: GroupsConfig | undefined
  /** What RocketMQ wrote is taken over, so that it may be written over. */
  #isStarted = false
  #hasToldOfNames = false

  constructor(options: OffsetExchangeOptions) {
    this.#options = options
  }

  /** A group has committed something, or has not any more. */
  noteChange(groupId: string): void {
    this.#changed.add(groupId)
  }

  /**
   * Takes over what RocketMQ wrote. To be called before groups are asked for their offsets.
   * @throws DATA_DIR_DAMAGED where its files cannot be understood; COORDINATOR_NOT_AVAILABLE where nothing can be committed:
   *   without them, groups would begin anew
   */
  async start(): Promise<void> {
    if (this.#topicsNow().length > 0) {
      const files = await this.#open()
      if (!files.isOwn) await this.#takeOver(files)
      this.#files = files
    }
    this.#isStarted = true
    // Or the next start would take it over once more, when groups may have gone back on purpose.
    if (this.#files?.isOwn === false) await this.#writeOrWarn()
  }

  chore(): Chore {
    return { name: 'consumer offsets', intervalMs: writeIntervalMs, run: () => this.write() }
  }

  /** Writes what has changed since the last time. What could not be written is to be the next time. */
  write(): Promise<void> {
    return this.#writes.run(async () => {
      if (!this.#isStarted || !this.#options.groups.isLoaded) return
      if (this.#files === undefined && this.#topicsNow().length === 0) {
        this.#changed.clear()
        return
      }
      this.#files ??= await this.#open()
      this.#update(this.#files)
      await this.#files.save()
    })
  }

  /** Writes a last time. */
  async close(): Promise<void> {
    await this.#writeOrWarn()
    this.#isStarted = false
  }

  async #writeOrWarn(): Promise<void> {
    await this.write().catch((err: unknown) => {
      this.#options.logger.warn({ err }, 'What consumer groups have committed could not be written for RocketMQ.')
    })
  }

  async #takeOver(files: GroupsConfig): Promise<void> {
    const { store, groups, logger } = this.#options
    const found = offsetsToTakeOver(files.offsets(), (topic, queueId) =>
      store.topic(topic)?.layout === 'commitlog' ? store.log(topic, queueId) : undefined,
    )
    const taking = [...found.byGroup].map(([groupId, offsets]) => groups.takeOverOffsets(groupId, offsets))
    const taken = (await Promise.all(taking)).reduce((sum, count) => sum + count, 0)
    if (taken > 0) logger.info({ offsets: taken }, 'Took over what consumer groups have committed to RocketMQ.')
    report(found.beyondEnd, (fields) =>
      logger.warn(fields, 'Consumer groups of RocketMQ were beyond the end of queues; they are at the end now.'),
    )
    report(found.leftAlone, (fields) =>
      logger.info(fields, 'Left consumer groups of RocketMQ alone that cannot be groups here.'),
    )
  }

  /** In one turn, so that nothing which is committed meanwhile is passed over. */
  #update(files: GroupsConfig): void {
    this.#noteTopics(files)
    for (const group of this.#changed) {
      if (!isGroupId(group)) continue
      if (files.takes(group)) files.set(group, this.#offsetsOf(group), (topic) => this.#topics.has(topic))
      else this.#tellOfName(group)
    }
    this.#changed.clear()
  }

  /** Of a topic that is new here nothing in the files is true yet; at first that holds for all topics and groups. */
  #noteTopics(files: GroupsConfig): void {
    const added = new Set(this.#topicsNow().filter((topic) => !this.#topics.has(topic)))
    if (added.size === 0) return
    if (this.#topics.size === 0) for (const groupId of this.#options.groups.all.keys()) this.#changed.add(groupId)
    for (const groupId of files.groupsIn((topic) => added.has(topic))) this.#changed.add(groupId)
    for (const topic of added) this.#topics.add(topic)
  }

  #offsetsOf(groupId: string): OffsetsOfGroup {
    const offsets = new Map<string, Map<number, number>>()
    for (const { topic, partition, offset } of this.#options.groups.all.get(groupId)?.offsets.all() ?? []) {
      // Below zero: kafkajs says so where to begin that is decided later.
      if (offset < 0 || !this.#topics.has(topic)) continue
      const ofTopic = offsets.get(topic) ?? new Map<number, number>()
      offsets.set(topic, ofTopic.set(partition, offset))
    }
    return offsets
  }

  #topicsNow(): string[] {
    const { store } = this.#options
    if (store.commitLogPath === undefined) return []
    return store
      .topics()
      .filter(({ layout }) => layout === 'commitlog')
      .map(({ name }) => name)
  }

  #tellOfName(group: string): void {
    if (this.#hasToldOfNames) return
    this.#hasToldOfNames = true
    this.#options.logger.info({ group }, 'Groups with names that RocketMQ does not take are not written for it.')
  }

  #open(): Promise<GroupsConfig> {
    const { disk, clock, store } = this.#options
    const { commitLogPath } = store
    invariant(commitLogPath !== undefined, 'topics in the commit log have one')
    return GroupsConfig.open(disk, commitLogPath, store.clusterId, clock)
  }
}

/** Says how many there are, and which some of them are. */
function report(names: readonly string[], say: (fields: object) => void): void {
  if (names.length > 0) say({ count: names.length, first: names.slice(0, namesShown) })
}
