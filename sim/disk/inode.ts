/**
 * One file of the simulated disk: what its readers see (the page cache), what is on stable storage, and between the two
 * the changes that no sync covers yet, in the order in which they reached the page cache. Each change is kept with its
 * bytes, so that a crash can let any part of it happen.
 */

import type { SeededRandomness } from '../seeded-randomness.js'
import type { Fault } from './faults.js'
import { Image, sectorBytes } from './image.js'

/** A write that has been asked for and is not in the page cache yet. Its bytes are the caller's until then. */
export interface Begun {
  readonly buffers: readonly Buffer[]
  readonly position: number
  readonly length: number
}

interface Write {
  readonly kind: 'write'
  readonly number: number
  readonly position: number
  readonly bytes: Buffer
}

/** Of the length: `reserve` only grows. */
interface Resize<Kind extends 'reserve' | 'cut'> {
  readonly kind: Kind
  readonly number: number
  readonly length: number
}

export type Change = Write | Resize<'reserve'> | Resize<'cut'>

export class Inode {
  readonly number: number
  /** Grows with each change. */
  changes = 0
  /** How long the mappings are that nobody has unmapped. */
  readonly mappedLengths: number[] = []
  #cache: Image
  #durable: Image
  #pending: Change[] = []
  readonly #begun = new Set<Begun>()
  /** Whether readers see bytes that a failed sync has given up. */
  #hasGivenUp = false

  constructor(number: number, image: Image = new Image()) {
    this.number = number
    this.#cache = image
    this.#durable = image.share()
  }

  /** As a reader sees it. */
  get content(): Image {
    return this.#cache
  }

  get durable(): Image {
    return this.#durable
  }

  get hasGivenUp(): boolean {
    return this.#hasGivenUp
  }

  /** From now on a crash may find any part of it. */
  begin(buffers: readonly Buffer[], position: number): Begun {
    const begun = { buffers, position, length: buffers.reduce((sum, { length }) => sum + length, 0) }
    if (begun.length > 0) this.#begun.add(begun)
    return begun
  }

  /** Its first `length` bytes reach the page cache, and no more of them will. */
  land(begun: Begun, length = begun.length): Write | undefined {
    this.#begun.delete(begun)
    if (length === 0) return undefined
    // Only now, as the kernel does: a caller that used its memory again meanwhile has written something else.
    const bytes = Buffer.concat(begun.buffers, length)
    this.#cache.write(bytes, begun.position)
    return this.#changed({ kind: 'write', number: ++this.changes, position: begun.position, bytes })
  }

