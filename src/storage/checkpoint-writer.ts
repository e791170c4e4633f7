/**
 * Writes the offset checkpoints of all logs down: when the store was opened or a topic was deleted, so that no line of
 * a topic that is gone is ever taken for one of a later topic of that name; from time to time; and at the end.
 */

import { join } from 'node:path'
import { Mutex } from '../core/mutex.js'
import type { Settings } from '../core/settings.js'
import type { Disk } from '../files/disk.js'
import { checkpointFile, encodeOffsets } from './checkpoints.js'
import type { Chore } from './chores.js'
import type { SegmentLog } from './segments/segment-log.js'

/** Stands for a file of which nobody knows whether it was replaced: no checkpoint is empty, so the next one is written. */
const unknownContent = Buffer.alloc(0)

export class CheckpointWriter {
  readonly #logPath: string
  readonly #tools: { disk: Disk; settings: Settings }
  readonly #logs: () => Iterable<SegmentLog>
  readonly #keptTo: (log: SegmentLog) => number
  readonly #writes = new Mutex()
  #startsWaiting: Promise<void> | undefined
  /** The last content of each file, so that an idle store writes nothing. */
  readonly #written = new Map<string, Buffer>()

  /** `keptTo`: what lies behind it is being cut from the log, and no checkpoint may count on it any more. */
  constructor(
    logPath: string,
    tools: { disk: Disk; settings: Settings },
    logs: () => Iterable<SegmentLog>,
    keptTo: (log: SegmentLog) => number,
  ) {
    this.#logPath = logPath
    this.#tools = tools
    this.#logs = logs
    this.#keptTo = keptTo
  }

  /** Checkpoints only save work after a crash: where one cannot be written, the next one may. */
  chores(): Chore[] {
    const { settings } = this.#tools
    return [
      {
        name: 'recovery point checkpoint',
        intervalMs: settings['log.flush.offset.checkpoint.interval.ms'],
        run: () => this.#writes.run(() => this.#writeRecoveryPoints()),
      },
      {
        name: 'high watermark checkpoint',
        intervalMs: settings['replica.high.watermark.checkpoint.interval.ms'],
        run: () => this.#writes.run(() => this.#writeHighWatermarks()),
      },
    ]
  }

  /** Writes all checkpoints now. */
  async write(): Promise<void> {
    await this.#writes.run(async () => {
      await this.#writeRecoveryPoints()
      await this.#writeHighWatermarks()
    })
  }

  /** Writes down where the logs start, for all who ask before it begins. */
  writeLogStarts(): Promise<void> {
    this.#startsWaiting ??= this.#writes.run(() => {
      this.#startsWaiting = undefined
      return this.#writeLogStarts()
    })
    return this.#startsWaiting
  }

  async #writeRecoveryPoints(): Promise<void> {
    for (const log of this.#logs()) log.forgetIdleProducers()
    await this.#put(checkpointFile.recoveryPoint, (log) => log.recoveryPoint)
    await this.#writeLogStarts()
    await this.#put(checkpointFile.cleaner, (log) => log.compaction.cleanedUpTo)
  }

  #writeLogStarts(): Promise<void> {
    // Where the files of the beginning are lost, that stays to be seen.
    return this.#put(checkpointFile.logStart, (log) => log.report.lostStart?.from ?? log.logStartOffset)
  }

  #writeHighWatermarks(): Promise<void> {
    return this.#put(checkpointFile.highWatermark, (log) => log.highWatermark)
  }

  async #put(file: string, offsetOf: (log: SegmentLog) => number | undefined): Promise<void> {
    const { disk } = this.#tools
    const offsets = [...this.#logs()].flatMap((log) => {
      const offset = offsetOf(log)
      return offset === undefined
        ? []
        : { topic: log.topic, partition: log.partition, offset: Math.min(offset, this.#keptTo(log)) }
    })
    const path = join(this.#logPath, file)
    const bytes = encodeOffsets(offsets)
    const present = this.#written.get(file) ?? (await disk.readFile(path))
    if (present === undefined ? offsets.length > 0 : !present.equals(bytes)) {
      this.#written.set(file, unknownContent)
      await disk.replaceFile(path, bytes)
    }
    this.#written.set(file, bytes)
  }
}
