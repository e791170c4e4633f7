/**
 * The side of a log that takes what another log holds, as it lies there: a mirror's or a replica's. Offsets, leader epochs,
 * producers with their sequences and the markers of transactions are the other log's; they are believed, and noted as if
 * they had been read back from this one.
 */

import { HoldfastError } from '../../core/errors.js'
import { Mutex } from '../../core/mutex.js'
import type { RecordBatch } from '../../records/batch.js'
import type { LogCopies, PartitionLog } from '../partition-log.js'
import type { Appender } from './appender.js'

export interface CopyTarget {
  readonly log: PartitionLog
  /** The present one: a log that is recovered gets another. */
  appender(): Appender
  assertOpen(): void
  /** Whether the layout has a place for a batch in which offsets may be missing; absent where it has for all. */
  canHold?(batch: RecordBatch): boolean
  /** Resolves when a batch may begin behind the end of the log. @throws COPY_IMPOSSIBLE where none ever may */
  allowHoles(): Promise<void>
  /** Resolves when it is written down that the records from `startOffset` on are of `epoch`, where that is news. */
  noteEpoch(epoch: number, startOffset: number): Promise<void>
  /** Lets the log, which holds nothing, begin at `offset`. */
  beginAt(offset: number): Promise<void>
}

/** Offsets in the indexes of a segment are relative, and have 31 bits. */
const widestHole = 2 ** 30

export class Copying implements LogCopies {
  readonly #target: CopyTarget
  /** What has to be written down first may take its time; batches keep the order of their calls. */
  readonly #turns = new Mutex()

  constructor(target: CopyTarget) {
    this.#target = target
  }

  async append(batches: readonly RecordBatch[]): Promise<void> {
    const acknowledged: Promise<void>[] = []
    try {
      await this.#turns.run(async () => {
        for (const batch of batches) {
          await this.#prepareFor(batch)
          acknowledged.push(this.#target.appender().appendCopy(batch))
        }
      })
    } finally {
      // Also where one was refused: what was taken before it is on its way, and whoever asked hears of both.
      await Promise.all(acknowledged)
    }
  }

  beginAt(offset: number): Promise<void> {
    return this.#turns.run(async () => {
      const { log } = this.#target
      this.#target.assertOpen()
      const { logStartOffset, logEndOffset } = log
      if (offset === logEndOffset) return
      if (logStartOffset !== logEndOffset || offset < logEndOffset) {
        const why = `${log.topic}-${log.partition} holds ${logStartOffset} to ${logEndOffset}: it cannot begin at ${offset}.`
        throw new HoldfastError('COPY_DIVERGED', why)
      }
      await this.#target.beginAt(offset)
    })
  }

  async #prepareFor(batch: RecordBatch): Promise<void> {
    const { log } = this.#target
    const { baseOffset, lastOffset, partitionLeaderEpoch } = batch
    this.#target.assertOpen()
    const { logEndOffset } = log
    if (baseOffset < logEndOffset || lastOffset - logEndOffset > widestHole) {
      const why = `A batch at offsets ${baseOffset} to ${lastOffset} does not follow the end of ${log.topic}-${log.partition}, which is ${logEndOffset}.`
      throw new HoldfastError('COPY_DIVERGED', why)
    }
    if (baseOffset > logEndOffset || this.#target.canHold?.(batch) === false) await this.#target.allowHoles()
    await this.#target.noteEpoch(partitionLeaderEpoch, baseOffset)
  }
}
