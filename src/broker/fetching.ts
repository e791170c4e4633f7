/**
 * Fetches: reads many partitions into one bounded answer, and waits for more where there is too little.
 *
 * A waiting fetch holds no timer per partition and reads nothing while it waits: each log counts the bytes it has
 * published, and the fetch reads again when enough have been added, when its time is up, or when a log fails. What a
 * log that advances costs is the same for a fetch of one position and of a hundred thousand.
 *
 * Who reads committed records only waits for bytes below the last stable offset in the same way: they come when a
 * transaction ends, and with every append while none is open.
 *
 * A log that leaves out messages of other tags may find nothing in what it has looked at. The fetch goes on behind that,
 * without waiting while there is more to look at, and tells the reader where it has come to.
 *
 * Where there is no room for copies of records the fetch waits for it, for as long as for messages and ten seconds at
 * least, and then answers without any, on which clients ask again.
 *
 * Records that a log lends are given back here where they are not handed out: what lies over a limit, and what is read
 * again after waiting.
 */

import type { Clock } from '../core/clock.js'
import { asHoldfastError, HoldfastError } from '../core/errors.js'
import { endOfBatches } from '../records/batch.js'
import type { LogSlice, PartitionLog } from '../storage/partition-log.js'
import type { FetchedPartition, FetchPosition, FetchRequest } from './contract.js'

/** Finds the log that a position names, its leader epoch checked. */
export type LogLookup = (position: { topic: string; partition: number; currentLeaderEpoch: number }) => PartitionLog

/** Far more than one reader can follow. */
const maxPositions = 100_000
/** Longer than a slow answer takes to leave, and shorter than clients wait for theirs. */
const leastRoomWaitMs = 10_000

interface Read {
  readonly partition: FetchedPartition
  /** The limits let something through, or there was nothing. */
  readonly wasRead: boolean
  /** The end of what this reader may see, before the read, which may have seen more but not less. */
  readonly visibleEnd: number
}

interface Answer {
  readonly reads: Read[]
  readonly sizeInBytes: number
  readonly hasError: boolean
}

/**
 * `closing` ends the waiting like the request's own signal. Nothing stays on either signal when this is done.
 * @throws INVALID_REQUEST for more positions than anybody reads at a time
 */
export async function fetchRecords(
  request: FetchRequest,
  lookup: LogLookup,
  clock: Clock,
  closing: AbortSignal,
): Promise<readonly FetchedPartition[]> {
  const isCommitted = request.isolation === 'committed'
  if (request.positions.length > maxPositions) {
    const why = `The fetch names ${request.positions.length} positions; at most ${maxPositions} are read at a time.`
    throw new HoldfastError('INVALID_REQUEST', why)
  }
  const deadline = clock.monotonic() + request.maxWaitMs
  const minBytes = Math.min(request.minBytes, request.maxBytes)
  const signals = request.signal === undefined ? [closing] : [closing, request.signal]
  let positions = request.positions
  for (;;) {
    const logs = logsOf(positions, lookup)
    // Counted before the read: what is published meanwhile may be counted twice, which costs a read, never a wait.
    const countOf = isCommitted ? stableBytesOf : publishedBytesOf
    const published = totalOf(logs, countOf)
    const bytes = await roomToRead(request, deadline, clock, signals)
    const answer = await readAll({ ...request, positions, maxBytes: bytes }, lookup)
    request.room?.settle(copiedBytes(answer.reads))
    const release = () => {
      for (const { partition } of answer.reads) partition.release?.()
      request.room?.settle(0)
    }
    const missing = minBytes - answer.sizeInBytes
    const leftMs = deadline - clock.monotonic()
    const isEnough = answer.hasError || missing <= 0 || leftMs <= 0 || logs.size === 0 || bytes === 0
    try {
      if (isEnough || signals.some((signal) => signal.aborted) || isCut(positions, answer.reads)) {
        return answer.reads.map(({ partition }, index) =>
          toldWhereToGoOn(partition, request.positions[index], positions[index]),
        )
      }
    } catch (error) {
      release()
      throw error
    }
    // Nothing is kept while it waits, least of all a mapping.
    release()
    const { ahead, hasMore } = request.tags === undefined ? stay(positions) : passOver(positions, answer.reads)
    positions = ahead
    // Others have their turn: what is looked at may be long, and all of it in memory.
    if (hasMore) await new Promise<void>((resolve) => clock.soon(resolve))
    else {
      request.onWait?.()
      await somethingHappens({ logs, countOf, until: published + missing }, leftMs, clock, signals)
    }
  }
}

