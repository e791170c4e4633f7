/**
 * Walks a `.log` file for those who want to know what is wrong with it: every batch with whether its CRC is right, and
 * where no batch begins, in words why. Unlike the engine's scanner it believes no offset.
 */

import type { DiskFile } from '../../files/disk.js'
import { RecordBatch } from '../../records/batch.js'
import { at, batchOverheadBytes, currentMagic, logOverheadBytes } from '../../records/format.js'
import { ChunkReader } from '../segments/chunk-reader.js'

export type Found =
  /** `batch` is valid until the next call. */
  | { readonly batch: RecordBatch; readonly crcIsRight: boolean }
  /** No batch begins here, or it is cut off. */
  | { readonly batch: undefined; readonly why: string }

const chunkBytes = 2 * 1024 * 1024

export class LogWalk {
  readonly #chunks: ChunkReader
  readonly #end: number

  /** `end`: where the file ends. */
  constructor(file: DiskFile, end: number) {
    this.#end = end
    this.#chunks = new ChunkReader(file, end, { chunkBytes, ahead: true })
  }

  /** The batch at `position`, which is below the end; fastest from the front to the back. */
  async at(position: number): Promise<Found> {
    const head = await this.#chunks.bytes(position, Math.min(batchOverheadBytes, this.#end - position))
    const size = head === undefined ? 'the file became shorter' : sizeOf(head, this.#end - position)
    if (typeof size === 'string') return { batch: undefined, why: size }
    const bytes = await this.#chunks.bytes(position, size)
    if (bytes === undefined) return { batch: undefined, why: 'the file became shorter' }
    return found(bytes)
  }

  /** The same where it is in memory already and is a batch, else undefined: to wait for each small one would cost more than to check it. */
  here(position: number): (Found & { batch: RecordBatch }) | undefined {
    const head = this.#chunks.bytesHere(position, batchOverheadBytes)
    const size = head === undefined ? undefined : sizeOf(head, this.#end - position)
    const bytes = typeof size === 'number' ? this.#chunks.bytesHere(position, size) : undefined
    return bytes && found(bytes)
  }

  /** To be awaited before the file is closed. */
  settle(): Promise<void> {
    return this.#chunks.settle()
  }
}

function found(bytes: Buffer): { batch: RecordBatch; crcIsRight: boolean } {
  const batch = new RecordBatch(bytes)
  return { batch, crcIsRight: batch.crcMatches() }
}

/** The size of the batch that `head` begins, or why there is none. */
function sizeOf(head: Buffer, left: number): number | string {
  if (left < batchOverheadBytes) return `${left} bytes are left, and a batch has ${batchOverheadBytes} or more`
  const length = head.readInt32BE(at.batchLength)
  const magic = head.readInt8(at.magic)
  if (length < batchOverheadBytes - logOverheadBytes) return `the length field says ${length}`
  if (magic !== currentMagic) return `the magic is ${magic}, and ${currentMagic} is the only one that can be read`
  if (length + logOverheadBytes > left)
    return `the batch claims ${length + logOverheadBytes} bytes, and ${left} are left`
  return length + logOverheadBytes
}
