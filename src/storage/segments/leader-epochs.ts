/** Which leader epoch wrote which offsets: Kafka's `leader-epoch-checkpoint`, kept in each partition directory. */

import { join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import { decodeEpochs, type EpochStart, encodeEpochs } from './text-files.js'

const fileName = 'leader-epoch-checkpoint'

export class LeaderEpochs {
  readonly #starts: readonly EpochStart[]

  private constructor(starts: readonly EpochStart[]) {
    this.#starts = starts
  }

  /** Reads the file; a partition that has none begins with epoch 0 at `logStartOffset`, which is written down first. */
  static async load(disk: Disk, directory: string, logStartOffset: number): Promise<LeaderEpochs> {
    const path = join(directory, fileName)
    const stored = await disk.readFile(path)
    const starts = stored === undefined ? [] : decodeEpochs(stored, path)
    if (starts.length > 0) return new LeaderEpochs(starts)
    const first = [{ epoch: 0, startOffset: logStartOffset }]
    await disk.replaceFile(path, encodeEpochs(first))
    return new LeaderEpochs(first)
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
