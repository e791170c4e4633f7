/**
 * The key index of one partition: follows its log, keeps what is new in a table, the rest in files, and finds records by
 * key or id.
 *
 * What must hold: the files, oldest first, and then the table cover the log without a gap from where it starts up to
 * `#position`. Files cover durable records only, so that a crash never takes back what one of them says is there. All of
 * it are hints: a record is found only after it was read from the log and has that key, and whatever is missing or
 * damaged is indexed again from the log.
 */

import { HoldfastError } from '../../core/errors.js'
import { Mutex } from '../../core/mutex.js'
import { batchesIn, type RecordBatch } from '../../records/batch.js'
import { prepareCodec } from '../../records/compression/index.js'
import type { StoredRecord } from '../../records/record.js'
import type { MessageFinder, Search } from '../message-finder.js'
import type { PartitionLog } from '../partition-log.js'
import { BatchKeys } from './batch-keys.js'
import { Follower } from './follower.js'
import { type Candidates, findRecords } from './lookup.js'
import type { TableOwner } from './memory.js'
import { type KeyIndexOptions, usualTableEntries } from './options.js'
import { DamagedRun, type Run } from './run.js'
import { RunFiles } from './run-files.js'
import { fitsOneRun } from './run-writer.js'
import { KeyTable } from './table.js'

export interface KeyIndexStatus {
  readonly entries: number
  readonly files: number
  readonly sizeInBytes: number
  /** Records below this offset are indexed. */
  readonly indexedTo: number
}

const sliceBytes = 512 * 1024
/** However few keys are in it: what has been read once is not read again at each start. */
const mostBytesPerTable = 256 * 1024 * 1024

export class KeyIndex implements MessageFinder, TableOwner {
  readonly #options: KeyIndexOptions
  readonly #log: PartitionLog
  readonly #runs: RunFiles
  readonly #keys: BatchKeys
  readonly #turns = new Mutex()
  readonly #follower: Follower
  #table = new KeyTable(0)
  #frozen: KeyTable | undefined
  /** Where the next batch to index begins. */
  #position = 0
  #bytesInTable = 0
  /** Raised when the table is thrown away: work that began before is for nothing. */
  #generation = 0
  #writing: Promise<void> | undefined
  #opened: Promise<void> | undefined
  #isClosing = false
  #thinnedTo: number | undefined
  /** What it was that kept the last table from the disk; whoever indexes next is told. */
  #writeTrouble: unknown

