/**
 * What the store knows of the topics in the commit log that RocketMQ's directory has no place for: `config/commit-log.json`.
 *
 * - Where a queue was told to begin (DeleteRecords).
 * - Which leader epochs began where in a queue, but for one that was always at the first.
 * - Of a topic that was deleted, where the commit log ended then: its messages still lie there until their files go, and
 *   neither a start that reads them nor a later topic of that name may take them for its own.
 * - Of a queue that was emptied, to begin elsewhere, the same.
 */

import { join } from 'node:path'
import { HoldfastError } from '../core/errors.js'
import { Mutex } from '../core/mutex.js'
import type { Disk } from '../files/disk.js'
import { parseJson } from './data-directory.js'
import { type EpochStart, LeaderEpochs } from './log/leader-epochs.js'
import type { Topic } from './topic-catalog.js'

/** In `config/`. */
export const stateFile = 'commit-log.json'
const version = 1

export interface QueueStart {
  readonly topic: string
  readonly partition: number
  readonly logStartOffset: number
}

export class CommitLogState {
  readonly #disk: Disk
  readonly #path: string
  /** By topic and queue. */
  readonly #starts = new Map<string, Map<number, number>>()
  /** Of queues that were asked for. */
  readonly #epochs = new Map<string, Map<number, LeaderEpochs>>()
  /** Positions by topic. */
  readonly #deleted = new Map<string, number>()
  /** Positions by topic and queue. */
  readonly #emptied = new Map<string, Map<number, number>>()
  readonly #writes = new Mutex()
  #waiting: Promise<void> | undefined
  /** Epochs as the file has them, where they were written. */
  readonly #written = new WeakMap<LeaderEpochs, readonly EpochStart[]>()
  /** Epochs that the next writing puts down. */
  #changing: { readonly epochs: Map<LeaderEpochs, readonly EpochStart[]>; readonly done: Promise<void> } | undefined

  private constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  /** @throws DATA_DIR_DAMAGED where the file cannot be understood: to go on without it would show again what was deleted */
  static async load(disk: Disk, configPath: string): Promise<CommitLogState> {
    const path = join(configPath, stateFile)
    const bytes = await disk.readFile(path)
    if (bytes === undefined) return new CommitLogState(disk, path)
    const found = parseJson(bytes, path)
    const state = new CommitLogState(disk, path)
    if (found['version'] !== version || !state.#take(found)) {
      throw new HoldfastError('DATA_DIR_DAMAGED', `${path} cannot be understood. Restore it from a backup.`)
    }
    return state
  }

  /** Where a queue was told to begin; 0 where it was not. */
  startOf(topic: string, queueId: number): number {
    return this.#starts.get(topic)?.get(queueId) ?? 0
  }

  /** Who led when what of a queue was written. */
  epochsOf(topic: string, queueId: number): LeaderEpochs {
    return this.#epochs.get(topic)?.get(queueId) ?? this.#putEpochs(topic, queueId, [{ epoch: 0, startOffset: 0 }])
  }

  /** Up to where the messages of this name in the commit log are those of a topic that is gone; 0 where there was none. */
  deletedUpTo(topic: string): number {
    return this.#deleted.get(topic) ?? 0
  }

  /** Up to where the messages of a queue in the commit log are not its own any more, since it was emptied; 0 where it was not. */
  emptiedUpTo(topic: string, queueId: number): number {
    return this.#emptied.get(topic)?.get(queueId) ?? 0
  }

  /** Before which position the messages of a queue are not its own; `row` is what the catalog says of the topic. */
  sinceOf(topic: string, queueId: number, row: Topic | undefined): number {
    if (row?.layout !== 'commitlog') return this.deletedUpTo(topic)
    if (row.deleting) return Number.POSITIVE_INFINITY
    return Math.max(row.since ?? 0, this.emptiedUpTo(topic, queueId))
  }

