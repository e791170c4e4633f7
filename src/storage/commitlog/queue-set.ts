/**
 * All consume queues of a store, `consumequeue/<topic>/<queueId>/`. There may be ten thousand: what is done to all of them
 * is done side by side, and to those only that have something to do.
 */

import { join } from 'node:path'
import { mapParallel } from '../../core/parallel.js'
import type { Disk } from '../../files/disk.js'
import type { OpenFiles } from '../../files/open-files.js'
import { ConsumeQueue, type ConsumeQueueOptions, type QueueFindings } from './consume-queue.js'

/** How many queues are worked on at a time; more than the threads of the pool have any use of. */
const parallelQueues = 32
/** Beside appends: the threads that may wait for stable storage are few, and one of them is theirs. */
const parallelBeside = 2

/** Whether others wait for the disk meanwhile, who are not to be held up. */
export interface Pace {
  readonly beside?: boolean
}

function parallel({ beside = false }: Pace): number {
  return beside ? parallelBeside : parallelQueues
}

export interface ConsumeQueuesOptions {
  readonly disk: Disk
  /** The files of all queues, opened for writing, `{ mode: 'write' }`. */
  readonly files: OpenFiles
  /** `store/consumequeue`; may be missing. */
  readonly directory: string
  /** As `queueFileBytes` says it. */
  readonly fileBytes: number
  readonly wasClosedCleanly: boolean
}

/** What opening came upon. */
export interface QueueSetFindings {
  readonly queues: number
  /** The queues in which something was mended. */
  readonly mended: readonly { readonly directory: string; readonly findings: QueueFindings }[]
  /** Directories that are none of a queue, and were left alone. */
  readonly skipped: readonly string[]
}

/** What `truncateFrom` did: to queues that were ahead of their commit log. */
export interface QueuesCut {
  readonly entries: number
  /** Their directories. */
  readonly queues: readonly string[]
}

export class ConsumeQueues {
  readonly findings: QueueSetFindings
  readonly #options: ConsumeQueuesOptions
  readonly #topics: Map<string, Map<number, ConsumeQueue>>

  private constructor(
    options: ConsumeQueuesOptions,
    topics: Map<string, Map<number, ConsumeQueue>>,
    findings: QueueSetFindings,
  ) {
    this.#options = options
    this.#topics = topics
    this.findings = findings
  }

  /**
   * Opens every queue that has a directory; those whose name is no queue id are skipped. After an unclean end the caller
   * drops what no sync covered (`truncateFrom`).
   * @throws DATA_DIR_DAMAGED for a file of a wrong size or a stray one, in any queue
   */
  static async open(options: ConsumeQueuesOptions): Promise<ConsumeQueues> {
    const { disk, directory } = options
    const topics = await subdirectories(disk, directory)
    const nested = await mapParallel(topics, parallelQueues, async (topic) =>
      (await subdirectories(disk, join(directory, topic))).map((name) => ({ topic, name })),
    )
    const places = nested.flat()
    const isQueue = ({ name }: { name: string }) => queueIdOf(name) !== undefined
    const queues = await mapParallel(places.filter(isQueue), parallelQueues, async ({ topic, name }) => ({
      topic,
      queueId: Number(name),
      queue: await ConsumeQueue.open(queueOptions(options, topic, name)),
    }))
    const found = new Map<string, Map<number, ConsumeQueue>>()
    for (const { topic, queueId, queue } of queues) put(found, topic, queueId, queue)
    return new ConsumeQueues(options, found, {
      queues: queues.length,
      mended: queues
        .map(({ queue }) => ({ directory: queue.directory, findings: queue.findings }))
        .filter(({ findings }) => wasMended(findings)),
      skipped: places.filter((place) => !isQueue(place)).map(({ topic, name }) => join(directory, topic, name)),
    })
  }

