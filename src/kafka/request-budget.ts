/**
 * How many bytes of requests are in memory, all connections together (`queued.max.request.bytes`). Past the limit
 * connections are not read until requests have been answered.
 *
 * Frames take room while they are being read, so the room could go to many halves that wait for each other. Then, when
 * no whole request is in work that would give its room back, one connection after the other is favoured: it may go
 * past the limit until its frame is whole. In all, at most the limit and one frame are held.
 */

import { invariant } from '../core/invariant.js'

export interface BudgetHolder {
  /** There may be room now: ask again. */
  roomMayBeThere(): void
}

export class RequestBudget {
  readonly #limitBytes: number
  readonly #waiting = new Set<BudgetHolder>()
  #usedBytes = 0
  /** Of whole requests; these come back by themselves. */
  #inWorkBytes = 0
  #favoured: BudgetHolder | undefined

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Takes room for a frame that `holder` reads; where it says false the holder is told when to ask again. */
  reserve(holder: BudgetHolder, bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#limitBytes && this.#usedBytes > 0 && holder !== this.#favoured) {
      this.#waiting.add(holder)
      this.#favourOne()
      if (holder !== this.#favoured) return false
    }
    this.#waiting.delete(holder)
    this.#usedBytes += bytes
    return true
  }

  /** The frame of `holder` is whole, and a request in work from now on. */
  becameRequest(holder: BudgetHolder, bytes: number): void {
    this.#inWorkBytes += bytes
    if (this.#favoured === holder) this.#favoured = undefined
  }

  /** A request has been answered. */
  release(bytes: number): void {
    this.#inWorkBytes -= bytes
    this.#giveBack(bytes)
  }

  /** A connection ends, with so many bytes reserved for a frame that was not whole. */
  leave(holder: BudgetHolder, reservedBytes: number): void {
    this.#waiting.delete(holder)
    if (this.#favoured === holder) this.#favoured = undefined
    this.#giveBack(reservedBytes)
  }

  #giveBack(bytes: number): void {
    this.#usedBytes -= bytes
    invariant(this.#inWorkBytes >= 0 && this.#usedBytes >= this.#inWorkBytes, 'room is given back once')
    for (const holder of [...this.#waiting]) {
      if (this.#usedBytes >= this.#limitBytes) break
      this.#waiting.delete(holder)
      holder.roomMayBeThere()
    }
    const favoured = this.#favourOne()
    if (favoured !== undefined) favoured.roomMayBeThere()
  }

  #favourOne(): BudgetHolder | undefined {
    if (this.#favoured !== undefined || this.#inWorkBytes > 0) return undefined
    const [first] = this.#waiting
    this.#favoured = first
    return first
  }
}
