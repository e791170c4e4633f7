/**
 * Files open for writing, few at a time: a store may hold more logs than a process may hold descriptors. Past the limit
 * the files that were not written for longest are closed, never one that is in use or has bytes that no sync covers; they
 * are opened again when they are needed.
 */

import { Gate } from './gate.js'

export interface Parkable {
  /** Closes the file for now, which takes until the promise resolves; undefined where that may not be. */
  park(): Promise<void> | undefined
}

export class OpenWriters {
  readonly #limit: number
  /** In order of use, the least recent first. */
  readonly #open = new Set<Parkable>()
  readonly #uses: Gate

  constructor(limit: number) {
    this.#limit = limit
    this.#uses = new Gate(limit)
  }

  /**
   * Runs the writing of a round, which needs its file open until it is done; as many at a time as files may be open, the
   * others in their order. So at most twice the limit is open: those that are written, and those that nobody has synced.
   */
  writing<T>(work: () => Promise<T>): Promise<T> {
    return this.#uses.run(work)
  }

  /** More are open than should be, since none of them can be closed: what is unsynced had better be synced. */
  get isCrowded(): boolean {
    return this.#open.size > this.#limit
  }

  /**
   * `writer` has an open file, and was used just now; or it is about to open one, which is to wait until those that had
   * to make room for it are closed.
   */
  async used(writer: Parkable): Promise<void> {
    this.#open.delete(writer)
    this.#open.add(writer)
    if (!this.isCrowded) return
    const closings: Promise<void>[] = []
    for (const other of this.#open) {
      const closing = other === writer ? undefined : other.park()
      if (closing !== undefined) {
        this.#open.delete(other)
        closings.push(closing)
      }
      if (!this.isCrowded) break
    }
    await Promise.all(closings)
  }

  forget(writer: Parkable): void {
    this.#open.delete(writer)
  }
}