  get topics(): string[] {
    return [...this.#topics.keys()]
  }

  /** Those of one topic, by queue id in no order. */
  of(topic: string): ReadonlyMap<number, ConsumeQueue> {
    return this.#topics.get(topic) ?? new Map<number, ConsumeQueue>()
  }

  get(topic: string, queueId: number): ConsumeQueue | undefined {
    return this.#topics.get(topic)?.get(queueId)
  }

  /** The queue, made where there is none; it gets a directory with the first entries that are flushed. */
  ensure(topic: string, queueId: number): ConsumeQueue {
    const known = this.get(topic, queueId)
    if (known !== undefined) return known
    const queue = ConsumeQueue.empty(queueOptions(this.#options, topic, String(queueId)))
    put(this.#topics, topic, queueId, queue)
    return queue
  }

  all(): ConsumeQueue[] {
    return [...this.#topics.values()].flatMap((queues) => [...queues.values()])
  }

  /** Behind the last message that any queue has an entry of; 0 where none has one. */
  get maxPosition(): number {
    return this.all().reduce((greatest, { maxPosition }) => Math.max(greatest, maxPosition), 0)
  }

  /** Entries that are in memory alone. */
  get unflushedEntries(): number {
    return this.all().reduce((sum, { unflushedEntries }) => sum + unflushedEntries, 0)
  }

  /** As `ConsumeQueue.flush`, of all queues; returns how many entries were written. */
  async flush(maxPosition: number, pace: Pace = {}): Promise<number> {
    const queues = this.all().filter(({ unflushedEntries }) => unflushedEntries > 0)
    return sum(await mapParallel(queues, parallel(pace), (queue) => queue.flush(maxPosition)))
  }

  /** Those that are written no more, since a sync of them failed. */
  failed(): ConsumeQueue[] {
    return this.all().filter(({ failure }) => failure !== undefined)
  }

  /** Makes what was flushed durable, in all queues. */
  async sync(pace: Pace = {}): Promise<void> {
    const queues = this.all().filter(({ needsSync }) => needsSync)
    await mapParallel(queues, parallel(pace), (queue) => queue.sync())
  }

  /** As `ConsumeQueue.truncateFrom`, of all queues: says what was ahead of the commit log. */
  async truncateFrom(position: number): Promise<QueuesCut> {
    const queues = this.all()
    const dropped = await mapParallel(queues, parallelQueues, (queue) => queue.truncateFrom(position))
    const directories = queues.filter((_, i) => dropped[i] > 0).map(({ directory }) => directory)
    return { entries: sum(dropped), queues: directories }
  }

  /** As `ConsumeQueue.startAt`, of all queues. */
  async startAt(minPosition: number): Promise<void> {
    await mapParallel(this.all(), parallelQueues, (queue) => queue.startAt(minPosition))
  }

  /** As `ConsumeQueue.removeBefore`, of all queues; returns how many files were removed. */
  async removeBefore(minPosition: number): Promise<number> {
    return sum(await mapParallel(this.all(), parallelQueues, (queue) => queue.removeBefore(minPosition)))
  }

  /** Removes the queues of a topic from `fromQueue` on, with their files, and the topic's directory where none is left. */
  async removeTopic(topic: string, fromQueue = 0): Promise<void> {
    const { disk, directory } = this.#options
    const queues = this.#topics.get(topic)
    const removed = [...(queues ?? [])].filter(([queueId]) => queueId >= fromQueue)
    for (const [queueId] of removed) queues?.delete(queueId)
    if (queues?.size === 0) this.#topics.delete(topic)
    await mapParallel(removed, parallelQueues, ([, queue]) => queue.close())
    if ((await disk.list(join(directory, topic))) === undefined) return
    if (fromQueue === 0) await disk.remove(join(directory, topic))
    else await mapParallel(removed, parallelQueues, ([, queue]) => disk.remove(queue.directory))
    await disk.syncDirectory(fromQueue === 0 ? directory : join(directory, topic))
  }

  /** Ends the use of all queues; what was not flushed is forgotten. */
  async close(): Promise<void> {
    await mapParallel(this.all(), parallelQueues, (queue) => queue.close())
  }
}

function put(
  topics: Map<string, Map<number, ConsumeQueue>>,
  topic: string,
  queueId: number,
  queue: ConsumeQueue,
): void {
  const queues = topics.get(topic) ?? new Map<number, ConsumeQueue>()
  topics.set(topic, queues.set(queueId, queue))
}

/** Undefined where the name of a directory is no queue id as it is written. */
function queueIdOf(name: string): number | undefined {
  const queueId = Number(name)
  return /^(0|[1-9]\d{0,9})$/.test(name) && queueId <= 0x7fffffff ? queueId : undefined
}

function queueOptions(options: ConsumeQueuesOptions, topic: string, name: string): ConsumeQueueOptions {
  return { ...options, directory: join(options.directory, topic, name) }
}

function wasMended({ removedEmpty, extended, removed, holes }: QueueFindings): boolean {
  return removedEmpty !== undefined || extended !== undefined || removed.length > 0 || holes.length > 0
}

async function subdirectories(disk: Disk, path: string): Promise<string[]> {
  return ((await disk.list(path)) ?? []).filter(({ isDirectory }) => isDirectory).map(({ name }) => name)
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
