/**
 * Brings the queues and the key index up to the end of the commit log, and finds that end: from the last snapshot where the
 * files go with it, else from the first message that is kept.
 *
 * The first thing that is no message ends the log. Where writes are durable in their order, a sound message far behind it
 * cannot be what an interrupted write left: that is damage, of which nothing is cut (docs/formats.md, "RocketMQ's layout").
 */

import type { Clock } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'
import type { OpenFiles } from '../../files/open-files.js'
import type { BuildOptions } from './batch-builder.js'
import { dispatchOf, ownPropertyOf } from './dispatching.js'
import type { FileSequence } from './file-sequence.js'
import type { MessageView } from './message.js'
import type { MessageIndex } from './message-index.js'
import { emptyQueue } from './queue-log.js'
import type { ConsumeQueues } from './queue-set.js'
import { type ReadMessage, RecoveringQueue } from './recovering-queue.js'
import { holdsMessage, type Scan, scanMessages } from './scanning.js'
import type { QueueSnapshot, StoreSnapshot } from './snapshot.js'

export interface RecoveryOptions {
  readonly files: FileSequence
  readonly openFiles: OpenFiles
  readonly queues: ConsumeQueues
  readonly index: MessageIndex
  readonly clock: Clock
  readonly logger: Logger
  readonly building: BuildOptions
  readonly snapshot: StoreSnapshot | undefined
  /** Every message is read, also what is known to be sound. */
  readonly fullScan: boolean
  /** Rounds are durable one after the other, so a hole between two of them is damage. */
  readonly inOrder: boolean
  /** The most that one write which was interrupted leaves behind the end. */
  readonly longestTornBytes: number
  /** Messages of a topic before this position are not its own: they are of an earlier one of that name. */
  sinceOf(topic: string): number
  onScanned(bytes: number): void
}

export interface RecoveredLog {
  /** Where the log ends: the next message begins here. */
  readonly end: number
  /** Of the last message, ms; 0 where there is none. */
  readonly storeTimestamp: number
  readonly queues: readonly RecoveringQueue[]
  readonly scannedBytes: number
  /** Queues and index were made anew. */
  readonly isRebuilt: boolean
  /** Something lies behind the end, left by a write that was interrupted. */
  readonly isTorn: boolean
  /** Why nothing may be appended. */
  readonly damage?: string
}

/** Beyond what an interrupted write may have left it is looked so far for messages. */
const searchedBytes = 64 * 1024 * 1024
/** Entries of queues that are made anew go to the disk as often. */
const flushedBytes = 256 * 1024 * 1024

export async function recover(options: RecoveryOptions): Promise<RecoveredLog> {
  const recovery = new Recovery(options)
  const from = await recovery.begin()
  return recovery.run(from)
}

class Recovery {
  readonly #options: RecoveryOptions
  readonly #queues = new Map<string, RecoveringQueue>()
  #batch: ReadMessage[] = []
  #scannedBytes = 0
  #unflushedBytes = 0
  #storeTimestamp = 0
  #isRebuilt = false

  constructor(options: RecoveryOptions) {
    this.#options = options
  }

  /** Decides where the reading begins, and brings queues and index to that place. */
  async begin(): Promise<number> {
    const { files, queues, index, snapshot, fullScan, logger } = this.#options
    const first = files.first ?? 0
    const why = fullScan ? 'everything is to be read' : await this.#whyNot(snapshot)
    if (snapshot !== undefined && why === undefined) {
      this.#storeTimestamp = snapshot.storeTimestamp
      for (const queue of snapshot.queues) this.#know(queue)
      return snapshot.position
    }
    const isNew = files.first === undefined && queues.all().length === 0
    if (!isNew) logger.info({ directory: files.directory, why }, 'Reading the commit log from its first file on.')
    this.#isRebuilt = !isNew
    await Promise.all(queues.all().map((queue) => queue.clear()))
    await index.reset()
    return first
  }

