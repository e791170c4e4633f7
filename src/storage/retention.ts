/**
 * Gives old segments up, by Kafka's rules (UnifiedLog.deleteOldSegments): in each partition those that are too old or too
 * many, the oldest first, up to the first that stays; and then the oldest of the whole store, while it holds more than
 * `store.retention.bytes`. Nothing is given up that readers cannot see yet.
 */

import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import type { Metrics } from '../core/metrics/metrics.js'
import type { Settings } from '../core/settings.js'
import type { Chore } from './chores.js'
import { isInternalTopic } from './internal-topics.js'
import type { SegmentFacts } from './segments/segment-facts.js'
import type { SegmentLog } from './segments/segment-log.js'

export const retentionChore = 'retention'

/** After a start there is enough to do. */
const firstAfterMs = 30_000

/** What tells of what was deleted, and of what may be. */
export interface DeletionTools {
  /** From there on nothing of a log may be given up. */
  readonly removableEnd: (log: SegmentLog) => number
  readonly logger: Logger
  readonly metrics: Metrics
}

export interface RetentionOptions extends DeletionTools {
  readonly settings: Settings
  readonly clock: Clock
  logs(): Iterable<SegmentLog>
}

/** Whether segments of a log may be given up for their age or size: never the broker's own, nor where something is amiss. */
export function allowsDeletion(log: SegmentLog): boolean {
  if (isInternalTopic(log.topic) || log.isClosed || log.failure !== undefined) return false
  return log.settings['log.cleanup.policy'].includes('delete')
}

