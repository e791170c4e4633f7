/**
 * Fetches: reads many partitions into one bounded answer, and waits for more where there is too little.
 *
 * A waiting fetch holds no timer per partition and reads nothing while it waits: each log counts the bytes it has
 * published, and the fetch reads again when enough have been added, when its time is up, or when a log fails.
 */

import type { Clock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import type { PartitionLog } from '../storage/partition-log.js'
import type { FetchedPartition, FetchPosition, FetchRequest } from './contract.js'

/** Finds the log that a position names, its leader epoch checked. */
export type LogLookup = (position: { topic: string; partition: number; currentLeaderEpoch: number }) => PartitionLog

interface Answer {
  readonly partitions: FetchedPartition[]
  readonly sizeInBytes: number
  readonly hasError: boolean
}

/** `closing` ends the waiting like the request's own signal. Nothing stays on either signal when this is done. */
export async function fetchRecords(
  request: FetchRequest,
  lookup: LogLookup,
  clock: Clock,
  closing: AbortSignal,
): Promise<readonly FetchedPartition[]> {
  const deadline = clock.monotonic() + request.maxWaitMs
  const signals = request.signal === undefined ? [closing] : [closing, request.signal]
  for (;;) {
    const logs = logsOf(request.positions, lookup)
    // Counted before the read: what is published meanwhile may be counted twice, which costs a read, never a wait.
    const published = totalPublished(logs)
    const answer = await readAll(request, lookup)
    const missing = request.minBytes - answer.sizeInBytes
    const leftMs = deadline - clock.monotonic()
    const isEnough = answer.hasError || missing <= 0 || leftMs <= 0 || logs.length === 0
    if (isEnough || signals.some((signal) => signal.aborted)) return answer.partitions
    await somethingHappens(logs, published + missing, leftMs, clock, signals)
  }
}

function logsOf(positions: readonly FetchPosition[], lookup: LogLookup): PartitionLog[] {
  const logs: PartitionLog[] = []
  for (const position of positions) {
    try {
      logs.push(lookup(position))
    } catch {
      // The read says what is wrong with this position, and then nothing is waited for.
    }
  }
  return logs
}

const totalPublished = (logs: readonly PartitionLog[]): number => logs.reduce((sum, log) => sum + log.publishedBytes, 0)

/** Resolves when the logs have published so much, one of them failed or was closed, the time is up, or a signal says so. */
function somethingHappens(
  logs: readonly PartitionLog[],
  published: number,
  waitMs: number,
  clock: Clock,
  signals: readonly AbortSignal[],
): Promise<void> {
  if (totalPublished(logs) >= published) return Promise.resolve()
  return new Promise((resolve) => {
    const stops: (() => void)[] = []
    const done = () => {
      for (const stop of stops) stop()
      resolve()
    }
    const failures = logs.map((log) => log.failure)
    const look = () => {
      const changed = logs.some((log, i) => log.isClosed || log.failure !== failures[i])
      if (changed || totalPublished(logs) >= published) done()
    }
    for (const log of new Set(logs)) stops.push(log.onAdvance(look))
    const timer = clock.schedule(waitMs, done)
    stops.push(() => timer.cancel())
    for (const signal of signals) {
      signal.addEventListener('abort', done, { once: true })
      stops.push(() => signal.removeEventListener('abort', done))
    }
  })
}

async function readAll(request: FetchRequest, lookup: LogLookup): Promise<Answer> {
  const partitions: FetchedPartition[] = []
  let sizeInBytes = 0
  let hasError = false
  for (const position of request.positions) {
    const left = request.maxBytes - sizeInBytes
    const partition = await readOne(position, left, sizeInBytes === 0, lookup)
    for (const bytes of partition.records) sizeInBytes += bytes.length
    hasError ||= partition.error !== undefined
    partitions.push(partition)
  }
  return { partitions, sizeInBytes, hasError }
}

/** `isFirst`: the answer is empty so far, so that a batch larger than all limits still gets through. */
async function readOne(
  position: FetchPosition,
  left: number,
  isFirst: boolean,
  lookup: LogLookup,
): Promise<FetchedPartition> {
  const { topic, partition, offset } = position
  let log: PartitionLog | undefined
  try {
    log = lookup(position)
    const limit = Math.min(position.maxBytes, left)
    const slice = limit > 0 || isFirst ? await log.read(offset, Math.max(0, limit)) : undefined
    const fits = slice !== undefined && (isFirst || slice.sizeInBytes <= limit)
    return { topic, partition, ...offsetsOf(log), records: fits ? slice.records : [] }
  } catch (thrown) {
    const error =
      thrown instanceof HoldfastError ? thrown : new HoldfastError('UNKNOWN_SERVER_ERROR', undefined, { cause: thrown })
    const unknown = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 }
    const offsets = log === undefined || log.isClosed ? unknown : offsetsOf(log)
    return { topic, partition, error, ...offsets, records: [] }
  }
}

function offsetsOf(log: PartitionLog) {
  // There are no transactions yet: everything that is visible is stable.
  return { highWatermark: log.highWatermark, lastStableOffset: log.highWatermark, logStartOffset: log.logStartOffset }
}
