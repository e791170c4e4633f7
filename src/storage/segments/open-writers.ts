/**
 * Files open for writing, few at a time: a store may hold more logs than a process may hold descriptors. Past the limit
 * the files that were not written for longest are closed, never one that is in use or has bytes that no sync covers; they
 * are opened again when they are needed.
 */

export interface Parkable {
  /** Closes the file for now; false where that may not be. */
  park(): boolean
}

export class OpenWriters {
  readonly #limit: number
  /** In order of use, the least recent first. */
  readonly #open = new Set<Parkable>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** More are open than should be, since none of them can be closed: what is unsynced had better be synced. */
  get isCrowded(): boolean {
    return this.#open.size > this.#limit
  }

  /** `writer` has an open file, and was used just now. */
  used(writer: Parkable): void {
    this.#open.delete(writer)
    this.#open.add(writer)
    if (!this.isCrowded) return
    for (const other of this.#open) {
      if (other !== writer && other.park()) this.#open.delete(other)
      if (!this.isCrowded) return
    }
  }

  forget(writer: Parkable): void {
    this.#open.delete(writer)
  }
}
