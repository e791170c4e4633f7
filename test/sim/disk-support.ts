/** What the tests of the simulated disk itself share: faults on command, a pace that is let go by hand, and many crashes. */

import type { DiskFaults, DiskOperation, Fault } from '../../sim/disk/faults.js'
import { MemoryDisk, type MemoryDiskOptions } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { DiskFile } from '../../src/files/disk.js'

export const sector = 512
const seeds = Array.from({ length: 80 }, (_, seed) => seed)

/** So many sectors, the first of `first`s, the next of the number that follows. */
export function sectors(first: number, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.alloc(sector, first + i)))
}

/** Fails the next call of each operation that it is told of, once. */
export class ScriptedFaults implements DiskFaults {
  readonly #next = new Map<DiskOperation, Fault>()
  readonly #random: SeededRandomness
  /** Whether the page cache forgets what failed syncs gave up, at the next read. */
  evicting = false

  constructor(seed = 1) {
    this.#random = new SeededRandomness(seed)
  }

  fail(operation: DiskOperation, effect: Fault['effect'] = 'none', errno: Fault['errno'] = 'EIO'): void {
    this.#next.set(operation, { errno, effect })
  }

  ask(operation: DiskOperation): Fault | undefined {
    const fault = this.#next.get(operation)
    this.#next.delete(operation)
    return fault
  }

  evicts(): boolean {
    return this.evicting
  }

  below(limit: number): number {
    return this.#random.below(limit)
  }
}

/** A disk with the durable directory `/d`. */
export async function freshDisk(options: MemoryDiskOptions = {}): Promise<MemoryDisk> {
  const disk = new MemoryDisk(options)
  await disk.makeDirectory('/d')
  return disk
}

/** A durable name with these bytes, which are durable too. */
export async function durableFile(disk: MemoryDisk, path: string, bytes: Buffer): Promise<DiskFile> {
  const file = await disk.open(path, { mode: 'create' })
  if (bytes.length > 0) await file.write([bytes], 0)
  await file.sync()
  await disk.syncDirectory(path.slice(0, path.lastIndexOf('/')))
  return file
}

/** What `look` finds after each of many crashes at this moment. */
export function inCrashes<T>(disk: MemoryDisk, look: (after: MemoryDisk) => Promise<T>): Promise<T[]> {
  return Promise.all(seeds.map((seed) => look(disk.afterCrash(new SeededRandomness(seed)))))
}

/** The bytes of a file after each of many crashes; nothing where it has no name. */
export function found(disk: MemoryDisk, path: string): Promise<(Buffer | undefined)[]> {
  return inCrashes(disk, (after) => after.readFile(path))
}

/** A disk whose calls wait at each of their steps for {@link HandPace.release}. */
export class HandPace {
  #waiting: (() => void)[] = []
  isOpen = true

  readonly pace = (): Promise<void> =>
    this.isOpen ? Promise.resolve() : new Promise((resolve) => void this.#waiting.push(resolve))

  /** Lets all go on that wait now, to their next step. */
  async release(): Promise<void> {
    for (const resolve of this.#waiting.splice(0)) resolve()
    await new Promise((resolve) => setImmediate(resolve))
  }
}