  /** The file has space of its own up to `length`, and is as long from now on. */
  reserve(length: number): void {
    if (length <= this.#cache.length) return
    this.#cache.reserve(this.#cache.length, length)
    this.#changed({ kind: 'reserve', number: ++this.changes, length })
  }

  cut(length: number): Change {
    this.#cache.setLength(length)
    return this.#changed({ kind: 'cut', number: ++this.changes, length })
  }

  /** What a sync that begins now covers. */
  covered(): ReadonlySet<number> {
    return new Set(this.#pending.map(({ number }) => number))
  }

  /**
   * Changes of these numbers are on stable storage, and nothing else is, but for cuts: what is durable beyond the end of
   * the file would not be found, so a cut is there before what was written after it.
   */
  settle(numbers: ReadonlySet<number>): void {
    const last = this.#pending.findLast(({ number }) => numbers.has(number))?.number ?? 0
    const isSettled = ({ kind, number }: Change) => numbers.has(number) || (kind === 'cut' && number < last)
    const isAll = this.#pending.every(isSettled)
    let left: Change[] = []
    for (const change of this.#pending) {
      if (!isSettled(change)) left.push(change)
      else {
        perform(this.#durable, change)
        if (!isAll) left = left.flatMap((earlier) => besides(earlier, change))
      }
    }
    this.#pending = left
  }

  /**
   * The sync of these failed: they are on stable storage as far as `effect` says, and no later sync tries again. What
   * was done to the length stays as unsure as it was.
   */
  giveUp(numbers: ReadonlySet<number>, effect: Fault['effect'], below: (limit: number) => number): void {
    const left: Change[] = []
    for (const change of this.#pending) {
      if (change.kind !== 'write' || !numbers.has(change.number)) left.push(change)
      else {
        for (const [at, end] of sectorsIn(change)) {
          const isThere = effect === 'all' || (effect === 'part' && below(2) === 0)
          if (isThere) this.#durable.write(change.bytes.subarray(at, end), change.position + at)
        }
        this.#hasGivenUp = true
      }
    }
    this.#pending = left
  }

  /** Where these changes lie that write bytes. */
  rangesOf(numbers: ReadonlySet<number>): (readonly [number, number])[] {
    return this.#pending.flatMap((change) =>
      change.kind === 'write' && numbers.has(change.number) ? [rangeOf(change)] : [],
    )
  }

  /** The page cache forgets what failed syncs have given up: readers see what is on the disk instead. */
  evict(): void {
    const { length } = this.#cache
    this.#cache = this.#durable.share()
    for (const change of this.#pending) perform(this.#cache, change)
    this.#cache.setLength(length)
    this.#hasGivenUp = false
  }

  /** The process died. `random`: of each write that was under way the front may have reached the page cache. */
  killed(random?: SeededRandomness): void {
    for (const begun of this.#begun) this.land(begun, random?.below(begun.length + 1) ?? 0)
    this.mappedLengths.length = 0
  }

  /** What a crash leaves of it. */
  crashed(random: SeededRandomness): Image {
    const image = this.#durable.share()
    const begun = [...this.#begun].map(
      ({ buffers, position }): Write => ({ kind: 'write', number: 0, position, bytes: Buffer.concat(buffers) }),
    )
    const changes: readonly Change[] = [...this.#pending, ...begun]
    if (changes.length === 0) return image
    const fate = random.below(8)
    if (fate === 0) return image
    if (fate === 1) for (const change of changes) growTo(image, change)
    else if (fate === 2) for (const change of changes) perform(image, change)
    else if (fate === 3) performFront(image, changes, random)
    else for (const change of changes) performInPart(image, change, random)
    return image
  }

  #changed<T extends Change>(change: T): T {
    this.#pending.push(change)
    return change
  }
}

function perform(image: Image, change: Change): void {
  if (change.kind === 'write') image.write(change.bytes, change.position)
  else if (change.kind === 'cut') image.setLength(change.length)
  else image.reserve(image.length, Math.max(image.length, change.length))
}

/** All that was written first, and of the next write some sectors. */
function performFront(image: Image, changes: readonly Change[], random: SeededRandomness): void {
  const whole = random.below(changes.length)
  for (const change of changes.slice(0, whole)) perform(image, change)
  performInPart(image, changes[whole], random)
}

function performInPart(image: Image, change: Change, random: SeededRandomness): void {
  if (change.kind !== 'write') {
    if (random.once(2)) perform(image, change)
    return
  }
  // The length may have reached the disk without the bytes, and the bytes of the front without those of the back.
  if (random.once(3)) growBy(image, change, random.below(change.bytes.length + 1))
  for (const [at, end] of sectorsIn(change)) {
    if (random.once(2)) image.write(change.bytes.subarray(at, end), change.position + at)
  }
}

/** The lengths alone: where the file grew, it holds zeros. */
function growTo(image: Image, change: Change): void {
  if (change.kind !== 'write') perform(image, change)
  else growBy(image, change, change.bytes.length)
}

function growBy(image: Image, { position }: Write, length: number): void {
  if (position + length > image.length) image.setLength(position + length)
}

/** Where its sectors begin and end in its bytes. */
function* sectorsIn({ position, bytes }: Write): Generator<[number, number]> {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + sectorBytes - ((position + at) % sectorBytes))
    yield [at, end]
    at = end
  }
}

/** What is left to be done of a change, once a later one is durable that may lie over it. */
function besides(earlier: Change, later: Change): Change[] {
  if (later.kind === 'reserve') return [earlier]
  if (earlier.kind !== 'write') return later.kind === 'cut' ? [] : [earlier]
  const [from, to] = later.kind === 'cut' ? [later.length, Number.POSITIVE_INFINITY] : rangeOf(later)
  const [start, end] = rangeOf(earlier)
  if (end <= from || start >= to) return [earlier]
  const head = { ...earlier, bytes: earlier.bytes.subarray(0, Math.max(0, from - start)) }
  const tail = { ...earlier, position: Math.min(end, to), bytes: earlier.bytes.subarray(Math.min(to, end) - start) }
  return [head, tail].filter(({ bytes }) => bytes.length > 0)
}

const rangeOf = ({ position, bytes }: Write): [number, number] => [position, position + bytes.length]
