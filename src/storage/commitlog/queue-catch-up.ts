/**
 * Takes consume queues up again after a sync of them failed: of what was written since the one before nobody knows what is
 * on the disk, and no later sync would say so. It is read from the commit log, and written anew.
 */

import { HoldfastError } from '../../core/errors.js'
import type { OpenFiles } from '../../files/open-files.js'
import type { ConsumeQueue } from './consume-queue.js'
import { dispatchOf } from './dispatching.js'
import type { FileSequence } from './file-sequence.js'
import type { ConsumeQueues } from './queue-set.js'
import { QueueTail } from './queue-tail.js'
import { scanMessages } from './scanning.js'

export interface QueueCatchUpOptions {
  readonly entries: ConsumeQueues
  readonly files: FileSequence
  readonly openFiles: OpenFiles
  /** Messages of a queue before this position are not its own. */
  sinceOf(topic: string, queueId: number): number
}

/**
 * @param from entries of messages that begin before it are durable in all queues
 * @param to readers see what lies below; entries of later messages are in memory
 * @throws LOG_DAMAGED where the commit log does not lead from one to the other, and what the disk says; the next call tries again
 */
export async function catchUpQueues(options: QueueCatchUpOptions, from: number, to: number): Promise<void> {
  const { entries, files, openFiles, sinceOf } = options
  const missing = new Map(entries.failed().map((queue) => [queue, new QueueTail()]))
  if (missing.size === 0) return
  await scanMessages(
    { files, openFiles },
    Math.max(from, files.first ?? 0),
    (view) => {
      const queue = entries.get(view.topic, view.queueId)
      const tail = queue && missing.get(queue)
      if (queue === undefined || tail === undefined || view.position < sinceOf(view.topic, view.queueId))
        return undefined
      const { hasQueueEntry, queueOffset, position, sizeInBytes, tagsCode } = dispatchOf(view)
      if (!hasQueueEntry || queueOffset >= queue.unflushedOffset) return undefined
      if (tail.count === 0) tail.restart(queueOffset)
      if (queueOffset === tail.firstOffset + tail.count) tail.push(position, sizeInBytes, tagsCode)
      return undefined
    },
    to,
  )
  for (const [queue, tail] of missing) await goOn(queue, tail)
}

async function goOn(queue: ConsumeQueue, tail: QueueTail): Promise<void> {
  if (await queue.writeAgain(tail)) return
  throw new HoldfastError(
    'LOG_DAMAGED',
    `What a failed sync of ${queue.directory} has left open is not whole in the commit log: holdfast verify says where it is damaged.`,
  )
}
