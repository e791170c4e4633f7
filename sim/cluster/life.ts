/**
 * One life of a node's process, and its clock: nothing that waits for time, disk or network goes on once it has ended, and
 * while it is paused all of it comes late, as in a process that the system has stopped.
 */

import type { Clock, Timer } from '../../src/core/clock.js'
import type { Scheduler } from '../scheduler.js'

/** A turn of the event loop takes time: who lets others go first, for as long as something takes, comes to an end. */
const turnMs = 0.02

export class Life implements Clock {
  readonly #scheduler: Scheduler
  #isOver = false
  #pausedUntilMs = 0

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  get isOver(): boolean {
    return this.#isOver
  }

  end(): void {
    this.#isOver = true
  }

  pauseFor(ms: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#scheduler.monotonic() + ms)
  }

  now(): number {
    return this.#scheduler.now()
  }

  monotonic(): number {
    return this.#scheduler.monotonic()
  }

  schedule(delayMs: number, task: () => void): Timer {
    let isCancelled = false
    this.#scheduler.schedule(delayMs, () => {
      if (!isCancelled) this.do(() => isCancelled || task())
    })
    return {
      cancel: () => {
        isCancelled = true
      },
    }
  }

  soon(task: () => void): void {
    this.#scheduler.schedule(turnMs, () => this.do(task))
  }

  /** Now, or when the pause is over. */
  do(task: () => void): void {
    if (this.#isOver) return
    const leftMs = this.#pausedUntilMs - this.#scheduler.monotonic()
    if (leftMs > 0) this.#scheduler.schedule(leftMs, () => this.do(task))
    else task()
  }

  /** Resolves in this life alone. */
  async still<T>(value: Promise<T>): Promise<T> {
    try {
      return await value
    } finally {
      await new Promise<void>((resolve) => this.do(resolve))
    }
  }
}
