/**
 * The writing side of a log between two openings: takes the rounds of the group commit, writes them into the active
 * segment, rolls, syncs, and moves the offsets that tell how far it got. It owns the segments; a log that is recovered
 * gets a new writer over newly opened ones.
 */

import { join } from 'node:path'
import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import type { Logger } from '../../core/logger.js'
import { Mutex } from '../../core/mutex.js'
import type { FlushPolicy } from '../../flush/policy.js'
import type { RoundTarget } from '../../flush/round-target.js'
import type { RecordBatch } from '../../records/batch.js'
import { WrittenState } from '../log/written-state.js'
import type { LastOfProducer } from './compaction/batch-filter.js'
import { segmentFileName, suffix } from './format.js'
import type { LoadedLog } from './load-request.js'
import { mayPass, NextSegment } from './next-segment.js'
import { encodeProducerSnapshot } from './producer-snapshot.js'
import { Rolling } from './rolling.js'
import type { Segment } from './segment.js'
import type { SegmentPlace } from './segment-place.js'
import { SegmentSet } from './segment-set.js'
import { removeSegments, removeSegmentsBeyond } from './staged-files.js'
import { Waymarks } from './waymarks.js'

export interface LogWriterOptions {
  readonly place: SegmentPlace
  readonly policy: FlushPolicy
  readonly logger: Logger
  readonly clock: Clock
  /** Called after each advance of the high watermark. */
  onPublished(): void
  /** Called when a recovery would read less than before, once the recovery point is written down. */
  onMarked?(): void
  /** Called once, with the first write or sync that failed; returns the error for those who wait. */
  onFailed(cause: unknown): HoldfastError
}

interface Sealing {
  /** Where the next segment begins, and the producer state there. */
  readonly nextBase: number
  readonly snapshot: Buffer
  /** Never rejects. */
  readonly work: Promise<void>
  hasFailed: boolean
}

export class LogWriter implements RoundTarget<RecordBatch> {
  readonly #options: LogWriterOptions
  readonly #written: WrittenState
  #segments: SegmentSet
  /** Where the segment comes from that follows the active one. */
  readonly #next: NextSegment
  readonly #rolling: Rolling
  /** From when the next segment may be on the disk until the active one is known as unsealed. */
  #isRolling = false
  #writtenOffset: number
  #highWatermark: number
  #durableOffset: number
  #publishedBytes = 0
  /** Rolled segments whose indexes are not on the disk yet, with the work that gets them there; oldest first. */
  readonly #sealing = new Map<Segment, Sealing>()
  /** Segments with bytes that no sync covers yet. Stays empty where writes are durable as they return. */
  readonly #unsynced = new Set<Segment>()
  #syncFailed = false
  readonly #marks: Waymarks
  readonly #syncs = new Mutex()

  constructor(options: LogWriterOptions, loaded: LoadedLog) {
    this.#options = options
    this.#next = new NextSegment(options.place)
    this.#marks = new Waymarks(options)
    this.#written = new WrittenState(loaded.producers.copy(), loaded.logEndOffset)
    this.#rolling = new Rolling(options.place, options.clock)
    this.#segments = new SegmentSet(loaded.segments)
    this.#writtenOffset = loaded.logEndOffset
    this.#highWatermark = loaded.logEndOffset
    this.#durableOffset = loaded.logEndOffset
    this.#prepareBehind(this.#segments.active)
  }

  get segments(): SegmentSet {
    return this.#segments
  }

  get highWatermark(): number {
    return this.#highWatermark
  }

  get durableOffset(): number {
    return this.#durableOffset
  }

  get publishedBytes(): number {
    return this.#publishedBytes
  }

  get lastStableOffset(): number {
    return this.#written.lastStableOffset
  }

  get stableBytes(): number {
    return this.#written.stableBytes
  }

  /** A sync failed: what the page cache says of bytes that were not durable yet cannot be believed. */
  get syncFailed(): boolean {
    return this.#syncFailed
  }