export class Retention {
  readonly #options: RetentionOptions

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  chore(): Chore {
    const intervalMs = this.#options.settings['log.retention.check.interval.ms']
    return {
      name: retentionChore,
      intervalMs,
      firstAfterMs: Math.min(firstAfterMs, intervalMs),
      run: (signal) => this.#run(signal),
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { logs, logger } = this.#options
    for (const log of [...logs()].filter(allowsDeletion)) {
      if (signal.aborted) return
      await inEach(log, logger, async () =>
        giveUp(log, await this.#outlived(log), this.#options, 'retention.ms, retention.bytes'),
      )
    }
    await this.#shrinkStore(signal)
  }

  /** The segments that are too old or too many, as they follow each other from the oldest on. */
  async #outlived(log: SegmentLog): Promise<SegmentFacts[]> {
    const { 'log.retention.ms': retentionMs, 'log.retention.bytes': retentionBytes } = log.settings
    const nowMs = this.#options.clock.now()
    const outlived: SegmentFacts[] = []
    let remainingBytes = log.sizeInBytes
    for (const segment of removable(log, this.#options.removableEnd(log))) {
      const isTooMany = retentionBytes >= 0 && remainingBytes - retentionBytes >= segment.sizeInBytes
      const isTooOld = async () => retentionMs >= 0 && nowMs - (await segment.largestTimestamp()) > retentionMs
      if (!isTooMany && !(await isTooOld())) break
      outlived.push(segment)
      remainingBytes -= segment.sizeInBytes
    }
    return outlived
  }

  async #shrinkStore(signal: AbortSignal): Promise<void> {
    const { settings } = this.#options
    const limitBytes = settings['store.retention.bytes']
    const logs = [...this.#options.logs()]
    let remainingBytes = logs.reduce((sum, log) => sum + log.sizeInBytes, 0)
    if (limitBytes < 0 || remainingBytes <= limitBytes) return
    const chosen = await oldestOfAll(logs.filter(allowsDeletion), this.#options, ({ sizeInBytes, isActive }) => {
      if (remainingBytes <= limitBytes) return 'enough'
      // An active segment goes only where the limit is passed without it too: it may be all that a small store has.
      if (isActive && remainingBytes - limitBytes < sizeInBytes) return 'keep'
      remainingBytes -= sizeInBytes
      return 'take'
    })
    await giveUpAll(chosen, this.#options, 'store.retention.bytes', signal)
  }
}

/** The segments that may go, if there is a reason: all that every reader sees whole, but not an active one that is empty. */
function removable(log: SegmentLog, removableEnd: number): SegmentFacts[] {
  const { segments } = log
  const stays = segments.findIndex(
    ({ endOffset, isActive, sizeInBytes }) => endOffset > removableEnd || (isActive && sizeInBytes === 0),
  )
  return stays === -1 ? segments : segments.slice(0, stays)
}

/**
 * Walks the segments of many logs together, those with the oldest records first, and in each log in the order of its
 * offsets; what `judge` takes is what is returned. A log whose next segment is kept, or cannot be read, is left alone from
 * there on.
 */
export async function oldestOfAll(
  logs: readonly SegmentLog[],
  { logger, removableEnd }: DeletionTools,
  judge: (segment: SegmentFacts) => 'take' | 'keep' | 'enough',
): Promise<Map<SegmentLog, SegmentFacts[]>> {
  const chosen = new Map<SegmentLog, SegmentFacts[]>()
  const heads: { log: SegmentLog; rest: SegmentFacts[]; timestamp: number }[] = []
  const add = async (log: SegmentLog, rest: SegmentFacts[]): Promise<void> => {
    if (rest.length === 0) return
    const timestamp = await inEach(log, logger, () => rest[0].largestTimestamp())
    if (timestamp !== undefined) heads.push({ log, rest, timestamp })
  }
  for (const log of logs) await add(log, removable(log, removableEnd(log)))
  while (heads.length > 0) {
    const oldest = heads.reduce((one, each) => (each.timestamp < one.timestamp ? each : one))
    const { log, rest } = oldest
    heads.splice(heads.indexOf(oldest), 1)
    const verdict = judge(rest[0])
    if (verdict === 'enough') break
    if (verdict === 'keep') continue
    chosen.set(log, [...(chosen.get(log) ?? []), rest[0]])
    await add(log, rest.slice(1))
  }
  return chosen
}

/** Gives up what was chosen in each log; where that fails in one, the others go on. Resolves with the bytes that went. */
export async function giveUpAll(
  chosen: ReadonlyMap<SegmentLog, readonly SegmentFacts[]>,
  tools: DeletionTools,
  why: string,
  signal: AbortSignal,
): Promise<number> {
  let bytes = 0
  for (const [log, segments] of chosen) {
    if (signal.aborted) break
    bytes += (await inEach(log, tools.logger, () => giveUp(log, segments, tools, why))) ?? 0
  }
  return bytes
}

/** A log may be damaged, fail or be deleted meanwhile; the others go on. */
async function inEach<T>(log: SegmentLog, logger: Logger, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (err) {
    const { topic, partition } = log
    if (!log.isClosed) logger.warn({ topic, partition, err }, 'Could not delete old segments of a log.')
    return undefined
  }
}

/** Deletes the oldest segments of a log; resolves with the bytes that went. */
async function giveUp(
  log: SegmentLog,
  segments: readonly SegmentFacts[],
  { logger, metrics }: DeletionTools,
  why: string,
): Promise<number> {
  const last = segments.at(-1)
  // The log goes on in a new segment, unless something came in since the segments were looked at.
  const going = last?.isActive && !(await log.rollAt(last.endOffset)) ? segments.slice(0, -1) : segments
  const end = going.at(-1)?.endOffset
  if (end === undefined) return 0
  await log.deleteRecordsBefore(end)
  const sizeInBytes = going.reduce((sum, segment) => sum + segment.sizeInBytes, 0)
  const fields = {
    topic: log.topic,
    partition: log.partition,
    segments: going.length,
    sizeInBytes,
    logStartOffset: end,
    why,
  }
  metrics.counter('mq_retention_removed_bytes_total', { layout: 'segments' }).add(sizeInBytes)
  logger.info(fields, 'Deleted old segments of a log.')
  return sizeInBytes
}
