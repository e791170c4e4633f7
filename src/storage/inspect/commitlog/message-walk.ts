/**
 * Walks one file of the commit log from message to message, for those who want to know what is wrong with it. The next
 * piece is read while the present one is worked on. Unlike recovery it can go on behind what is damaged.
 */

import type { DiskFile } from '../../../files/disk.js'
import { blankBytes } from '../../commitlog/format.js'
import { type MessageFault, type MessageReading, readMessage } from '../../commitlog/message.js'
import { ChunkReader } from '../../segments/chunk-reader.js'

const chunkBytes = 4 * 1024 * 1024
/** What claims to be longer is believed to be no message, and is not read into memory. */
const longestMessageBytes = 128 * 1024 * 1024

export class MessageWalk {
  readonly #chunks: ChunkReader
  readonly #base: number
  readonly #end: number
  /** In the file. */
  #position: number
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0

  /**
   * @param base position in the commit log of the file's first byte
   * @param end where the file ends
   */
  constructor(file: DiskFile, base: number, end: number, from = 0) {
    this.#base = base
    this.#end = end
    this.#position = from
    this.#chunks = new ChunkReader(file, end, { chunkBytes, ahead: true })
  }

  /** Where in the file the next call looks. */
  get position(): number {
    return this.#position
  }

  /**
   * What lies at the position, where that can be said of the bytes in memory; a message is passed, and is valid until more
   * is read. Else undefined: to wait for each small one would cost more than to check it.
   */
  here(): MessageReading | undefined {
    const found = readMessage(this.#bytes, this.#at, this.#bytes.length - this.#at, this.#base + this.#position)
    if (found.kind === 'message') {
      this.#at += found.sizeInBytes
      this.#position += found.sizeInBytes
    } else if (found.kind === 'fault' && found.neededBytes !== undefined) {
      const isHeadHere = this.#bytes.length - this.#at >= blankBytes
      return isHeadHere ? this.#tooLong(found.neededBytes) : undefined
    }
    return found
  }

  /** The same, reading on where it has to. Not to be called at the end. */
  async next(): Promise<MessageReading> {
    for (let wanted = Math.min(blankBytes, this.#end - this.#position); ; ) {
      const found = this.here()
      if (found !== undefined) return found
      const head = await this.#chunks.bytes(this.#position, wanted)
      if (head === undefined) return { kind: 'fault', reason: 'lies where the file became shorter' }
      if (head.length < blankBytes) return { kind: 'fault', reason: `has ${head.length} bytes for it` }
      this.#bytes = this.#chunks.restHere(this.#position)
      this.#at = 0
      wanted = Math.max(wanted, Math.min(head.readInt32BE(0), this.#end - this.#position))
    }
  }

  /** What is wrong with a message that would take so many bytes; undefined where nothing is but that they were not read. */
  #tooLong(neededBytes: number): MessageFault | undefined {
    const left = this.#end - this.#position
    if (neededBytes > left)
      return { kind: 'fault', reason: `takes ${neededBytes} bytes, and ${left} are left in the file` }
    if (neededBytes <= longestMessageBytes) return undefined
    return { kind: 'fault', reason: `takes ${neededBytes} bytes, and no message is that long` }
  }

  /** Goes on elsewhere, behind the position. */
  skipTo(position: number): void {
    this.#at = Math.min(this.#at + position - this.#position, this.#bytes.length)
    this.#position = position
  }

  /** To be awaited before the file is closed. */
  settle(): Promise<void> {
    return this.#chunks.settle()
  }
}
