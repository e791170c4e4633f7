/**
 * What a running log lets its cleaning know and do: which part of it may be cleaned, and putting a cleaned segment in the
 * place of its sources while appends, readers, retention and recovery go on.
 */

import { HoldfastError } from '../../../core/errors.js'
import type { Mutex } from '../../../core/mutex.js'
import type { PartitionLog } from '../../partition-log.js'
import type { LogReader } from '../log-reader.js'
import type { LogWriter } from '../log-writer.js'
import { type LiveOptions, placeOf, type SegmentLogOptions } from '../opening.js'
import { Segment } from '../segment.js'
import type { SegmentPlace } from '../segment-place.js'
import { type IndexedTransaction, TransactionIndex } from '../transaction-index.js'
import type { LastOfProducer } from './batch-filter.js'
import type { CleanedGroup } from './clean-log.js'
import { overlapping, type SizedSegment } from './plan.js'
import { completeSwap, removeReplaced, removeStaged, stageSwap } from './swap.js'

export interface CompactedLog {
  readonly log: PartitionLog
  readonly options: SegmentLogOptions
  readonly live: LiveOptions
  readonly reader: LogReader
  /** What changes the segments of the log as a whole goes one after the other. */
  readonly turns: Mutex
  /** Replaced when the log is recovered. */
  writer(): LogWriter
  assertOpen(): void
  /** The files of the log are not what it knows of them: nothing goes on before it is opened again. */
  fail(cause: unknown): void
}

/** The segments that a cleaning works on, kept from being used again until it is done. */
export interface HeldSegments {
  readonly segments: readonly SizedSegment[]
  readonly producers: ReadonlyMap<number, LastOfProducer>
  readonly aborted: readonly IndexedTransaction[]
  /**
   * Puts a cleaned segment in the place of its sources. False, and nothing changes, where one of them is gone meanwhile.
   * @throws what the disk says, with the log as it was, unless that failed too
   */
  replace(group: CleanedGroup): Promise<boolean>
  release(): void
}

export class LogCompaction {
  readonly #log: CompactedLog
  readonly #place: SegmentPlace
  /** Where the last cleaning ended; undefined where there was none. Kept in Kafka's checkpoint of the cleaner. */
  cleanedUpTo: number | undefined

  constructor(log: CompactedLog) {
    this.#log = log
    this.#place = placeOf(log.options)
  }

  get directory(): string {
    return this.#place.directory
  }

  /** All segments, the active one last. */
  get segments(): readonly Segment[] {
    return this.#log.writer().segments.all
  }

  /**
   * Nothing is cleaned from here on: neither what may still be taken back, nor the active segment, nor one whose bytes
   * or indexes are still on their way to the disk.
   */
  get uncleanableOffset(): number {
    const { recoveryPoint, segments } = this.#log.writer()
    return Math.min(this.#log.log.lastStableOffset, recoveryPoint, segments.active.baseOffset)
  }

  /** Resolves when the segments that were rolled so far are on the disk with their indexes: before that they are not cleaned. */
  settled(): Promise<void> {
    return this.#log.writer().settle()
  }

  /** Takes hold of the sealed segments before `endOffset`, where one of them ends. */
  hold(endOffset: number): HeldSegments {
    const writer = this.#log.writer()
    const held = overlapping(writer.segments.all, 0, endOffset)
    const releases = held.map((segment) => segment.hold())
    return {
      segments: held.map(({ baseOffset, sizeInBytes }) => ({ baseOffset, sizeInBytes })),
      producers: writer.lastOfProducers(),
      aborted: abortedBefore(endOffset, writer.segments.all),
      replace: async (group) => {
        // Not in a turn of the log: a topic that is being deleted waits for one while it keeps others from its settings.
        await this.allowHoles()
        return this.#log.turns.run(() => this.#replace(writer, held, group))
      },
      release: () => {
        for (const release of releases) release()
      },
    }
  }

  /** Removes what an attempt that failed has left. */
  clearAway(): Promise<void> {
    return this.#log.turns.run(async () => {
      this.#log.assertOpen()
      await removeStaged(this.#place)
    })
  }

  /** Written down before the first hole is made: to a start a hole in any other log is damage. */
  async allowHoles(): Promise<void> {
    const { live, options } = this.#log
    if (live.mayHaveHoles) return
    await options.onHoles?.()
    live.mayHaveHoles = true
  }

  async #replace(writer: LogWriter, held: readonly Segment[], group: CleanedGroup): Promise<boolean> {
    const { reader } = this.#log
    const place = this.#place
    this.#log.assertOpen()
    if (writer !== this.#log.writer()) {
      throw new HoldfastError('LOG_FAILED', 'The log was recovered while it was cleaned; the cleaning begins anew.')
    }
    const { baseOffset, sources, sizeInBytes } = group
    const old = held.filter((segment) => sources.includes(segment.baseOffset))
    if (!writer.segments.holds(old)) {
      await removeStaged(place)
      return false
    }
    await stageSwap(place, baseOffset)
    const transactions = TransactionIndex.from(group.aborted)
    // Its file is there.
    transactions.written()
    const segment = new Segment(place, baseOffset, sizeInBytes, transactions)
    try {
      await reader.whileNamesChange(async () => {
        await completeSwap(place, baseOffset, sources)
        await Promise.all(old.map((one) => one.release()))
        writer.replaceSegments(old, segment)
      })
      await place.disk.syncDirectory(place.directory)
    } catch (error) {
      this.#log.fail(error)
      throw error
    }
    await removeReplaced(place, baseOffset, sources).catch((err: unknown) => {
      // The next start clears them away.
      place.logger.warn({ directory: place.directory, err }, 'Could not remove segments that compaction has replaced.')
    })
    return true
  }
}

/** The aborted transactions with records before `endOffset`, wherever their markers are. */
function abortedBefore(endOffset: number, segments: readonly Segment[]): IndexedTransaction[] {
  const found: IndexedTransaction[] = []
  for (const { transactions } of segments) {
    for (let i = 0; i < transactions.count; i++) {
      const transaction = transactions.entry(i)
      if (transaction.firstOffset < endOffset) found.push(transaction)
    }
  }
  return found
}
