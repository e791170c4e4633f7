/**
 * Keeps the disk from filling up. Above `disk.watermark.delete.ratio` old sealed segments go before their time, the oldest
 * of all logs first, until it is below; above `disk.watermark.refuse.ratio` messages are refused, while all else goes on,
 * and taken again by themselves once it is below. Both are shares of what an ordinary user can have of the file system.
 */

import type { Settings } from '../core/settings.js'
import type { Disk } from '../files/disk.js'
import type { Chore } from './chores.js'
import type { DiskRoom } from './log/disk-room.js'
import { allowsDeletion, type DeletionTools, giveUpAll, oldestOfAll } from './retention.js'
import type { SegmentLog } from './segments/segment-log.js'

export const watermarkChore = 'disk watermark'

/** A disk that takes a gigabyte a second does not fill the way from one mark to the other meanwhile, unless it is small. */
const intervalMs = 2000
/** Messages are taken again so much below the mark, so that a disk at the mark does not go to and fro. */
const hysteresisPercent = 1

export interface DiskWatermarkOptions extends DeletionTools {
  readonly settings: Settings
  readonly disk: Disk
  readonly logPath: string
  readonly room: DiskRoom
  logs(): Iterable<SegmentLog>
}

export class DiskWatermark {
  readonly #options: DiskWatermarkOptions
  /** It was said that nothing is left to be deleted. */
  #hasSaidSo = false

  constructor(options: DiskWatermarkOptions) {
    this.#options = options
  }

  chore(): Chore {
    return { name: watermarkChore, intervalMs, firstAfterMs: 0, run: (signal) => this.#run(signal) }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { disk, logPath, settings, room } = this.#options
    const space = await disk.space(logPath)
    if (space === undefined || space.totalBytes === 0) return
    const { freeBytes, totalBytes } = space
    const usedBytes = totalBytes - freeBytes
    this.#refuseOrResume((usedBytes / totalBytes) * 100)
    const allowedBytes = (settings['disk.watermark.delete.ratio'] / 100) * totalBytes
    room.isScarce = usedBytes > allowedBytes
    if (room.isScarce) await this.#shrinkBy(usedBytes - allowedBytes, signal)
    else this.#hasSaidSo = false
  }

  #refuseOrResume(usedPercent: number): void {
    const { logPath, settings, logger, room } = this.#options
    const ratio = settings['disk.watermark.refuse.ratio']
    const isRefusing = room.refusal !== undefined
    if (usedPercent > ratio) {
      const found = `The disk under ${logPath} is ${usedPercent.toFixed(1)} % full, and disk.watermark.refuse.ratio is ${ratio}`
      room.refusal = `${found}: no messages are taken until it is below ${ratio - hysteresisPercent} %. Make room there, or delete topics.`
      if (!isRefusing) logger.error({ usedPercent, ratio }, room.refusal)
    } else if (isRefusing && usedPercent < ratio - hysteresisPercent) {
      room.refusal = undefined
      logger.info({ usedPercent, ratio }, 'The disk has room again; messages are taken.')
    }
  }

  async #shrinkBy(bytes: number, signal: AbortSignal): Promise<void> {
    const { logger, logPath } = this.#options
    const logs = [...this.#options.logs()].filter(allowsDeletion)
    let leftBytes = bytes
    const chosen = await oldestOfAll(logs, this.#options, ({ sizeInBytes, isActive }) => {
      if (leftBytes <= 0) return 'enough'
      if (isActive) return 'keep'
      leftBytes -= sizeInBytes
      return 'take'
    })
    const freed = await giveUpAll(chosen, this.#options, 'disk.watermark.delete.ratio', signal)
    if (freed > 0 || this.#hasSaidSo || signal.aborted) return
    this.#hasSaidSo = true
    const fields = { logPath, excessBytes: Math.round(bytes) }
    logger.warn(fields, 'The disk is above disk.watermark.delete.ratio, and no sealed segment may be deleted.')
  }
}