  constructor(options: KeyIndexOptions) {
    this.#options = options
    this.#log = options.log
    this.#keys = new BatchKeys(options.idHeader, options.hash)
    this.#runs = new RunFiles(options, (damaged) => this.#forgetFrom(damaged))
    options.memory.register(this)
    this.#follower = new Follower(options, {
      open: () => this.#open(),
      position: () => this.#position,
      step: () => this.#turns.run(() => this.#step()),
      caughtUp: () => this.#runs.dropBefore(this.#log.logStartOffset),
    })
  }

  get tableBytes(): number {
    return this.#table.sizeInBytes + (this.#frozen?.sizeInBytes ?? 0)
  }

  get status(): KeyIndexStatus {
    return {
      entries: this.#runs.entries + this.#table.count + (this.#frozen?.count ?? 0),
      files: this.#runs.list.length,
      sizeInBytes: this.#runs.sizeInBytes,
      indexedTo: this.#position,
    }
  }

  /**
   * The newest records that have this key or id, as far as readers see them now; what is not indexed yet is indexed first.
   * @throws what reading the log throws; DISK_FULL and the like where the index could not be written; CLOSED
   */
  async find(search: Search): Promise<StoredRecord[]> {
    for (;;) {
      await this.catchUp(this.#log.lastStableOffset)
      const { hi, lo } = this.#keys.hashOf(search.bytes, search.kind)
      const runs = [...this.#runs.list].reverse()
      for (const run of runs) run.retain()
      try {
        const candidates = candidatesFrom(hi, lo, [this.#table, this.#frozen], runs)
        return await findRecords(this.#log, candidates, search, this.#options.idHeader)
      } catch (error) {
        if (!(error instanceof DamagedRun)) throw error
        this.#forgetFrom(error.run)
      } finally {
        for (const run of runs) run.release()
      }
    }
  }

  /** Resolves when the files are known, or cannot be for now. */
  async ready(): Promise<void> {
    await this.#open().catch(() => {})
  }

  /** Indexes what readers see below `offset`. */
  async catchUp(offset: number): Promise<void> {
    this.#assertOpen()
    await this.#open()
    const isBehind = () => this.#position < offset || this.#coveredFrom > this.#log.logStartOffset
    while (isBehind()) {
      await this.#turns.run(async () => {
        this.#assertOpen()
        if (isBehind()) await this.#step()
      })
    }
  }

  /** Brings the table to a file, and waits for it. Never rejects: where it fails, its records are indexed again later. */
  async writeTable(): Promise<void> {
    await this.#beginWriting()
    await this.#writing
  }

  /**
   * Indexes anew what compaction has been over, since most of what the files say of it may be gone. To be called with the
   * offset up to which it came; what it has been over before the first call is taken for done.
   */
  async thin(cleanedUpTo: number): Promise<void> {
    const before = this.#thinnedTo ?? cleanedUpTo
    this.#thinnedTo = cleanedUpTo
    if (cleanedUpTo <= before || this.#isClosing) return
    await this.#open()
    await this.#runs.thin(cleanedUpTo, this.#keys)
  }

  /** Removes files that hold nothing that is still in the log. */
  async tidy(): Promise<void> {
    await this.#open()
    await this.#runs.dropBefore(this.#log.logStartOffset)
  }

  /** Ends the following, and leaves files that hold all that was indexed unless they are not to be kept. Never rejects. */
  async close({ keep = true }: { keep?: boolean } = {}): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    await this.#follower.stop()
    await this.#opened?.catch(() => {})
    // A step that is under way ends by itself.
    await this.#turns.run(async () => {})
    if (keep && this.#opened !== undefined) await this.writeTable()
    else await this.#writing
    if (this.#writeTrouble !== undefined && !this.#log.isClosed && this.#log.failure === undefined) {
      const { topic, partition } = this.#log
      const fields = { topic, partition, err: this.#writeTrouble }
      this.#options.logger.warn(fields, 'The end of a key index could not be written; the next start builds it again.')
    }
    this.#options.memory.forget(this)
    this.#dropTable(this.#position)
    await this.#runs.close()
  }

  #assertOpen(): void {
    const { topic, partition } = this.#log
    if (this.#isClosing) throw new HoldfastError('CLOSED', `The key index of ${topic}-${partition} is closed.`)
  }

  #open(): Promise<void> {
    this.#opened ??= this.#load().catch((error: unknown) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }

  async #load(): Promise<void> {
    const { logStartOffset, highWatermark } = this.#log
    const end = await this.#runs.load(logStartOffset, highWatermark)
    this.#dropTable(end ?? logStartOffset)
  }

  /**
   * Indexes the next slice of the log, and lets others have their turn.
   * @throws why the last table could not be written, once
   */
  async #step(): Promise<void> {
    const trouble = this.#writeTrouble
    this.#writeTrouble = undefined
    if (trouble !== undefined) throw trouble
    const log = this.#log
    const { logStartOffset } = log
    // Of what is covered nothing is in the log any more; or not all that is in the log is covered, since it was told to
    // begin later and that could not be written down.
    if (this.#position < logStartOffset || this.#coveredFrom > logStartOffset) this.#beginAnew(logStartOffset)
    const generation = this.#generation
    const end = log.highWatermark
    if (this.#position >= end) return
    const slice = await log.read(this.#position, sliceBytes, { lend: true }).catch((error: unknown) => {
      if (this.#position < log.logStartOffset) return undefined
      throw error
    })
    // The log begins later by now.
    if (slice === undefined) return
    try {
      // Compaction may have left nothing between here and the end.
      if (slice.records.length === 0 && generation === this.#generation) this.#position = end
      for (const bytes of slice.records) {
        for (const batch of batchesIn(bytes)) {
          await prepared(batch)
          await this.#index(batch, generation)
          if (generation !== this.#generation) return
        }
      }
    } finally {
      slice.release?.()
    }
    await this.#turn()
  }

  /** Nothing happens where the table was thrown away since `generation`. */
  async #index(batch: RecordBatch, generation: number): Promise<void> {
    const { memory, tableEntries = usualTableEntries } = this.#options
    if (this.#table.count > 0 && !fitsOneRun(this.#table.base, batch.lastOffset)) await this.#beginWriting()
    if (generation !== this.#generation) return
    const table = this.#table
    const before = table.sizeInBytes
    if (!batch.isControl) this.#addKeysOf(batch, table)
    this.#position = Math.max(this.#position, batch.nextOffset)
    this.#bytesInTable += batch.sizeInBytes
    const isFull = table.count >= tableEntries || this.#bytesInTable >= mostBytesPerTable
    if (table.sizeInBytes > before) await memory.takeForTable(table.sizeInBytes - before)
    if (isFull && table === this.#table) await this.#beginWriting()
  }

  #addKeysOf(batch: RecordBatch, table: KeyTable): void {
    try {
      this.#keys.addTo(table, batch, this.#position)
    } catch (err) {
      // Nobody can read it, and so nobody can find it; the records behind it are sound.
      const { topic, partition } = this.#log
      const fields = { topic, partition, offset: batch.baseOffset, err }
      this.#options.logger.warn(fields, 'A batch whose records cannot be read is not in the key index.')
    }
  }

  /** Lets the table be written beside the indexing, once the one before it is written. */
  async #beginWriting(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing
    const table = this.#table
    const to = this.#position
    if (table.from >= to) return
    this.#frozen = table
    this.#table = new KeyTable(to)
    this.#bytesInTable = 0
    this.#writing = this.#write(table, to).finally(() => {
      this.#writing = undefined
    })
  }

  async #write(table: KeyTable, to: number): Promise<void> {
    const generation = this.#generation
    try {
      // A file may only speak of what no crash can take away.
      if (this.#log.durableOffset < to) await this.#log.flush()
      await this.#runs.add(table, to, () => {
        if (generation !== this.#generation) return false
        this.#thaw(table)
        return true
      })
    } catch (err) {
      if (generation !== this.#generation) return
      this.#writeTrouble = err
      this.#dropTable(table.from)
    }
  }

  /** The table that was being written is in a file now. */
  #thaw(table: KeyTable): void {
    this.#frozen = undefined
    this.#options.memory.giveFromTable(table.sizeInBytes)
  }

  /** What a damaged file covered, and all behind it, is indexed again. */
  #forgetFrom(damaged: Run): void {
    const { topic, partition } = this.#log
    if (!this.#runs.forgetFrom(damaged)) return
    const fields = { topic, partition, file: damaged.path }
    this.#options.logger.warn(fields, 'A file of a key index is damaged; it is built again from the log.')
    this.#dropTable(damaged.from)
    this.#follower.wake()
  }

  get #coveredFrom(): number {
    return this.#runs.list[0]?.from ?? this.#frozen?.from ?? this.#table.from
  }

  #beginAnew(position: number): void {
    const [first] = this.#runs.list
    if (first !== undefined) this.#runs.forgetFrom(first)
    this.#dropTable(position)
  }

  /** Throws away what is in memory, and begins again at `position`. */
  #dropTable(position: number): void {
    const { memory } = this.#options
    memory.giveFromTable(this.#table.sizeInBytes + (this.#frozen?.sizeInBytes ?? 0))
    this.#generation++
    this.#frozen = undefined
    this.#table = new KeyTable(position)
    this.#bytesInTable = 0
    this.#position = position
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#options.clock.soon(resolve))
  }
}

/** A codec that is none, or cannot be loaded, is told of where the records are read. */
async function prepared(batch: RecordBatch): Promise<void> {
  try {
    await prepareCodec(batch.codec)
  } catch {}
}

/** The offsets under a hash, the newest first: from the tables, then from the files, the newest of each first. */
async function* candidatesFrom(
  hi: number,
  lo: number,
  tables: readonly (KeyTable | undefined)[],
  runs: readonly Run[],
): Candidates {
  for (const table of tables) if (table !== undefined) yield* table.offsetsOf(hi, lo)
  for (const run of runs) yield* run.offsetsOf(hi, lo)
}
