/** A topic as transactions leave it, written straight into its log: what readers of every kind are tried on. */

import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { batchOf } from '../storage/support.js'

/** Messages of transactions that were committed, and such as belong to none. */
export const committedValues = ['plain 0', 'one 0', 'one 1', 'plain 1', 'two 0', 'two 1', 'plain 2'] as const
/** Of a transaction that was aborted. */
const abortedValues = ['gone 0', 'gone 1', 'gone 2']
/** Behind the begin of a transaction that is open. */
export const openValues = ['open 0', 'plain 3'] as const

const beginTime = Date.now()
/** Of the very last message, milliseconds since 1970: later than all others, and not so late that a segment would roll. */
export const lateTime = beginTime + 3_600_000

/** In the order of the log. */
export const allValues = [
  'plain 0',
  'one 0',
  'gone 0',
  'one 1',
  'gone 1',
  'plain 1',
  'gone 2',
  'two 0',
  'two 1',
  'plain 2',
  ...openValues,
]

/**
 * Producer 1 commits, producer 2 aborts between its records and commits then, producer 3 has begun: its first record lies
 * at offset 13, the last stable one of 15.
 */
export async function writeTransactions(log: PartitionLog): Promise<void> {
  const next = new Map<number, number>()
  const plain = (value: string, timestamp = beginTime) => log.append(batchOf([value], { timestamp })).acknowledged
  const within = (producerId: number, ...values: string[]) => {
    const baseSequence = next.get(producerId) ?? 0
    next.set(producerId, baseSequence + values.length)
    const producer = { producerId, producerEpoch: 0, baseSequence, isTransactional: true }
    return log.append(batchOf(values, { ...producer, timestamp: beginTime })).acknowledged
  }
  const end = (producerId: number, commit: boolean) =>
    log.endTransaction({ producerId, producerEpoch: 0, coordinatorEpoch: 0, commit }).acknowledged
  await plain('plain 0')
  await within(1, 'one 0')
  await within(2, abortedValues[0])
  await within(1, 'one 1')
  await within(2, abortedValues[1])
  await plain('plain 1')
  await end(1, true)
  await within(2, abortedValues[2])
  await end(2, false)
  await within(2, 'two 0', 'two 1')
  await plain('plain 2')
  await end(2, true)
  await within(3, openValues[0])
  await plain(openValues[1], lateTime)
}

/** A data directory whose topic `orders` holds just that. */
export async function transactionalDirectory(directory: string, partitions = 1): Promise<void> {
  const store = await MessageStore.open(directory)
  await store.createTopic({ name: 'orders', partitions })
  const log = store.log('orders', 0)
  if (log !== undefined) await writeTransactions(log)
  await store.close()
}