/** Where the next read begins, and whether there is something to look at now that no read has looked at. */
interface Progress {
  readonly ahead: readonly FetchPosition[]
  readonly hasMore: boolean
}

function stay(positions: readonly FetchPosition[]): Progress {
  return { ahead: positions, hasMore: false }
}

/** What was looked at and left out whole is not looked at again. */
function passOver(positions: readonly FetchPosition[], reads: readonly Read[]): Progress {
  let hasMore = false
  const ahead = positions.map((position, index) => {
    const { partition, visibleEnd } = reads[index]
    const { records, nextOffset = 0 } = partition
    if (records.length > 0 || nextOffset <= position.offset) return position
    hasMore ||= nextOffset < visibleEnd
    return { ...position, offset: nextOffset }
  })
  return { ahead, hasMore }
}

/** Of a partition in which nothing but what was left out was found, the reader still learns how far that went. */
function toldWhereToGoOn(partition: FetchedPartition, asked: FetchPosition, read: FetchPosition): FetchedPartition {
  if (read.offset === asked.offset || partition.nextOffset !== undefined) return partition
  return { ...partition, nextOffset: read.offset }
}

/** Each one once, however often it is named. */
function logsOf(positions: readonly FetchPosition[], lookup: LogLookup): ReadonlySet<PartitionLog> {
  const logs = new Set<PartitionLog>()
  for (const position of positions) {
    try {
      logs.add(lookup(position))
    } catch {
      // The read says what is wrong with this position, and then nothing is waited for.
    }
  }
  return logs
}

type CountOf = (log: PartitionLog) => number

const publishedBytesOf: CountOf = (log) => log.publishedBytes
const stableBytesOf: CountOf = (log) => log.stableBytes

function totalOf(logs: ReadonlySet<PartitionLog>, countOf: CountOf): number {
  let sum = 0
  for (const log of logs) sum += countOf(log)
  return sum
}

/** Resolves when the counts of the logs come to so much, one of them failed or was closed, the time is up, or a signal says so. */
function somethingHappens(
  { logs, countOf, until }: { logs: ReadonlySet<PartitionLog>; countOf: CountOf; until: number },
  waitMs: number,
  clock: Clock,
  signals: readonly AbortSignal[],
): Promise<void> {
  let missing = until - totalOf(logs, countOf)
  if (missing <= 0) return Promise.resolve()
  return new Promise((resolve) => {
    const stops: (() => void)[] = []
    const done = () => {
      for (const stop of stops) stop()
      resolve()
    }
    for (const log of logs) {
      const { failure } = log
      let seen = countOf(log)
      const look = () => {
        missing -= countOf(log) - seen
        seen = countOf(log)
        if (missing <= 0 || log.isClosed || log.failure !== failure) done()
      }
      stops.push(log.onAdvance(look))
    }
    const timer = clock.schedule(waitMs, done)
    stops.push(() => timer.cancel())
    for (const signal of signals) {
      signal.addEventListener('abort', done, { once: true })
      stops.push(() => signal.removeEventListener('abort', done))
    }
  })
}