  /** Below it nothing needs to be scanned after a crash: the files are on the disk, with their indexes. */
  get recoveryPoint(): number {
    const [sealing] = this.#sealing.keys()
    // A start takes a segment that others follow for sealed, unless the recovery point lies in it.
    const unsealed = sealing ?? (this.#next.isNamed || this.#isRolling ? this.#segments.active : undefined)
    return unsealed === undefined ? this.#durableOffset : Math.min(unsealed.baseOffset, this.#durableOffset)
  }

  sizeOf(batch: RecordBatch): number {
    return batch.sizeInBytes
  }

  messagesIn(batch: RecordBatch): number {
    return batch.recordsCount
  }

  /** Of a round that fails nothing is left in the files, as far as the disk still does what it is told. */
  async writeRound(batches: readonly RecordBatch[], durable: boolean): Promise<void> {
    try {
      await this.#options.place.writers.writing(() => this.#writeRound(batches, durable))
    } catch (cause) {
      await this.#takeBack()
      throw cause
    }
  }

  async #writeRound(batches: readonly RecordBatch[], durable: boolean): Promise<void> {
    // Copies of another log may leave a hole.
    invariant(batches[0].baseOffset >= this.#writtenOffset, 'a round continues the log behind where the last one ended')
    const { place } = this.#options
    const touched = new Set<Segment>()
    let bytes = 0
    for (let start = 0; start < batches.length; ) {
      const learning = this.#rolling.learn(this.#segments.active)
      if (learning !== undefined) await learning
      if (this.#mustRoll(batches, start)) await this.#roll(this.#next.namedAt ?? batches[start].baseOffset)
      const segment = this.#segments.active
      const run = batches.slice(start, this.#rolling.endOfRun(segment, batches, start))
      if (start + run.length === batches.length) this.#lookAhead(segment, run)
      await segment.append(run)
      this.#rolling.written(run)
      for (const batch of run) {
        if (batch.hasProducerId) this.#noteProducer(segment, batch, this.#publishedBytes + bytes)
        bytes += batch.sizeInBytes
      }
      touched.add(segment)
      if (!place.dsync) this.#unsynced.add(segment)
      start += run.length
    }
    this.#writtenOffset = batches[batches.length - 1].nextOffset
    // With more unsynced files than may be open, none could be closed.
    if (durable || (!place.dsync && place.writers.isCrowded)) await this.sync()
    this.#assertBelievable()
    for (const segment of touched) segment.publish()
    this.#highWatermark = this.#writtenOffset
    this.#publishedBytes += bytes
    this.#written.publish(this.#highWatermark, this.#publishedBytes)
    this.#options.onPublished()
    this.#marks.published(bytes, this.#segments.active, this.#writtenOffset, this.#written.producers)
  }

  #noteProducer(segment: Segment, batch: RecordBatch, bytesBefore: number): void {
    const ended = this.#written.note(batch, this.#options.clock.now(), bytesBefore)
    if (ended !== undefined) segment.transactions.add(ended)
  }

  /**
   * Takes what was never acknowledged out of the files at once: the process may die before it recovers, and the next one
   * would find whole batches that were refused. Whatever goes wrong here is only said, since the round has failed anyway.
   */
  async #takeBack(): Promise<void> {
    const { place, policy, logger } = this.#options
    const offset = this.#highWatermark
    // What is still on its way to the disk behind the writer would put files back that are removed here.
    await this.abandon()
    const { kept, beyond } = this.#segments.splitAfter(offset)
    this.#segments = kept
    this.#writtenOffset = offset
    try {
      for (const segment of beyond) {
        this.#unsynced.delete(segment)
        this.#sealing.delete(segment)
      }
      // A file that is removed next has nothing to say with the way it closes.
      await Promise.allSettled(beyond.map((segment) => segment.release()))
      // Before the cut: the other way round a crash in between would leave a hole.
      await removeSegmentsBeyond(place, offset)
      await kept.active.takeBack().catch((error: unknown) => {
        // Cutting syncs; where that fails, no later sync can be believed of what was acknowledged from the page cache.
        if (policy.acknowledgeAfter === 'write') this.#syncFailed = true
        throw error
      })
    } catch (err) {
      const fields = { directory: place.directory, offset, err }
      logger.error(fields, 'Could not cut what was refused from a log; until it is recovered a restart would find it.')
    }
  }

  /**
   * Removes the segments that hold nothing at `offset` or behind it, from the oldest on, so that a crash in between
   * leaves no hole. One that nobody reads may become the file of the next segment.
   */
  async removeBefore(offset: number): Promise<void> {
    // What is still being brought to the disk behind the writer is not removed under its hands.
    await this.settle()
    const { before, rest } = this.#segments.splitBefore(offset)
    this.#segments = rest
    await removeSegments(this.#options.place, before, this.#next, async (segment) => {
      // It may have been rolled while the others were waited for.
      const sealing = this.#sealing.get(segment)
      await sealing?.work
      // What its producers wrote is to be known also when the batches are gone.
      if (sealing?.hasFailed) await this.#writeSnapshot(sealing.nextBase, sealing.snapshot)
      this.#sealing.delete(segment)
      if (this.#unsynced.has(segment)) await this.#syncSegment(segment)
    })
  }

  /**
   * Begins a new segment where the log ends, if it ends at `offset` and the active segment holds something: whether it
   * did. To be called between two rounds. Where the disk has no room or no descriptor for that, the next round tries again.
   */
  async rollAt(offset: number): Promise<boolean> {
    if (this.#segments.active.isEmpty || this.#writtenOffset !== offset) return false
    try {
      await this.#options.place.writers.writing(() => this.#roll(offset))
      return true
    } catch (error) {
      if (!mayPass(error)) throw error
      return false
    }
  }

  /** Lets a segment stand in the place of others that are sealed and durable, whose records it holds. */
  replaceSegments(old: readonly Segment[], by: Segment): void {
    invariant(this.#segments.holds(old) && !old.includes(this.#segments.active), 'only sealed segments are replaced')
    this.#segments = this.#segments.replacing(old, by)
  }

  /** Where each producer that is at work has written last, as far as it is written. */
  lastOfProducers(): Map<number, LastOfProducer> {
    const last = new Map<number, LastOfProducer>()
    for (const { producerId, epoch, batches } of this.#written.producers.values()) {
      last.set(producerId, { epoch, lastDataOffset: batches.at(-1)?.lastOffset ?? -1 })
    }
    return last
  }

  sync(): Promise<void> {
    // One after the other: a second one would not wait for the segments that the first has taken on.
    return this.#syncs.run(() => this.#sync())
  }

  async #sync(): Promise<void> {
    this.#assertBelievable()
    const upTo = this.#writtenOffset
    for (const segment of [...this.#unsynced]) await this.#syncSegment(segment)
    this.#durableOffset = Math.max(this.#durableOffset, upTo)
  }

  /** A sync failed behind the writer, which was told once: no later one may pass for it, and nothing more is shown. */
  #assertBelievable(): void {
    if (this.#syncFailed) throw new HoldfastError('DISK_FAILED', 'An earlier sync of this log failed.')
  }

  async #syncSegment(segment: Segment): Promise<void> {
    // Taken off the list only as its own sync begins: till then nobody may close its file, and from then on a closing
    // waits for the sync. A round that is written into it meanwhile puts it back.
    this.#unsynced.delete(segment)
    try {
      await segment.sync()
      // One that is still being sealed is closed when that is done.
      const isDone = segment !== this.#segments.active && !this.#sealing.has(segment)
      if (isDone && !this.#unsynced.has(segment)) await segment.closeWriter()
    } catch (cause) {
      this.#syncFailed = true
      throw cause
    }
  }

  failed(cause: unknown): HoldfastError {
    return this.#options.onFailed(cause)
  }

  /** Waits until no file is being written behind the writer's back. */
  async settle(): Promise<void> {
    await this.#marks.settled()
    await Promise.all([...this.#sealing.values()].map(({ work }) => work))
  }

  /** Ends all work behind the writer's back, and lets go of what was prepared for later. Nothing is written any more. */
  async abandon(): Promise<void> {
    await this.settle()
    await this.#segments.active.stopPreparing()
    await this.#next.discard().catch((err: unknown) => {
      // It holds nothing; the next opening clears it away.
      const { place, logger } = this.#options
      logger.warn({ directory: place.directory, err }, 'Could not remove a prepared segment.')
    })
  }

  /** Leaves the files so that the next opening needs no recovery. To be called after the last flush. */
  async seal(): Promise<void> {
    await this.settle()
    // What is still here could not be sealed when it was rolled. Unsealed it may end in zeros, which a start after a close
    // in order does not look for.
    for (const [segment, { nextBase, snapshot }] of this.#sealing) await this.#sealBehind(segment, nextBase, snapshot)
    await this.#next.discard()
    await this.#segments.active.seal()
    await this.#writeSnapshot(this.#writtenOffset, encodeProducerSnapshot(this.#written.producers))
  }

  forgetIdleProducersSince(timestamp: number): void {
    this.#written.producers.forgetIdleSince(timestamp)
  }

  /** Whether the log goes on in a new segment: where the next one is begun already, or the active one has no place for a batch more. */
  #mustRoll(batches: readonly RecordBatch[], start: number): boolean {
    if (this.#next.isNamed || this.#isRolling) return true
    return this.#rolling.endOfRun(this.#segments.active, batches, start) === start
  }

  /** When the active segment needs no more preparing, the next one does. */
  #prepareBehind(active: Segment): void {
    active.whenPrepared(() => this.#next.prepareSpare(active))
  }

  /** The next segment is named before it is needed, beside the writing of this round. */
  #lookAhead(segment: Segment, lastRun: readonly RecordBatch[]): void {
    const runBytes = lastRun.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
    const { lastOffset, nextOffset } = lastRun[lastRun.length - 1]
    const { segmentBytes } = this.#options.place
    // Where the next round is likely not to fit; but a segment is not left half empty for that.
    const marginBytes = Math.min(runBytes, segmentBytes / 16)
    const isNearlyFull = !segment.hasRoomFor(runBytes + marginBytes, lastOffset, segmentBytes)
    if (isNearlyFull) this.#next.name(nextOffset, segment.writtenInAll + runBytes)
  }

  /** Begins a new segment. The old one's indexes and the producer state reach the disk behind the writer's back. */
  async #roll(baseOffset: number): Promise<void> {
    const sealed = this.#segments.active
    // Recovery takes a hole between two segments for damage, so none is begun before the one before it is durable.
    if (this.#options.policy.acknowledgeAfter === 'sync' && this.#unsynced.has(sealed)) await this.#syncSegment(sealed)
    this.#isRolling = true
    this.#marks.rolled()
    const segment = await this.#next.take(baseOffset, sealed.writtenInAll)
    const snapshot = encodeProducerSnapshot(this.#written.producers)
    this.#segments = this.#segments.with(segment)
    this.#rolling.begin()
    this.#prepareBehind(segment)
    this.#seal(sealed, { nextBase: baseOffset, snapshot })
    this.#isRolling = false
    for (const [earlier, sealing] of this.#sealing) if (sealing.hasFailed) this.#seal(earlier, sealing)
  }

  /** Begins to bring a rolled segment's indexes, and the producer state at its end, to the disk. */
  #seal(segment: Segment, { nextBase, snapshot }: Pick<Sealing, 'nextBase' | 'snapshot'>): void {
    const work = this.#sealBehind(segment, nextBase, snapshot).then(
      () => {
        this.#sealing.delete(segment)
      },
      (err: unknown) => {
        // Nothing acknowledged is at stake: the recovery point stays before this segment, and the next roll tries again.
        sealing.hasFailed = true
        this.#options.logger.error({ path: segment.path(suffix.log), err }, 'Could not write the indexes of a segment.')
      },
    )
    const sealing: Sealing = { nextBase, snapshot, work, hasFailed: false }
    this.#sealing.set(segment, sealing)
  }

  async #sealBehind(segment: Segment, nextBase: number, snapshot: Buffer): Promise<void> {
    // Before its end is cut, which syncs too: an error would be told to the cutting, and not to those who were acknowledged.
    if (this.#unsynced.has(segment)) await this.sync()
    // Both write the same files.
    await this.#marks.settled()
    await segment.seal()
    await this.#writeSnapshot(nextBase, snapshot)
    // Where a sync is still due, it closes the writer.
    if (!this.#unsynced.has(segment)) await segment.closeWriter()
  }

  #writeSnapshot(offset: number, snapshot: Buffer): Promise<void> {
    const { disk, directory } = this.#options.place
    return disk.replaceFile(join(directory, segmentFileName(offset, suffix.snapshot)), snapshot)
  }
}
