/** What can go wrong in a call to the simulated disk while the power is on, and a chooser of such faults that a seed repeats. */

import type { SeededRandomness } from '../seeded-randomness.js'

export type DiskOperation =
  | 'open'
  | 'size'
  | 'read'
  | 'write'
  | 'sync'
  | 'truncate'
  | 'prepare'
  | 'warm'
  | 'close'
  | 'space'
  | 'map'
  | 'populate'
  | 'copyRange'
  | 'readFile'
  | 'replaceFile'
  | 'stat'
  | 'link'
  | 'list'
  | 'makeDirectory'
  | 'rename'
  | 'remove'
  | 'syncDirectory'
  | 'lock'

export type Errno = 'EIO' | 'ENOSPC' | 'EMFILE' | 'ENFILE' | 'EROFS'

/**
 * The call fails with `errno`, and of what it was to do nothing, a part or all has happened. Of a sync: so much of what
 * was not on the disk is there now, and the rest never gets there, though everybody reads it and later syncs succeed.
 */
export interface Fault {
  readonly errno: Errno
  readonly effect: 'none' | 'part' | 'all'
}

export interface DiskFaults {
  /** Asked once in each call, and in each part of replaceFile. A dsync write asks for the `write`, then for a `sync`. */
  ask(operation: DiskOperation, path: string, bytes: number): Fault | undefined
  /** Whether what a failed sync left behind is forgotten by the page cache now, before this file is read. */
  evicts(path: string): boolean
  /** A choice of the disk's own, such as how large a part is: a whole number in [0, limit). */
  below(limit: number): number
}

/** How often, in [0, 1], a call fails that can fail so. */
export interface FaultRates {
  /** EIO from sync, from syncDirectory and from a dsync write once its bytes are in the page cache. */
  readonly sync: number
  /** ENOSPC from the same: a volume that promised more than it has. */
  readonly thinSync: number
  /** EIO from write and copyRange. */
  readonly write: number
  /** ENOSPC from whatever may need more space, wherever it was. */
  readonly space: number
  /** EIO from read, readFile, map and populate. */
  readonly read: number
  /** EMFILE from whatever opens something. */
  readonly descriptors: number
  /** EIO from the calls for names and lengths: open, stat, size, list, rename, link, remove, makeDirectory, truncate, prepare. */
  readonly names: number
  /** EIO from close, which closes all the same. */
  readonly close: number
  /** A file that lost pages to a failed sync shows it at a read. */
  readonly eviction: number
}

type Kind = Exclude<keyof FaultRates, 'eviction'>

const syncs: readonly DiskOperation[] = ['sync', 'syncDirectory']
const kinds: Readonly<Record<Kind, { errno: Errno; operations: ReadonlySet<DiskOperation>; effect?: 'none' }>> = {
  sync: { errno: 'EIO', operations: new Set(syncs) },
  thinSync: { errno: 'ENOSPC', operations: new Set(syncs) },
  write: { errno: 'EIO', operations: new Set<DiskOperation>(['write', 'copyRange']) },
  space: {
    errno: 'ENOSPC',
    operations: new Set<DiskOperation>(['write', 'copyRange', 'open', 'prepare', 'link', 'makeDirectory', 'rename']),
  },
  read: { errno: 'EIO', operations: new Set<DiskOperation>(['read', 'readFile', 'map', 'populate']) },
  descriptors: {
    errno: 'EMFILE',
    operations: new Set<DiskOperation>(['open', 'map', 'readFile', 'list', 'syncDirectory', 'lock']),
    effect: 'none',
  },
  names: {
    errno: 'EIO',
    operations: new Set<DiskOperation>([
      'open',
      'stat',
      'size',
      'list',
      'rename',
      'link',
      'remove',
      'makeDirectory',
      'truncate',
      'prepare',
    ]),
  },
  close: { errno: 'EIO', operations: new Set<DiskOperation>(['close']) },
}
const effects = ['none', 'part', 'all'] as const

export interface InjectedFault extends Fault {
  readonly operation: DiskOperation
  readonly path: string
}

export class SeededFaults implements DiskFaults {
  readonly injected: InjectedFault[] = []
  readonly #random: SeededRandomness
  readonly #concerns: (path: string) => boolean
  #rates: Partial<FaultRates>

  /** `concerns`: the paths that something may happen to, all where it is not given. */
  constructor(random: SeededRandomness, rates: Partial<FaultRates>, concerns: (path: string) => boolean = () => true) {
    this.#random = random
    this.#rates = rates
    this.#concerns = concerns
  }

  /** Nothing fails any more; what was lost by now stays lost, and is forgotten by the cache as often as before. */
  calm(): void {
    this.#rates = { eviction: this.#rates.eviction ?? 0 }
  }

  ask(operation: DiskOperation, path: string): Fault | undefined {
    for (const kind of Object.keys(kinds) as Kind[]) {
      const { errno, operations, effect } = kinds[kind]
      const rate = this.#rates[kind] ?? 0
      if (rate === 0 || !operations.has(operation) || !this.#concerns(path) || this.#random.next() >= rate) continue
      const fault = { errno, effect: effect ?? effects[this.#random.below(effects.length)] }
      this.injected.push({ ...fault, operation, path })
      return fault
    }
    return undefined
  }

  evicts(path: string): boolean {
    const rate = this.#rates.eviction ?? 0
    return rate > 0 && this.#concerns(path) && this.#random.next() < rate
  }

  below(limit: number): number {
    return this.#random.below(limit)
  }
}