/** How many bytes may be read now; 0 where none for lack of room, though the request wants some. */
async function roomToRead(
  { room, maxBytes }: FetchRequest,
  deadlineMs: number,
  clock: Clock,
  signals: readonly AbortSignal[],
): Promise<number> {
  // A request for nothing is answered with one batch.
  const wanted = Math.max(1, maxBytes)
  const granted = room?.take(wanted) ?? wanted
  if (granted > 0 || room === undefined) return granted
  const giveUp = new AbortController()
  const stop = (): void => giveUp.abort()
  const timer = clock.schedule(Math.max(leastRoomWaitMs, deadlineMs - clock.monotonic()), stop)
  for (const signal of signals) signal.addEventListener('abort', stop, { once: true })
  try {
    if (signals.some((signal) => signal.aborted)) return 0
    return await room.takeInTurn(wanted, giveUp.signal)
  } finally {
    timer.cancel()
    for (const signal of signals) signal.removeEventListener('abort', stop)
  }
}

function copiedBytes(reads: readonly Read[]): number {
  let sum = 0
  for (const { partition } of reads) {
    if (partition.release === undefined) for (const { length } of partition.records) sum += length
  }
  return sum
}

async function readAll(request: FetchRequest, lookup: LogLookup): Promise<Answer> {
  const reads: Read[] = []
  let sizeInBytes = 0
  let hasError = false
  for (const position of request.positions) {
    const read = await readOne(position, request, sizeInBytes, lookup)
    for (const bytes of read.partition.records) sizeInBytes += bytes.length
    hasError ||= read.partition.error !== undefined
    reads.push(read)
  }
  return { reads, sizeInBytes, hasError }
}

/** `sizeInBytes`: of the answer so far; while it is empty, a batch larger than all limits still gets through. */
async function readOne(
  position: FetchPosition,
  request: FetchRequest,
  sizeInBytes: number,
  lookup: LogLookup,
): Promise<Read> {
  const isFirst = sizeInBytes === 0
  const limit = Math.min(position.maxBytes, request.maxBytes - sizeInBytes)
  const { topic, partition } = position
  const committed = request.isolation === 'committed'
  let log: PartitionLog | undefined
  let visibleEnd = -1
  let slice: LogSlice | undefined
  try {
    log = lookup(position)
    visibleEnd = committed ? log.lastStableOffset : log.highWatermark
    const { lend, tags } = request
    if (request.maxBytes > 0 && (limit > 0 || isFirst))
      slice = await log.read(position.offset, Math.max(0, limit), { lend, committed, tags })
  } catch (thrown) {
    const error = asHoldfastError(thrown)
    const unknown = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 }
    const offsets = log === undefined || log.isClosed ? unknown : offsetsOf(log)
    return { partition: { topic, partition, error, ...offsets, records: [] }, wasRead: false, visibleEnd }
  }
  const place = { topic, partition, ...offsetsOf(log) }
  if (slice === undefined || (!isFirst && slice.sizeInBytes > limit)) {
    slice?.release?.()
    return { partition: { ...place, records: [], aborted: committed ? [] : undefined }, wasRead: false, visibleEnd }
  }
  const { records, release, aborted, nextOffset } = slice
  return { partition: { ...place, records, release, aborted, nextOffset }, wasRead: true, visibleEnd }
}

/**
 * Whether a limit kept back what is visible: more of it will not come by waiting. A read within its limits that gives
 * nothing says that there is nothing, as behind the last record of a compacted log.
 */
function isCut(positions: readonly FetchPosition[], reads: readonly Read[]): boolean {
  return reads.some(({ partition: { records, nextOffset }, wasRead, visibleEnd }, at) => {
    const last = records.at(-1)
    if (last === undefined) return !wasRead && positions[at].offset < visibleEnd
    if (nextOffset !== undefined) return nextOffset < visibleEnd
    return (endOfBatches(last) ?? visibleEnd) < visibleEnd
  })
}

function offsetsOf(log: PartitionLog) {
  const { highWatermark, lastStableOffset, logStartOffset } = log
  return { highWatermark, lastStableOffset, logStartOffset }
}
