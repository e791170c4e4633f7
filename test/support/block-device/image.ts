/** The bytes of a disk, in chunks of which those that hold zeros alone take no memory; a fork shares what nobody has written since. */

import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'

const chunkBytes = 32 * 1024

type Chunk = Uint8Array<SharedArrayBuffer>

/** What goes from one thread to another: the chunks are shared, not copied. */
export interface ImageParts {
  readonly sizeInBytes: number
  readonly chunks: readonly (Chunk | undefined)[]
}

export class Image {
  readonly sizeInBytes: number
  readonly #chunks: (Chunk | undefined)[]
  /** Chunks that no other image sees. */
  readonly #owned = new Set<number>()

  private constructor(sizeInBytes: number, chunks: readonly (Chunk | undefined)[]) {
    this.sizeInBytes = sizeInBytes
    this.#chunks = [...chunks]
  }

  static ofParts({ sizeInBytes, chunks }: ImageParts): Image {
    return new Image(sizeInBytes, chunks)
  }

  static ofFile(path: string): Image {
    const file = openSync(path, 'r')
    try {
      const sizeInBytes = fstatSync(file).size
      const chunks: (Chunk | undefined)[] = []
      const bytes = Buffer.alloc(chunkBytes)
      const zeros = Buffer.alloc(chunkBytes)
      for (let at = 0; at < sizeInBytes; at += chunkBytes) {
        const read = bytes.subarray(0, readSync(file, bytes, 0, chunkBytes, at))
        chunks.push(read.equals(zeros.subarray(0, read.length)) ? undefined : chunkOf(read))
      }
      return new Image(sizeInBytes, chunks)
    } finally {
      closeSync(file)
    }
  }

  /** Neither this image nor the fork is written to where the other could see it. */
  fork(): Image {
    this.#owned.clear()
    return new Image(this.sizeInBytes, this.#chunks)
  }

  /** This image must not be written to while the parts are in use elsewhere. */
  parts(): ImageParts {
    this.#owned.clear()
    return { sizeInBytes: this.sizeInBytes, chunks: this.#chunks }
  }

  read(into: Uint8Array, from: number): void {
    this.#forEachChunk(from, into.length, (index, start, done, length) => {
      const chunk = this.#chunks[index]
      if (chunk === undefined) into.fill(0, done, done + length)
      else into.set(chunk.subarray(start, start + length), done)
    })
  }

  write(bytes: Uint8Array, at: number): void {
    this.#forEachChunk(at, bytes.length, (index, start, done, length) => {
      this.#own(index).set(bytes.subarray(done, done + length), start)
    })
  }

  zero(at: number, count: number): void {
    this.#forEachChunk(at, count, (index, start, _done, length) => {
      if (this.#chunks[index] !== undefined) this.#own(index).fill(0, start, start + length)
    })
  }

  /** As a new, sparse file. */
  writeTo(path: string): void {
    const file = openSync(path, 'w')
    try {
      ftruncateSync(file, this.sizeInBytes)
      for (const [index, chunk] of this.#chunks.entries()) {
        if (chunk !== undefined) writeSync(file, chunk, 0, chunk.length, index * chunkBytes)
      }
    } finally {
      closeSync(file)
    }
  }

  #own(index: number): Chunk {
    const present = this.#chunks[index]
    if (present !== undefined && this.#owned.has(index)) return present
    const mine = newChunk(Math.min(chunkBytes, this.sizeInBytes - index * chunkBytes))
    if (present !== undefined) mine.set(present)
    this.#chunks[index] = mine
    this.#owned.add(index)
    return mine
  }

  #forEachChunk(
    from: number,
    count: number,
    visit: (index: number, start: number, done: number, length: number) => void,
  ): void {
    for (let done = 0; done < count; ) {
      const at = from + done
      const start = at % chunkBytes
      const length = Math.min(chunkBytes - start, count - done)
      visit((at - start) / chunkBytes, start, done, length)
      done += length
    }
  }
}

function chunkOf(bytes: Uint8Array): Chunk {
  const chunk = newChunk(bytes.length)
  chunk.set(bytes)
  return chunk
}

function newChunk(length: number): Chunk {
  return new Uint8Array(new SharedArrayBuffer(length))
}
