/**
 * The bytes of a file as one of its keepers has them, the page cache or the disk: a buffer that grows by doubling, and
 * that two images share until one of them is written. It knows which of its sectors take space, so that a hole does not.
 */

export const sectorBytes = 512
const leastBytes = 512

export class Image {
  /** Zeros from `#length` on. */
  #bytes: Buffer
  /** For each sector, whether it takes space. */
  #taken: Uint8Array
  #takenSectors = 0
  #length: number
  #isShared = false

  /** `bytes` belong to the image from now on. */
  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#bytes = bytes
    this.#length = bytes.length
    this.#taken = new Uint8Array(sectorsOf(bytes.length)).fill(1)
    this.#takenSectors = this.#taken.length
  }

  get length(): number {
    return this.#length
  }

  get takenBytes(): number {
    return this.#takenSectors * sectorBytes
  }

  /** Another image of the same bytes; neither sees what is done to the other from now on. */
  share(): Image {
    const other = new Image()
    other.#bytes = this.#bytes
    other.#taken = this.#taken
    other.#takenSectors = this.#takenSectors
    other.#length = this.#length
    other.#isShared = true
    this.#isShared = true
    return other
  }

  /** A view, for reading at once. */
  slice(from = 0, to = this.#length): Buffer {
    return this.#bytes.subarray(Math.min(from, this.#length), Math.min(to, this.#length))
  }

  write(bytes: Buffer, position: number): void {
    const end = position + bytes.length
    this.#own(Math.max(end, this.#length))
    bytes.copy(this.#bytes, position)
    this.#length = Math.max(end, this.#length)
    this.#take(position, end)
  }

  /** Cuts, or grows by a hole. */
  setLength(length: number): void {
    if (length === this.#length) return
    this.#own(Math.max(length, this.#length))
    this.#bytes.fill(0, length, Math.max(length, this.#length))
    for (let sector = sectorsOf(length); sector < sectorsOf(this.#length); sector++) {
      this.#takenSectors -= this.#taken[sector]
      this.#taken[sector] = 0
    }
    this.#length = length
  }

  /** Gives [from, to) space of its own; the image is at least `to` long then. */
  reserve(from: number, to: number): void {
    if (to > this.#length) this.setLength(to)
    this.#own(to)
    this.#take(from, to)
  }

  /** How many bytes of [from, to) fit where no more than `freeBytes` are left. */
  fitting(from: number, to: number, freeBytes: number): number {
    let free = Math.floor(freeBytes / sectorBytes)
    for (let sector = Math.floor(from / sectorBytes); sector * sectorBytes < to; sector++) {
      if (this.#taken[sector] === 1 || free-- > 0) continue
      return Math.max(0, sector * sectorBytes - from)
    }
    return to - from
  }

  #take(from: number, to: number): void {
    for (let sector = Math.floor(from / sectorBytes); sector * sectorBytes < to; sector++) {
      this.#takenSectors += 1 - this.#taken[sector]
      this.#taken[sector] = 1
    }
  }

  /** Makes the buffer this image's own, and at least so long. */
  #own(length: number): void {
    const isLongEnough = length <= this.#bytes.length && sectorsOf(length) <= this.#taken.length
    if (isLongEnough && !this.#isShared) return
    const room = isLongEnough ? this.#bytes.length : Math.max(leastBytes, length, 2 * this.#bytes.length)
    const bytes = Buffer.alloc(room)
    this.#bytes.copy(bytes, 0, 0, this.#length)
    const taken = new Uint8Array(sectorsOf(room))
    taken.set(this.#taken.subarray(0, sectorsOf(this.#length)))
    this.#bytes = bytes
    this.#taken = taken
    this.#isShared = false
  }
}

const sectorsOf = (length: number): number => Math.ceil(length / sectorBytes)