  /**
   * Writes down where the queues begin, as they are when the writing begins; once for all who ask before that. Durable
   * when this resolves.
   */
  writeStarts(queues: () => Iterable<QueueStart>): Promise<void> {
    this.#waiting ??= this.#writes.run(async () => {
      this.#waiting = undefined
      this.#starts.clear()
      for (const queue of queues()) this.#put(queue)
      await this.#write()
    })
    return this.#waiting
  }

  /** A topic is gone, of which the commit log holds nothing at `position` or behind it; durable when this resolves. */
  setDeleted(topic: string, position: number): Promise<void> {
    return this.#writes.run(async () => {
      this.#starts.delete(topic)
      this.#epochs.delete(topic)
      this.#emptied.delete(topic)
      if (position > 0) this.#deleted.set(topic, position)
      await this.#write()
    })
  }

  /** Queues hold nothing that lies before `position`, and are as new; durable when this resolves. */
  setEmptied(
    queues: readonly { readonly topic: string; readonly partition: number }[],
    position: number,
  ): Promise<void> {
    return this.#writes.run(async () => {
      for (const { topic, partition } of queues) {
        this.#starts.get(topic)?.delete(partition)
        this.#epochs.get(topic)?.delete(partition)
        this.#putEmptied(topic, partition, position)
      }
      await this.#write()
    })
  }

  /** Forgets of what is gone what the commit log does not hold any more, or never held: it is [start, end). */
  keepWithin(start: number, end: number): Promise<void> {
    return this.#writes.run(async () => {
      const isNews = [keepWithin(this.#deleted, start, end)]
      for (const queues of this.#emptied.values()) isNews.push(keepWithin(queues, start, end))
      if (isNews.includes(true)) await this.#write()
    })
  }

  async #write(): Promise<void> {
    await this.#disk.replaceFile(this.#path, this.encoded())
  }

  #put({ topic, partition, logStartOffset }: QueueStart): void {
    if (logStartOffset === 0) return
    const queues = this.#starts.get(topic) ?? new Map<number, number>()
    this.#starts.set(topic, queues.set(partition, logStartOffset))
  }

  #putEmptied(topic: string, queueId: number, position: number): void {
    const queues = this.#emptied.get(topic) ?? new Map<number, number>()
    this.#emptied.set(topic, queues.set(queueId, position))
  }

  #putEpochs(topic: string, queueId: number, starts: readonly EpochStart[]): LeaderEpochs {
    const queues = this.#epochs.get(topic) ?? new Map<number, LeaderEpochs>()
    this.#epochs.set(topic, queues)
    const epochs: LeaderEpochs = new LeaderEpochs(starts, (all) => this.#writeEpochs(epochs, all))
    queues.set(queueId, epochs)
    return epochs
  }

  /** Once for all who ask before the writing begins: whoever begins to lead asks for every queue. */
  #writeEpochs(epochs: LeaderEpochs, starts: readonly EpochStart[]): Promise<void> {
    if (this.#changing === undefined) {
      const changed = new Map<LeaderEpochs, readonly EpochStart[]>()
      const done = this.#writes.run(async () => {
        this.#changing = undefined
        await this.#disk.replaceFile(this.#path, this.encoded(changed))
        for (const [each, written] of changed) this.#written.set(each, written)
      })
      this.#changing = { epochs: changed, done }
    }
    this.#changing.epochs.set(epochs, starts)
    return this.#changing.done
  }

  /** What the file holds; with `changed`, once these epochs begin there. */
  encoded(changed?: ReadonlyMap<LeaderEpochs, readonly EpochStart[]>): Buffer {
    const led = [...this.#epochs].flatMap(([topic, queues]) =>
      [...queues].flatMap(([queueId, epochs]) => {
        const starts = changed?.get(epochs) ?? this.#written.get(epochs) ?? epochs.starts
        return starts.at(-1)?.epoch === 0 ? [] : starts.map((start) => ({ topic, queueId, ...start }))
      }),
    )
    const starts = [...this.#starts].flatMap(([topic, queues]) =>
      [...queues].map(([queueId, offset]) => ({ topic, queueId, offset })),
    )
    const deleted = [...this.#deleted].map(([topic, position]) => ({ topic, position }))
    const emptied = [...this.#emptied].flatMap(([topic, queues]) =>
      [...queues].map(([queueId, position]) => ({ topic, queueId, position })),
    )
    const content = {
      version,
      starts,
      deleted,
      ...(led.length > 0 && { epochs: led }),
      ...(emptied.length > 0 && { emptied }),
    }
    return Buffer.from(`${JSON.stringify(content, null, 2)}\n`)
  }

  /** What the file says; false where that is nothing it could have been written with. */
  #take({ starts, deleted, epochs = [], emptied = [] }: { readonly [Part in StatePart]?: unknown }): boolean {
    if (!Array.isArray(starts) || !Array.isArray(deleted) || !Array.isArray(epochs) || !Array.isArray(emptied))
      return false
    for (const { topic, queueId, epoch, startOffset } of epochs.map(fieldsOf)) {
      if (typeof topic !== 'string' || !isNatural(queueId) || !isNatural(epoch) || !isNatural(startOffset)) return false
      const before = this.#epochs.get(topic)?.get(queueId)?.starts ?? []
      this.#putEpochs(topic, queueId, [...before, { epoch, startOffset }])
    }
    for (const row of starts.map(fieldsOf)) {
      const { topic, queueId, offset } = row
      if (typeof topic !== 'string' || !isNatural(queueId) || !isNatural(offset)) return false
      this.#put({ topic, partition: queueId, logStartOffset: offset })
    }
    for (const row of deleted.map(fieldsOf)) {
      const { topic, position } = row
      if (typeof topic !== 'string' || !isNatural(position)) return false
      this.#deleted.set(topic, position)
    }
    for (const { topic, queueId, position } of emptied.map(fieldsOf)) {
      if (typeof topic !== 'string' || !isNatural(queueId) || !isNatural(position)) return false
      this.#putEmptied(topic, queueId, position)
    }
    return true
  }
}

/** Takes positions back to the end, and forgets those before the start; whether anything changed. */
function keepWithin<Key>(positions: Map<Key, number>, start: number, end: number): boolean {
  let isNews = false
  for (const [key, position] of positions) {
    if (position > start && position <= end) continue
    if (position <= start) positions.delete(key)
    else positions.set(key, end)
    isNews = true
  }
  return isNews
}

type StatePart = 'starts' | 'deleted' | 'epochs' | 'emptied'
type Fields = 'topic' | 'queueId' | 'offset' | 'position' | 'epoch' | 'startOffset'

function fieldsOf(row: unknown): { [Field in Fields]?: unknown } {
  return typeof row === 'object' && row !== null ? row : {}
}

function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
