/**
 * Brings the queues and the key index up to the end of the commit log, and finds that end: from the last snapshot where the
 * files go with it, else from the first message that is kept.
 *
 * The first thing that is no message ends the log, unless it is damage (end-of-log.ts). A queue whose messages are all gone
 * goes on where it was: its offsets are known to consumers.
 */

import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import type { OpenFiles } from '../../files/open-files.js'
import type { BuildOptions } from './batch-builder.js'
import { dispatchOf } from './dispatching.js'
import { damageAt } from './end-of-log.js'
import type { FileSequence } from './file-sequence.js'
import type { MessageView } from './message.js'
import type { MessageIndex } from './message-index.js'
import { MessageReader } from './message-reader.js'
import type { LastMessage } from './publishing.js'
import type { ConsumeQueues } from './queue-set.js'
import { type ReadMessage, RecoveringQueue } from './recovering-queue.js'
import { type Scan, scanMessages } from './scanning.js'
import type { QueueSnapshot, StoreSnapshot } from './snapshot.js'
import { emptyQueue } from './snapshot.js'

export interface RecoveryOptions {
  readonly files: FileSequence
  readonly openFiles: OpenFiles
  readonly queues: ConsumeQueues
  readonly index: MessageIndex
  readonly clock: Clock
  readonly logger: Logger
  readonly building: BuildOptions
  readonly snapshot: StoreSnapshot | undefined
  readonly snapshotPath: string
  /** The last one who had the store open has closed it. */
  readonly clean: boolean
  /** Every message is read, also what is known to be sound. */
  readonly fullScan: boolean
  /** A round is durable before the next one is written. */
  readonly inOrder: boolean
  /** Messages of a queue before this position are not its own: of an earlier topic of that name, or from before it was emptied. */
  sinceOf(topic: string, queueId: number): number
  onScanned(bytes: number): void
}

