/**
 * What a disk holds after its power was cut. A flush makes durable what was written before it, and so does FUA for one
 * write; of all else each write is there, or not, or some of its blocks are.
 */

import type { Dice } from '../../crash/seeded.js'
import type { Image } from './image.js'
import type { RecordEntry } from './record.js'

/**
 * What a disk writes whole: its physical sector. Both file systems need as much of it for blocks of their own that no
 * journal covers: half a superblock of ext4 fails its checksum, and nothing mounts it.
 */
const blockBytes = 4096

/** What becomes of the writes that no flush covers. `torn`: each block of them for itself. */
export const survivals = ['all', 'none', 'some', 'few', 'most', 'torn'] as const
export type Survival = (typeof survivals)[number]

const chances: Readonly<Record<Survival, number>> = { all: 1, none: 0, some: 0.5, few: 0.15, most: 0.85, torn: 0.5 }

/** Goes through a record from cut to cut; each lies at or behind the one before. */
export class PowerCuts {
  readonly #record: readonly RecordEntry[]
  readonly #durable: Image
  /** All before it lies in `#durable`. */
  #flushed = 0

  constructor(base: Image, record: readonly RecordEntry[]) {
    this.#durable = base.fork()
    this.#record = record
  }

  /** The disk after a cut behind the first `position` entries of the record. */
  at(position: number, survival: Survival, dice: Dice): Image {
    const record = this.#record.slice(0, position)
    const flushed = record.findLastIndex(({ kind }) => kind === 'flush') + 1
    for (; this.#flushed < flushed; this.#flushed++) apply(this.#durable, record[this.#flushed])
    const image = this.#durable.fork()
    for (const entry of record.slice(flushed)) {
      if (entry.kind === 'flush' || entry.fua) apply(image, entry)
      else if (survival === 'torn') applyTorn(image, entry, dice)
      else if (dice.next() < chances[survival]) apply(image, entry)
    }
    return image
  }
}

function apply(image: Image, entry: RecordEntry): void {
  if (entry.kind === 'write') image.write(entry.bytes, entry.offset)
  else if (entry.kind === 'zero') image.zero(entry.offset, entry.length)
}

function applyTorn(image: Image, entry: Exclude<RecordEntry, { kind: 'flush' }>, dice: Dice): void {
  const length = entry.kind === 'write' ? entry.bytes.length : entry.length
  for (let at = 0; at < length; ) {
    const until = Math.min(at + blockBytes - ((entry.offset + at) % blockBytes), length)
    if (dice.next() >= 0.5) {
      if (entry.kind === 'write') image.write(entry.bytes.subarray(at, until), entry.offset + at)
      else image.zero(entry.offset + at, until - at)
    }
    at = until
  }
}