  /** Cuts what the snapshot does not know off the queues and the index; says why they do not go with it, where they do not. */
  async #whyNot(snapshot: StoreSnapshot | undefined): Promise<string | undefined> {
    const { files, queues, index, logger } = this.#options
    if (snapshot === undefined) return 'there is no snapshot of the queues'
    const { position } = snapshot
    if (position < (files.first ?? 0) || position > files.end)
      return 'the snapshot of the queues is of another commit log'
    if (!index.continues(snapshot.index)) return index.rebuildReason ?? 'files of the key index are missing'
    const cut = await queues.truncateFrom(position)
    if (cut.entries > 0)
      logger.info(
        { entries: cut.entries, queues: cut.queues.length, position },
        'Entries of consume queues behind the snapshot are made anew.',
      )
    await index.truncateFrom(position)
    for (const { topic, queueId, endOffset } of snapshot.queues) {
      const entries = queues.get(topic, queueId)
      const found = entries === undefined || entries.isEmpty ? 0 : entries.maxOffset
      if (found !== endOffset) return `the consume queue ${topic}/${queueId} ends at ${found} instead of ${endOffset}`
    }
    return undefined
  }

  async run(from: number): Promise<RecoveredLog> {
    const { files, openFiles, onScanned } = this.#options
    const scan: Scan = {
      files,
      openFiles,
      onScanned: (bytes) => {
        this.#scannedBytes += bytes
        onScanned(bytes)
      },
    }
    const { position, fault } = await scanMessages(scan, from, (message) => this.#visit(message))
    // A batch of which the rest is missing was never acknowledged.
    const end = this.#batch[0]?.dispatch.position ?? position
    if (end < position) await this.#options.index.truncateFrom(end)
    const isDamaged = this.#options.inOrder && (await this.#goesOn(end))
    const what = fault === undefined ? 'nothing is there' : `what is there ${fault}`
    return {
      end,
      storeTimestamp: this.#storeTimestamp,
      queues: [...this.#queues.values()],
      scannedBytes: this.#scannedBytes,
      isRebuilt: this.#isRebuilt,
      isTorn: fault !== undefined || end < position,
      ...(isDamaged && {
        damage: `${files.directory} is damaged at position ${end}: ${what}, and messages follow behind it`,
      }),
    }
  }

  /** Whether there are messages so far behind `end` that they were not written together with what lies there. */
  #goesOn(end: number): Promise<boolean> {
    const { files, openFiles, longestTornBytes } = this.#options
    const from = end + longestTornBytes
    return holdsMessage({ files, openFiles }, from, Math.min(files.end, from + searchedBytes))
  }

  #visit(view: MessageView): Promise<void> | undefined {
    const dispatch = dispatchOf(view)
    this.#storeTimestamp = dispatch.storeTimestamp
    if (dispatch.position < this.#options.sinceOf(dispatch.topic)) return undefined
    const patience = dispatch.isIndexed ? this.#options.index.put(dispatch) : undefined
    if (dispatch.hasQueueEntry) this.#gather({ view, dispatch, own: ownPropertyOf(view) })
    this.#unflushedBytes += dispatch.sizeInBytes
    if (this.#unflushedBytes < flushedBytes) return patience
    this.#unflushedBytes = 0
    return this.#options.queues.flush(dispatch.position).then(() => patience)
  }

  #gather(message: ReadMessage): void {
    const { index, recordsCount } = message.own
    // A RocketMQ that found the log torn kept what was there of the last batch, and went on behind it.
    if (index !== this.#batch.length && this.#batch.length > 0) this.#takeBatch()
    this.#batch.push(message)
    if (index + 1 >= recordsCount) this.#takeBatch()
  }

  #takeBatch(): void {
    const batch = this.#batch
    this.#batch = []
    this.#queueOf(batch[0]).take(batch, this.#options.clock.now(), this.#options.building)
  }

  #queueOf({ dispatch: { topic, queueId } }: ReadMessage): RecoveringQueue {
    const key = `${queueId} ${topic}`
    return this.#queues.get(key) ?? this.#know({ ...emptyQueue, topic, queueId })
  }

  #know({ topic, queueId, ...state }: QueueSnapshot): RecoveringQueue {
    const queue = new RecoveringQueue(topic, queueId, this.#options.queues.ensure(topic, queueId), state)
    this.#queues.set(`${queueId} ${topic}`, queue)
    return queue
  }
}
