/** Finds the producer state of a log that is opened: from the newest snapshot that can be used, and the batches behind it. */

import { join } from 'node:path'
import type { RecordBatch } from '../../records/batch.js'
import { type EndedTransaction, ProducerStates } from '../producer-states.js'
import { segmentFileName, suffix } from './format.js'
import { decodeProducerSnapshot, encodeProducerSnapshot } from './producer-snapshot.js'
import type { Segment } from './segment.js'
import type { SegmentPlace } from './segment-place.js'

export class ProducerRecovery {
  readonly #place: SegmentPlace
  readonly #nowMs: number
  /** Offsets of the snapshots that lie in the directory, ascending. */
  #snapshots: readonly number[]
  #states = new ProducerStates()
  /** The state covers the log up to here. */
  #upTo = 0
  #startedFrom: number | undefined

  constructor(place: SegmentPlace, snapshots: readonly number[], nowMs: number) {
    this.#place = place
    this.#nowMs = nowMs
    this.#snapshots = snapshots
  }

  get states(): ProducerStates {
    return this.#states
  }

  /** The state covers the log up to here. */
  get upTo(): number {
    return this.#upTo
  }

  /** Starts from the newest sound snapshot up to `limit`; without one, from nothing at `otherwise`. */
  async start(limit: number, otherwise: number): Promise<void> {
    await this.removeBeyond(limit)
    await this.#startFrom(this.#snapshots, otherwise)
  }

  /** Another one, for the log up to `limit` only, that begins at the newest sound snapshot there is up to that. */
  async upToSegment(limit: number, firstBase: number): Promise<ProducerRecovery> {
    const other = new ProducerRecovery(this.#place, this.#snapshots, this.#nowMs)
    await other.#startFrom(
      this.#snapshots.filter((offset) => offset <= limit),
      firstBase,
    )
    return other
  }

  async #startFrom(snapshots: readonly number[], otherwise: number): Promise<void> {
    this.#upTo = otherwise
    for (const offset of [...snapshots].reverse()) {
      const bytes = await this.#place.disk.readFile(this.#path(offset))
      const states = bytes === undefined ? undefined : decodeProducerSnapshot(bytes)
      if (states === undefined) continue
      this.#states = states
      this.#upTo = offset
      this.#startedFrom = offset
      return
    }
  }

  /** Tells of the transaction that the batch ended. */
  note(batch: RecordBatch): EndedTransaction | undefined {
    if (batch.lastOffset < this.#upTo) return undefined
    this.#upTo = batch.nextOffset
    return batch.hasProducerId ? this.#states.note(batch, this.#nowMs) : undefined
  }

  /** Reads a segment that needs no recovery, if the state does not reach past it yet. */
  async replay(segment: Segment, nextBase: number): Promise<void> {
    if (this.#upTo >= nextBase) return
    await segment.scan(this.#upTo, (batch) => void this.note(batch))
  }

  /** Whether the state came from a snapshot that covers more than the log holds. */
  startedBeyond(logEndOffset: number): boolean {
    return this.#startedFrom !== undefined && this.#startedFrom > logEndOffset
  }

  /** Leaves the state as it is now for the opening that begins at `offset`, as rolling to a segment there would have. */
  async writeSnapshot(offset: number): Promise<void> {
    await this.#place.disk.replaceFile(this.#path(offset), encodeProducerSnapshot(this.#states))
  }

  /** Such snapshots would be taken for the truth once the log has grown past them with other batches. */
  async removeBeyond(limit: number): Promise<void> {
    const { disk, directory } = this.#place
    // Durably, for the same reason: the power may fail after the log has grown past them.
    if (await this.#remove((offset) => offset > limit)) await disk.syncDirectory(directory)
  }

  /** Removes the snapshots that no later opening starts from: each closing leaves one behind. */
  async removeStrays(bases: ReadonlySet<number>): Promise<void> {
    await this.#remove((offset) => !bases.has(offset) && offset !== this.#startedFrom)
  }

  /** Whether there was something to remove. */
  async #remove(isDoomed: (offset: number) => boolean): Promise<boolean> {
    const doomed = this.#snapshots.filter(isDoomed)
    for (const offset of doomed) await this.#place.disk.remove(this.#path(offset))
    this.#snapshots = this.#snapshots.filter((offset) => !isDoomed(offset))
    return doomed.length > 0
  }

  #path(offset: number): string {
    return join(this.#place.directory, segmentFileName(offset, suffix.snapshot))
  }
}
