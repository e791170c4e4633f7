/**
 * A verification while the broker serves: every batch that readers would get is read as they get it, its checksum and its
 * records looked at. What lies beside the messages (indexes, checkpoints) only `holdfast verify` looks at, on a folder
 * that nobody serves. One runs at a time, in small pieces with pauses, so that the broker goes on.
 */

import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import { batchesIn, type RecordBatch } from '../records/batch.js'
import { prepareCodec } from '../records/compression/index.js'
import { readRecords } from '../records/reader.js'
import type { PartitionLog } from '../storage/partition-log.js'
import type { StoredLogs } from '../storage/stored-logs.js'
import type { Reports } from './api-types.js'

export interface VerificationOptions {
  readonly stored: StoredLogs
  readonly clock: Clock
  readonly logger: Logger
}

type Report = NonNullable<Reports['verification']>
type ReportInTheMaking = { -readonly [Key in keyof Report]: Report[Key] }

const pieceBytes = 1024 * 1024
/** After each piece: about a fifth of the time is spent reading. */
const pauseMs = 5
/** More say no more. */
const mostFindings = 1000
const mostUnpackedBytes = 64 * 1024 * 1024

export class Verification {
  readonly #options: VerificationOptions
  #report: ReportInTheMaking | null = null
  #findings: string[] = []
  #ending = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(options: VerificationOptions) {
    this.#options = options
  }

  /** Of the one that runs, or ran last; null where none was asked for. */
  get report(): Report | null {
    return this.#report
  }

  /** Begins one, unless one is under way. */
  begin(): void {
    if (this.#report !== null && this.#report.endedAtMs === null) return
    const { clock, logger } = this.#options
    this.#findings = []
    this.#report = { startedAtMs: clock.now(), endedAtMs: null, findings: this.#findings, sound: null }
    this.#running = this.#run(this.#report).catch((err: unknown) => {
      logger.error({ err }, 'A verification did not come to its end.')
      this.#findings.push('The verification did not come to its end; the log of the program says why.')
      if (this.#report !== null) this.#report.endedAtMs = clock.now()
    })
  }

  async close(): Promise<void> {
    this.#ending.abort()
    await this.#running
  }

  async #run(report: ReportInTheMaking): Promise<void> {
    const { stored, clock } = this.#options
    for (const { name, partitions } of stored.topics) {
      for (let partition = 0; partition < partitions; partition++) {
        const log = stored.log(name, partition)
        if (log !== undefined) await this.#check(log)
      }
    }
    report.endedAtMs = clock.now()
    report.sound = this.#ending.signal.aborted ? null : this.#findings.length === 0
  }

  async #check(log: PartitionLog): Promise<void> {
    if (log.failure !== undefined) this.#found(log, `takes no messages: ${log.failure.message}`)
    // What comes while it runs is left out, so that it ends.
    const end = log.highWatermark
    let offset = log.logStartOffset
    while (offset < end && !this.#ending.signal.aborted && this.#findings.length < mostFindings) {
      const next = await this.#checkPiece(log, offset)
      if (next <= offset) return
      offset = next
      await new Promise<void>((resolve) => this.#options.clock.schedule(pauseMs, resolve, { background: true }))
    }
  }

  /** Where to go on; `offset` where nothing more can be read. */
  async #checkPiece(log: PartitionLog, offset: number): Promise<number> {
    try {
      const { records } = await log.read(offset, pieceBytes)
      let next = offset
      for (const bytes of records) {
        for (const batch of batchesIn(bytes)) {
          await this.#checkBatch(log, batch)
          next = batch.nextOffset
        }
      }
      return next
    } catch (error) {
      // Retention may have taken what was about to be read.
      if (offset < log.logStartOffset) return log.logStartOffset
      if (!log.isClosed) this.#found(log, `cannot be read on at offset ${offset}: ${(error as Error).message}`)
      return offset
    }
  }

  async #checkBatch(log: PartitionLog, batch: RecordBatch): Promise<void> {
    if (!batch.crcMatches()) {
      this.#found(log, `the batch at offset ${batch.baseOffset} fails its CRC`)
      return
    }
    try {
      await prepareCodec(batch.codec)
      readRecords(batch, mostUnpackedBytes)
    } catch (error) {
      this.#found(log, `the batch at offset ${batch.baseOffset} cannot be opened: ${(error as Error).message}`)
    }
  }

  #found({ topic, partition }: PartitionLog, what: string): void {
    if (this.#findings.length < mostFindings) this.#findings.push(`${topic}-${partition}: ${what}`)
  }
}
