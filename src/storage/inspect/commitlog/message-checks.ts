/** What is checked of each message of the commit log in its turn: its time, its batch, its queue, its keys. */

import { placeKey } from '../../../core/place-key.js'
import { dispatchOf, type MessageDispatch } from '../../commitlog/dispatching.js'
import { sysFlag } from '../../commitlog/format.js'
import type { MessageView } from '../../commitlog/message.js'
import { GreatestIds } from '../../producer-id-ranges.js'
import type { FindingCode, Findings } from '../findings.js'
import { BatchCheck } from './batch-check.js'
import type { IndexCheck, IndexedMessage } from './index-check.js'
import type { QueueChecks } from './list-queues.js'
import type { LogVisitor } from './log-pass.js'
import type { QueueCheck } from './queue-check.js'
import type { LastMessage, QueueEnd, SnapshotCheck } from './snapshot-check.js'

export interface MessageChecksOptions {
  readonly queues: QueueChecks
  readonly index: IndexCheck
  readonly snapshot: SnapshotCheck
  /** See `StoreRequest`. */
  sinceOf(topic: string, queueId: number): number | undefined
  /** The file that a position lies in, and where in it. */
  placeOf(position: number): { readonly path: string; readonly position: number }
}

export class MessageChecks implements LogVisitor {
  readonly #options: MessageChecksOptions
  readonly #findings: Findings
  readonly #batches = new BatchCheck()
  readonly #since = new Map<string, { readonly position: number | undefined }>()
  #last: LastMessage = { position: -1, end: 0, storeTimestamp: 0 }
  /** Of the messages so far. */
  readonly producerIds = new GreatestIds()
  #storeTimestamp = 0

  constructor(options: MessageChecksOptions, findings: Findings) {
    this.#options = options
    this.#findings = findings
  }

  /** Of the last message, ms; 0 where there is none. */
  get storeTimestamp(): number {
    return this.#storeTimestamp
  }

  lost(): void {
    this.#batches.lose()
  }

  message(view: MessageView): Promise<void> | undefined {
    const dispatch = dispatchOf(view)
    const { position, topic, queueId, storeTimestamp, own } = dispatch
    const { snapshot } = this.#options
    if (snapshot.isDue && position >= snapshot.position) snapshot.compare(this.#last, this.#queueEnds())
    this.#last = { position, end: position + dispatch.sizeInBytes, storeTimestamp }
    if (storeTimestamp < this.#storeTimestamp) this.#reportTime(dispatch)
    this.#storeTimestamp = Math.max(this.#storeTimestamp, storeTimestamp)
    if (own.producerId >= 0) this.producerIds.note(own.producerId)
    const partial = this.#batches.take(dispatch)
    if (partial !== undefined) this.#add('batch-partial', partial.position, partial.what)
    const isDue = position >= (this.#sinceOf(topic, queueId) ?? 0)
    const { keyHashes, lateHashes } = dispatch
    const indexed = { position, storeTimestamp, keyHashes, lateHashes, isDue }
    const isQueued = isDue && dispatch.hasQueueEntry && (view.sysFlag & sysFlag.innerBatch) === 0
    return (isQueued ? this.#queue(dispatch, indexed) : undefined) ?? this.#index(indexed)
  }

  /** Resolves when all has been compared; undefined where the queue at least needed nothing to be read. */
  #queue(dispatch: MessageDispatch, indexed: IndexedMessage): Promise<void> | undefined {
    const queue = this.#options.queues.of(dispatch.topic, dispatch.queueId)
    if (!this.#isInOrder(queue, dispatch)) return undefined
    return queue.take(dispatch) ? undefined : this.#queueLater(queue, dispatch).then(() => this.#index(indexed))
  }

  async #queueLater(queue: QueueCheck, dispatch: MessageDispatch): Promise<void> {
    do await queue.load()
    while (!queue.take(dispatch))
  }

  #index(message: IndexedMessage): Promise<void> | undefined {
    if (message.keyHashes.length === 0 || this.#options.index.take(message)) return undefined
    return this.#indexLater(message)
  }

  async #indexLater(message: IndexedMessage): Promise<void> {
    const { index } = this.#options
    do await index.load()
    while (!index.take(message))
  }

  /** False of a message that has no place in the queue. */
  #isInOrder(queue: QueueCheck, { queueOffset, position, topic, queueId }: MessageDispatch): boolean {
    const { nextOffset } = queue
    if (nextOffset === undefined || queueOffset === nextOffset) return true
    const name = `${topic}/${queueId}`
    if (queueOffset > nextOffset) {
      const which = `offsets ${nextOffset} to ${queueOffset - 1} of queue ${name} are missing`
      this.#add('offsets-missing', position, `The message has offset ${queueOffset}, and ${which}`, queueOffset)
      return true
    }
    if (queueOffset === 0 && this.#sinceOf(topic, queueId) === undefined) {
      queue.restart()
      return true
    }
    const what = `The message has offset ${queueOffset}, which queue ${name} had before: it ends at ${nextOffset}`
    this.#add('offsets-overlap', position, what, queueOffset)
    return false
  }

  #sinceOf(topic: string, queueId: number): number | undefined {
    const key = placeKey({ topic, partition: queueId })
    const known = this.#since.get(key)
    if (known !== undefined) return known.position
    const position = this.#options.sinceOf(topic, queueId)
    this.#since.set(key, { position })
    return position
  }

  #reportTime({ position, storeTimestamp }: MessageDispatch): void {
    this.#add('timestamp-wrong', position, `It was stored at ${storeTimestamp}, before the message in front of it`)
  }

  #add(code: FindingCode, at: number, what: string, offset?: number): void {
    const { path, position } = this.#options.placeOf(at)
    this.#findings.add(code, path, what, { position, ...(offset !== undefined && { offset }), ...nextOf(code) })
  }

  #queueEnds(): QueueEnd[] {
    return this.#options.queues
      .all()
      .flatMap(({ topic, queueId, nextOffset }) => (nextOffset === undefined ? [] : [{ topic, queueId, nextOffset }]))
  }

  /** When the log has been read to its end. */
  async finish(logEnd: number, clean: boolean): Promise<void> {
    const { snapshot, queues, index } = this.#options
    const open = this.#batches.openPosition
    if (open !== undefined) {
      const what = 'The batch that begins here is not whole'
      if (clean) this.#add('batch-partial', open, what)
      else this.#add('torn-tail', open, `${what}: it is what an interrupted write left`)
    }
    const end = clean ? logEnd : (open ?? logEnd)
    snapshot.finish(end, this.#last, this.#queueEnds())
    for (const queue of queues.all()) await queue.finish(end, clean)
    await index.finish(end)
  }
}

/** What there is to be done about a log of its own is no help here. */
function nextOf(code: FindingCode): { next?: string } {
  if (code === 'offsets-missing' || code === 'offsets-overlap') {
    return { next: 'put a good copy of the files back, or holdfast repair --cut ends the log here' }
  }
  return code === 'timestamp-wrong' ? { next: 'nothing: a search by time may miss this message' } : {}
}
