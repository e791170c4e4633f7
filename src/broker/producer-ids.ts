/**
 * Hands out producer ids, each once for the life of the data directory. Ids are taken in blocks: the end of a block is
 * on the disk before its first id is given away, so that a crash skips ids and never repeats one.
 */

import { join } from 'node:path'
import { HoldfastError } from '../core/errors.js'
import { Mutex } from '../core/mutex.js'
import type { Disk } from '../files/disk.js'
import { idRangeOf } from '../storage/producer-id-ranges.js'

const blockLength = 1000

export class ProducerIds {
  readonly #disk: Disk
  readonly #path: string
  readonly #turn = new Mutex()
  readonly #end: number
  #next: number
  #blockEnd: number

  private constructor(disk: Disk, path: string, next: number, end: number) {
    this.#disk = disk
    this.#path = path
    this.#next = next
    this.#blockEnd = next
    this.#end = end
  }

  /**
   * Of several nodes that hold copies of the same logs each takes ids out of a range of its own, by its number.
   * @throws DATA_DIR_DAMAGED where the file cannot be understood: starting over would repeat ids
   */
  static async load(disk: Disk, configPath: string, nodeId?: number): Promise<ProducerIds> {
    const path = join(configPath, 'producer-ids.json')
    const bytes = await disk.readFile(path)
    const next = bytes === undefined ? 0 : decode(bytes, path)
    const { first, end } = idRangeOf(nodeId)
    return new ProducerIds(disk, path, Math.max(first, next), end)
  }

  take(): Promise<number> {
    return this.#turn.run(async () => {
      if (this.#next === this.#blockEnd) await this.#reserveUpTo(this.#next + blockLength)
      return this.#next++
    })
  }

  /** Never hands out `producerId` or one below it: a log holds batches of it that came from elsewhere. */
  async passOver(producerId: number): Promise<void> {
    if (producerId < this.#next || producerId >= this.#end) return
    await this.#turn.run(async () => {
      const next = Math.max(this.#next, producerId + 1)
      if (next > this.#blockEnd) await this.#reserveUpTo(next + blockLength)
      this.#next = next
    })
  }

  async #reserveUpTo(end: number): Promise<void> {
    await this.#disk.replaceFile(this.#path, Buffer.from(`${JSON.stringify({ version: 1, nextProducerId: end })}\n`))
    this.#blockEnd = end
  }
}

function decode(bytes: Buffer, path: string): number {
  try {
    const { version, nextProducerId } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>
    if (version === 1 && Number.isSafeInteger(nextProducerId) && Number(nextProducerId) >= 0)
      return Number(nextProducerId)
  } catch {
    // Reported below, like every other content that makes no sense.
  }
  throw new HoldfastError('DATA_DIR_DAMAGED', `${path} does not tell the next producer id. Restore it from a backup.`)
}
