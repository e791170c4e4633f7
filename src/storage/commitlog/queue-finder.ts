/**
 * Finds the messages of one queue by key or id, through the index that all queues share. What the index gives are hints:
 * each message is read and looked at, and taken if it is the queue's own, committed, and has that key or id.
 */

import type { StoredRecord } from '../../records/record.js'
import { hasKey } from '../../records/tags-and-keys.js'
import type { MessageFinder, Search } from '../message-finder.js'
import type { BuildOptions } from './batch-builder.js'
import { ownPropertyOf } from './dispatching.js'
import { keyHash, topicHash } from './hashes.js'
import type { MessageView } from './message.js'
import { prepareBodies } from './message-body.js'
import type { QueueLog } from './queue-log.js'
import { recordOf } from './record-parts.js'

export interface FinderOptions extends Pick<BuildOptions, 'idHeader' | 'maxBodyBytes'> {
  /** Where messages may be whose key has this hash, the newest first. */
  candidates(hash: number): AsyncIterable<{ readonly position: number }>
  /** The message at a position that readers see; undefined where there is none. */
  messageAt(position: number): Promise<MessageView | undefined>
}

export class QueueFinder implements MessageFinder {
  readonly #queue: QueueLog
  readonly #options: FinderOptions

  constructor(queue: QueueLog, options: FinderOptions) {
    this.#queue = queue
    this.#options = options
  }

  async find(search: Search): Promise<StoredRecord[]> {
    const { candidates, messageAt, idHeader, maxBodyBytes } = this.#options
    const found: StoredRecord[] = []
    const hash = keyHash(topicHash(this.#queue.topic), search.bytes)
    for await (const { position } of candidates(hash)) {
      const view = await messageAt(position)
      if (view === undefined || !(await this.#isVisible(view, search))) continue
      await prepareBodies([view])
      const record = recordOf(view, idHeader, maxBodyBytes)
      if (!isMeant(record, search, idHeader)) continue
      found.push(record)
      if (found.length >= search.limit) break
    }
    return found
  }

  /** Whether the message is one of the queue's that a reader of committed messages gets in the range that is asked for. */
  async #isVisible(view: MessageView, { minOffset, endOffset }: Search): Promise<boolean> {
    const queue = this.#queue
    const { queueOffset: offset } = view
    if (view.queueId !== queue.partition || view.topic !== queue.topic) return false
    if (offset < Math.max(minOffset, queue.logStartOffset) || offset >= Math.min(endOffset, queue.lastStableOffset)) {
      return false
    }
    const own = ownPropertyOf(view)
    if (own.marker !== undefined) return false
    // It may be of an earlier topic of that name.
    if ((await queue.positionOf(offset)) !== view.position) return false
    if (!own.isTransactional) return true
    return !queue.abortedTransactions(offset, offset + 1).some(({ producerId }) => producerId === own.producerId)
  }
}

function isMeant(record: StoredRecord, { kind, bytes, minTimestamp, endTimestamp }: Search, idHeader: string): boolean {
  if (record.timestamp < minTimestamp || record.timestamp >= endTimestamp) return false
  if (kind === 'key') return hasKey(record, bytes)
  return record.headers.findLast(({ key }) => key === idHeader)?.value?.equals(bytes) ?? false
}
