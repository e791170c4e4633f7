/** A disk in memory that remembers everything it was asked to keep, and counts it where another thread can look. */

import type { Image } from './image.js'
import type { BlockDevice } from './nbd-server.js'
import type { RecordEntry } from './record.js'

export class RecordingDevice implements BlockDevice {
  readonly #image: Image
  readonly #count: Int32Array
  readonly entries: RecordEntry[] = []

  /** `count[0]` is how many entries there are; it grows once the entry is in the record. */
  constructor(image: Image, count: Int32Array) {
    this.#image = image
    this.#count = count
  }

  get sizeInBytes(): number {
    return this.#image.sizeInBytes
  }

  read(length: number, offset: number): Uint8Array {
    const bytes = new Uint8Array(length)
    this.#image.read(bytes, offset)
    return bytes
  }

  write(bytes: Buffer, offset: number, fua: boolean): void {
    this.#image.write(bytes, offset)
    this.#add({ kind: 'write', offset, bytes: new Uint8Array(bytes), fua })
  }

  zero(length: number, offset: number, fua: boolean): void {
    this.#image.zero(offset, length)
    this.#add({ kind: 'zero', offset, length, fua })
  }

  flush(): void {
    this.#add({ kind: 'flush' })
  }

  #add(entry: RecordEntry): void {
    this.entries.push(entry)
    Atomics.store(this.#count, 0, this.entries.length)
  }
}
