/** What the opening of a store did to its logs: how much it read, what it cut and made anew, and what it found damaged. */

import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import type { SegmentLog } from './segments/segment-log.js'

export interface LogRecovery {
  readonly topic: string
  readonly partition: number
  /** Bytes of batches that were read and checked. */
  readonly scannedBytes: number
  /** Bytes of a torn tail that was cut. */
  readonly cutBytes: number
  /** Segments whose indexes were made anew. */
  readonly rebuiltSegments: number
  readonly durationMs: number
  /** Why the log takes no messages, and from which offset on it cannot be read. */
  readonly damage?: { readonly offset: number; readonly what: string }
}

/** What the opening did to the commit log that topics share. */
export interface CommitLogRecovery {
  /** It had been closed in order. */
  readonly clean: boolean
  readonly scannedBytes: number
  /** Something was cut behind its end. */
  readonly isCut: boolean
  /** Its consume queues and its key index were made anew. */
  readonly isRebuilt: boolean
  readonly durationMs: number
  /** Why it takes no messages. */
  readonly damage?: string
}

export interface RecoveryReport {
  /** The store had been closed in order. */
  readonly clean: boolean
  readonly durationMs: number
  readonly scannedBytes: number
  readonly cutBytes: number
  readonly rebuiltSegments: number
  readonly damagedLogs: number
  /** Those of which something was cut, made anew or found damaged, and those that were read. */
  readonly logs: readonly LogRecovery[]
  /** Where there is one. */
  readonly commitLog?: CommitLogRecovery
}

/** The report with what was done to the commit log: its numbers are those of all logs. */
export function withCommitLog(report: RecoveryReport, commitLog: CommitLogRecovery): RecoveryReport {
  return {
    ...report,
    clean: report.clean && commitLog.clean,
    durationMs: report.durationMs + commitLog.durationMs,
    scannedBytes: report.scannedBytes + commitLog.scannedBytes,
    damagedLogs: report.damagedLogs + (commitLog.damage === undefined ? 0 : 1),
    commitLog,
  }
}

export interface RecoveryProgress {
  readonly logsDone: number
  readonly logsTotal: number
  readonly scannedBytes: number
}

export interface WatchRecovery {
  /** Reads every batch of every log, also what is known to be sound. */
  readonly fullScan?: boolean
  /** Called while logs are read, and after each. */
  readonly onRecovery?: (progress: RecoveryProgress) => void
}

export class RecoveryTally {
  readonly #clock: Clock
  readonly #onRecovery: NonNullable<WatchRecovery['onRecovery']>
  readonly #logsTotal: number
  readonly #beganMs: number
  readonly #logs: LogRecovery[] = []
  #logsDone = 0
  #scannedBytes = 0

  constructor(clock: Clock, logsTotal: number, { onRecovery = () => {} }: WatchRecovery) {
    this.#clock = clock
    this.#logsTotal = logsTotal
    this.#onRecovery = onRecovery
    this.#beganMs = clock.monotonic()
  }

  scanned(bytes: number): void {
    this.#scannedBytes += bytes
    this.#tell()
  }

  opened({ topic, partition, report }: SegmentLog, durationMs: number): void {
    const { scannedBytes, cutBytes, rebuiltSegments, damage, lostStart } = report
    this.#logsDone++
    this.#tell()
    const found = damage ?? (lostStart && { offset: lostStart.from, what: lostStart.what })
    if (scannedBytes + cutBytes + rebuiltSegments === 0 && found === undefined) return
    this.#logs.push({
      topic,
      partition,
      scannedBytes,
      cutBytes,
      rebuiltSegments,
      durationMs,
      ...(found !== undefined && { damage: { offset: found.offset, what: found.what } }),
    })
  }

  finish(clean: boolean, logger: Logger): RecoveryReport {
    const sum = (of: (log: LogRecovery) => number) => this.#logs.reduce((total, log) => total + of(log), 0)
    const report: RecoveryReport = {
      clean,
      durationMs: this.#clock.monotonic() - this.#beganMs,
      scannedBytes: sum((log) => log.scannedBytes),
      cutBytes: sum((log) => log.cutBytes),
      rebuiltSegments: sum((log) => log.rebuiltSegments),
      damagedLogs: sum((log) => (log.damage === undefined ? 0 : 1)),
      logs: this.#logs,
    }
    if (!clean)
      logger.info({ ...report, logs: this.#logsTotal }, 'Recovered the logs after an end that was not in order.')
    for (const log of this.#logs) if (log.cutBytes > 0) logger.info(log, 'Recovered a log.')
    return report
  }

  #tell(): void {
    this.#onRecovery({ logsDone: this.#logsDone, logsTotal: this.#logsTotal, scannedBytes: this.#scannedBytes })
  }
}