export interface RecoveredLog {
  /** Where the log ends: the next message begins here. */
  readonly end: number
  readonly last: LastMessage
  readonly queues: readonly RecoveringQueue[]
  readonly scannedBytes: number
  /** The position of the snapshot that it was read from; -1 where there is none that goes with the log. */
  readonly snapshotPosition: number
  /** Queues and index were made anew. */
  readonly isRebuilt: boolean
  /** Something lies behind the end, left by a write that was interrupted. */
  readonly isTorn: boolean
  /** Why nothing may be appended. */
  readonly damage?: string
}

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
  #last: LastMessage = noMessage
  /** The one before the batch that is being gathered. */
  #lastWhole: LastMessage = noMessage
  /** The first message whose queue lacks the one before it. */
  #gap: { readonly position: number; readonly fault: string } | undefined
  #isRebuilt = false
  #queuesLeadTo = 0
  /** Of a log that is read from its first message on: where its queues ended before. */
  #former: readonly QueueSnapshot[] = []

  constructor(options: RecoveryOptions) {
    this.#options = options
  }

  /** Decides where the reading begins, and brings queues and index to that place. */
  async begin(): Promise<number> {
    const { files, queues, index, snapshot, fullScan, logger, clean } = this.#options
    const first = files.first ?? 0
    if (clean && snapshot === undefined) this.#queuesLeadTo = queues.maxPosition
    const why = fullScan ? 'everything is to be read' : await this.#whyNot(snapshot)
    if (snapshot !== undefined && why === undefined) {
      this.#last = snapshot
      this.#lastWhole = snapshot
      for (const queue of this.#kept(snapshot)) this.#know(queue)
      return snapshot.position
    }
    const isNew = files.first === undefined && queues.all().length === 0
    if (!isNew) logger.info({ directory: files.directory, why }, 'Reading the commit log from its first file on.')
    this.#isRebuilt = !isNew
    this.#former = this.#formerQueues(first)
    await Promise.all(queues.all().map((queue) => queue.clear()))
    await index.reset()
    return first
  }

  /** Cuts what the snapshot does not know off the queues and the index; says why they do not go with it, where they do not. */
  async #whyNot(snapshot: StoreSnapshot | undefined): Promise<string | undefined> {
    const { queues, index, logger, files } = this.#options
    if (snapshot === undefined) return 'there is no snapshot of the queues'
    const { position } = snapshot
    if (!(await this.#isOfThisLog(snapshot))) return 'the snapshot of the queues is of another commit log'
    if (!index.continues(snapshot.index, files.first ?? 0))
      return index.rebuildReason ?? 'files of the key index are missing'
    const cut = await queues.truncateFrom(position)
    if (cut.entries > 0)
      logger.info(
        { entries: cut.entries, queues: cut.queues.length, position },
        'Entries of consume queues behind the snapshot are made anew.',
      )
    await index.truncateFrom(position)
    const kept = this.#kept(snapshot)
    for (const { topic, queueId, startOffset, endOffset, sizeInBytes } of kept) {
      const entries = queues.ensure(topic, queueId)
      // One of which the log holds nothing has no entries where it was made anew.
      if (entries.isEmpty && sizeInBytes === 0) entries.beginAt(endOffset)
      const { firstOffset, maxOffset } = entries
      if (maxOffset !== endOffset)
        return `the consume queue ${topic}/${queueId} ends at ${maxOffset} instead of ${endOffset}`
      if (firstOffset > startOffset)
        return `the consume queue ${topic}/${queueId} begins at ${firstOffset} instead of ${startOffset}`
    }
    await this.#clearOthers(kept)
    return undefined
  }

  /** Whether the last message below its position is there, as it was. */
  async #isOfThisLog({ position, lastPosition, storeTimestamp }: StoreSnapshot): Promise<boolean> {
    const { files, openFiles } = this.#options
    const first = files.first ?? 0
    if (position < first || position > files.end) return false
    // It may have been in the file that was deleted last.
    if (lastPosition < first) return lastPosition >= 0 || position === 0
    const found = await new MessageReader(files, { openFiles }).at(lastPosition, position)
    if (found?.storeTimestamp !== storeTimestamp) return false
    const end = lastPosition + found.sizeInBytes
    return position === end || position === files.startFor(end) + files.fileBytes
  }

  /** Without those of topics that were deleted since, empty ones too: they would be taken for topics. And those that were emptied. */
  #kept({ position, queues }: StoreSnapshot): QueueSnapshot[] {
    return queues.filter(({ topic, queueId }) => this.#options.sinceOf(topic, queueId) < position)
  }

  /** Entries below the snapshot of queues that it does not know are those of topics that were deleted before. */
  async #clearOthers(kept: readonly QueueSnapshot[]): Promise<void> {
    const { queues } = this.#options
    const known = new Set(kept.map(({ topic, queueId }) => keyOf(topic, queueId)))
    for (const topic of queues.topics) {
      for (const [queueId, entries] of queues.of(topic)) {
        if (!entries.isEmpty && !known.has(keyOf(topic, queueId))) await entries.clear()
      }
    }
  }

  /** Where queues ended, as the snapshot says, or else their entries where these lead to nothing that is there. */
  #formerQueues(first: number): QueueSnapshot[] {
    const { queues, snapshot, sinceOf } = this.#options
    const former = new Map<string, QueueSnapshot>()
    for (const topic of queues.topics) {
      for (const [queueId, { isEmpty, maxPosition, maxOffset }] of queues.of(topic)) {
        if (isEmpty || maxPosition > first || sinceOf(topic, queueId) >= maxPosition) continue
        former.set(keyOf(topic, queueId), { ...emptyQueue, topic, queueId, endOffset: maxOffset })
      }
    }
    for (const queue of snapshot === undefined ? [] : this.#kept(snapshot)) {
      const key = keyOf(queue.topic, queue.queueId)
      const endOffset = Math.max(queue.endOffset, former.get(key)?.endOffset ?? 0)
      former.set(key, { ...queue, endOffset, sizeInBytes: 0, aborted: [] })
    }
    return [...former.values()]
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
    const scanned = await scanMessages(scan, from, (message) => this.#visit(message))
    const { position, fault } = this.#gap ?? scanned
    // A batch of which the rest is missing was never acknowledged.
    const end = this.#batch[0]?.dispatch.position ?? position
    if (end < scanned.position) await this.#options.index.truncateFrom(end)
    for (const queue of this.#former) {
      if (queue.endOffset > 0 && !this.#queues.has(keyOf(queue.topic, queue.queueId))) {
        this.#know(queue).entries.beginAt(queue.endOffset)
      }
    }
    const durableTo = this.#options.snapshot?.position ?? 0
    const gap = this.#gap && `${files.directory} is damaged: ${this.#gap.fault}`
    const damage =
      gap ?? (await damageAt(end, fault, { ...this.#options, durableTo, queuesLeadTo: this.#queuesLeadTo }))
    return {
      end,
      last: end < scanned.position ? this.#lastWhole : this.#last,
      queues: [...this.#queues.values()],
      scannedBytes: this.#scannedBytes,
      snapshotPosition: this.#isRebuilt ? -1 : from,
      isRebuilt: this.#isRebuilt,
      isTorn: fault !== undefined || end < position,
      ...(damage !== undefined && { damage }),
    }
  }

  #visit(view: MessageView): Promise<void> | undefined {
    if (this.#gap !== undefined) return undefined
    const dispatch = dispatchOf(view)
    if (this.#batch.length === 0) this.#lastWhole = this.#last
    this.#last = { storeTimestamp: dispatch.storeTimestamp, lastPosition: dispatch.position }
    if (dispatch.position < this.#options.sinceOf(dispatch.topic, dispatch.queueId)) return undefined
    const patience = dispatch.isIndexed ? this.#options.index.put(dispatch) : undefined
    if (dispatch.hasQueueEntry) this.#gather({ view, dispatch, own: dispatch.own })
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
    try {
      this.#queueOf(batch[0]).take(batch, this.#options.clock.now(), this.#options.building)
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'LOG_DAMAGED') throw error
      this.#gap = { position: batch[0].dispatch.position, fault: error.message }
    }
  }

  #queueOf({ dispatch: { topic, queueId } }: ReadMessage): RecoveringQueue {
    return this.#queues.get(keyOf(topic, queueId)) ?? this.#know({ ...emptyQueue, topic, queueId })
  }

  #know({ topic, queueId, ...state }: QueueSnapshot): RecoveringQueue {
    const queue = new RecoveringQueue(topic, queueId, this.#options.queues.ensure(topic, queueId), state)
    this.#queues.set(keyOf(topic, queueId), queue)
    return queue
  }
}

const noMessage: LastMessage = { storeTimestamp: 0, lastPosition: -1 }

function keyOf(topic: string, queueId: number): string {
  return `${queueId} ${topic}`
}
