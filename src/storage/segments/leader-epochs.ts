/** Which leader epoch wrote which offsets: Kafka's `leader-epoch-checkpoint`, kept in each partition directory. */

import { join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import { decodeEpochs, type EpochStart, encodeEpochs } from './text-files.js'

const fileName = 'leader-epoch-checkpoint'

export class LeaderEpochs {
  readonly #disk: Disk
  readonly #path: string
  #starts: readonly EpochStart[]

  private constructor(disk: Disk, path: string, starts: readonly EpochStart[]) {
    this.#disk = disk
    this.#path = path
    this.#starts = starts
  }

  /** Reads the file; a partition that has none begins with epoch 0 at `logStartOffset`, which is written down first. */
  static async load(disk: Disk, directory: string, logStartOffset: number): Promise<LeaderEpochs> {
    const path = join(directory, fileName)
    const stored = await disk.readFile(path)
    const starts = stored === undefined ? [] : decodeEpochs(stored, path)
    if (starts.length > 0) return new LeaderEpochs(disk, path, starts)
    const first = [{ epoch: 0, startOffset: logStartOffset }]
    await disk.replaceFile(path, encodeEpochs(first))
    return new LeaderEpochs(disk, path, first)
  }

  /** Takes on that what follows `startOffset` is of a greater epoch, durably; nothing where it is not greater. */
  async note(epoch: number, startOffset: number): Promise<void> {
    if (epoch <= this.current) return
    // An epoch that nothing was written in has never been.
    const starts = [...this.#starts.filter((one) => one.startOffset < startOffset), { epoch, startOffset }]
    await this.#disk.replaceFile(this.#path, encodeEpochs(starts))
    this.#starts = starts
  }

  /** Forgets the epochs that begin behind the end of the log: what was written in them is lost. */
  forgetBehind(endOfLog: number): void {
    const starts = this.#starts.filter(({ startOffset }, i) => i === 0 || startOffset <= endOfLog)
    this.#starts = starts
  }

  get current(): number {
    return this.#starts[this.#starts.length - 1].epoch
  }

  /** The greatest epoch that is at most `epoch`, and where it ends; the current one ends at `endOfLog`. */
  endOf(epoch: number, endOfLog: number): { epoch: number; endOffset: number } | undefined {
    const index = this.#starts.findLastIndex((start) => start.epoch <= epoch)
    if (index === -1) return undefined
    return { epoch: this.#starts[index].epoch, endOffset: this.#starts[index + 1]?.startOffset ?? endOfLog }
  }
}
