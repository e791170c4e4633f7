/**
 * A page of a topic's messages: so many of all its partitions together, from an offset or a time on, or the newest. What
 * is taken of each partition lies side by side, so that a reader who goes on where the page ends misses nothing.
 */

import type { TopicDescription } from '../broker/contract.js'
import { readRun } from '../client/bounded-read.js'
import type { Message } from '../client/queue.js'
import { askOffsets } from '../client/start-offset.js'
import { mapParallel } from '../core/parallel.js'
import type { TagFilter } from '../storage/partition-log.js'
import type { MessagePage } from './api-types.js'
import type { ConsoleBroker } from './context.js'
import { invalid } from './refusals.js'

export interface PageOfMessages {
  readonly messages: readonly Message[]
  readonly positions: MessagePage['positions']
}

export interface PageQuery {
  readonly partition: number | undefined
  readonly offset: number | undefined
  readonly time: number | undefined
  readonly limit: number
  readonly tags: TagFilter | undefined
  readonly signal: AbortSignal
}

/** Of a topic with more, one is to be named. */
const mostPartitions = 64
/** Of keys and values of one page, as they lie in the log. */
const mostBytes = 4 * 1024 * 1024
const leastBytesOfPartition = 64 * 1024
const parallelReads = 4
/** Looks for the newest messages where offsets are missing, or messages are large. */
const mostAttempts = 5
const stride = 4

/** A partition, and what of it is read. */
interface Stretch {
  readonly partition: number
  readonly start: number
  readonly end: number
}

/** Messages that lie side by side, and what was looked at to find them. */
interface Run {
  readonly partition: number
  readonly first: number
  readonly next: number
  readonly end: number
  readonly messages: readonly Message[]
}

type ReadStretch = (stretch: Stretch, maxBytes: number) => Promise<Run>

/** @throws INVALID_ARGUMENT, UNKNOWN_TOPIC_OR_PARTITION, and what reading throws */
export async function readPage(
  broker: ConsoleBroker,
  topic: TopicDescription,
  query: PageQuery,
): Promise<PageOfMessages> {
  const isNewest = query.offset === undefined && query.time === undefined
  const stretches = await stretchesOf(broker, topic, query)
  const maxBytes = Math.max(leastBytesOfPartition, Math.floor(mostBytes / stretches.length))
  const forwards: ReadStretch = async ({ partition, start, end }, most) => {
    const bounds = { limit: query.limit, maxBytes: most, endOffset: end, tags: query.tags, signal: query.signal }
    const read = { topic: topic.name, partition, from: { offset: start }, isolation: 'committed', ...bounds } as const
    const { messages, nextOffset } = start < end ? await readRun(broker, read) : { messages: [], nextOffset: end }
    return { partition, first: start, next: Math.min(end, nextOffset), end, messages }
  }
  const readOne: ReadStretch = isNewest ? (stretch, most) => newestOf(stretch, query.limit, most, forwards) : forwards
  const runs = await mapParallel([...stretches], parallelReads, (stretch) => readOne(stretch, maxBytes))
  return isNewest ? newestPage(runs, query.limit) : oldestPage(runs, query.limit)
}

async function stretchesOf(
  broker: ConsoleBroker,
  { name: topic, partitions }: TopicDescription,
  { partition, offset, time }: PageQuery,
): Promise<Stretch[]> {
  const chosen = partitions.filter((each) => partition === undefined || each.partition === partition)
  if (chosen.length === 0) throw invalid(`Topic ${topic} has no partition ${partition}.`)
  if (chosen.length > mostPartitions) {
    throw invalid(`Topic ${topic} has ${chosen.length} partitions; say which one with partition.`)
  }
  const places = chosen.map((each) => ({ topic, partition: each.partition }))
  const ends = await askOffsets(broker, places, 'latest', 'committed')
  const ofTime = time === undefined ? undefined : await askOffsets(broker, places, time, 'committed')
  return chosen.map(({ partition: number, logStartOffset }, index) => {
    const end = ends[index]
    // At a time that nothing has reached there is nothing to read yet.
    const wanted = ofTime === undefined ? (offset ?? 0) : ofTime[index] < 0 ? end : ofTime[index]
    return { partition: number, start: Math.min(end, Math.max(logStartOffset, wanted)), end }
  })
}

/**
 * The newest messages of a partition. Offsets need not be messages (compaction, transactions), so it looks further back
 * where there were too few; where they are too large to be read together, less far.
 */
async function newestOf(
  { partition, start, end }: Stretch,
  limit: number,
  maxBytes: number,
  read: ReadStretch,
): Promise<Run> {
  let span = limit
  let isNarrowed = false
  for (let attempt = 1; ; attempt++) {
    const first = Math.max(start, end - span)
    const run = await read({ partition, start: first, end }, maxBytes)
    if (run.next < end && span > 1 && attempt < 2 * mostAttempts) {
      span = Math.max(1, Math.floor(span / stride))
      isNarrowed = true
      continue
    }
    if (run.messages.length >= limit || first === start || isNarrowed || attempt >= mostAttempts) return run
    span *= stride
  }
}

/** Always the oldest of those that come next in each partition. */
function oldestPage(runs: readonly Run[], limit: number): PageOfMessages {
  const taken = runs.map(() => 0)
  const messages: Message[] = []
  while (messages.length < limit) {
    const at = bestOf(
      runs.map((run, i) => run.messages[taken[i]]),
      (one, other) => one.timestamp < other.timestamp,
    )
    if (at < 0) break
    messages.push(runs[at].messages[taken[at]++])
  }
  const positions = runs.map(({ partition, first, next, end, messages: found }, i) => {
    return { partition, first, next: found[taken[i]]?.offset ?? next, end }
  })
  return { messages, positions }
}

/** Always the newest of those that come last in each partition. */
function newestPage(runs: readonly Run[], limit: number): PageOfMessages {
  const left = runs.map(({ messages }) => messages.length)
  const messages: Message[] = []
  while (messages.length < limit) {
    const at = bestOf(
      runs.map((run, i) => run.messages[left[i] - 1]),
      (one, other) => one.timestamp >= other.timestamp,
    )
    if (at < 0) break
    messages.push(runs[at].messages[--left[at]])
  }
  const positions = runs.map(({ partition, first, next, end, messages: found }, i) => {
    return { partition, first: left[i] === 0 ? first : (found[left[i]]?.offset ?? next), next, end }
  })
  return { messages: messages.reverse(), positions }
}

/** Which of them comes before all others; -1 where there is none. */
function bestOf(heads: readonly (Message | undefined)[], isBefore: (one: Message, other: Message) => boolean): number {
  let best = -1
  for (const [at, head] of heads.entries()) {
    if (head === undefined) continue
    const leader = best < 0 ? undefined : heads[best]
    if (leader === undefined || isBefore(head, leader)) best = at
  }
  return best
}
