/** A clock that stands still until it is told to go on, and runs what falls due in order of time, then of asking. */

import { type Clock, systemClock, type Timer } from '../src/core/clock.js'

interface Due {
  readonly at: number
  readonly task: () => void
}

export class ManualClock implements Clock {
  #elapsedMs = 0
  #wallMs: number
  /** In the order in which it runs. */
  readonly #due: Due[] = []

  /** `startMs`: what {@link now} says at first. */
  constructor(startMs = 1_700_000_000_000) {
    this.#wallMs = startMs
  }

  now(): number {
    return this.#wallMs + this.#elapsedMs
  }

  monotonic(): number {
    return this.#elapsedMs
  }

  /** Tasks that wait for their time. */
  get scheduled(): number {
    return this.#due.length
  }

  /** Milliseconds until the next task, or undefined where none waits. */
  get untilNextMs(): number | undefined {
    return this.#due.length === 0 ? undefined : this.#due[0].at - this.#elapsedMs
  }

  schedule(delayMs: number, task: () => void): Timer {
    const entry = { at: this.#elapsedMs + Math.max(0, delayMs), task }
    let low = 0
    let high = this.#due.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#due[middle].at <= entry.at) low = middle + 1
      else high = middle
    }
    this.#due.splice(low, 0, entry)
    return {
      cancel: () => {
        const index = this.#due.indexOf(entry)
        if (index >= 0) this.#due.splice(index, 1)
      },
    }
  }

  /** In the next turn of the real event loop: it takes no time. */
  soon(task: () => void): void {
    systemClock.soon(task)
  }

  /** Lets `ms` pass and runs what falls due, also what those tasks schedule, without letting any promise settle. */
  advance(ms: number): void {
    const end = this.#elapsedMs + ms
    while (this.#runNext(end)) {}
    this.#elapsedMs = end
  }

  /** As {@link advance}, but before, between and after the tasks every promise that can settle does. */
  async run(ms: number): Promise<void> {
    const end = this.#elapsedMs + ms
    await settled()
    while (this.#runNext(end)) await settled()
    this.#elapsedMs = end
  }

  /** Moves the wall clock alone, as an administrator or NTP does. */
  stepWallClock(ms: number): void {
    this.#wallMs += ms
  }

  #runNext(end: number): boolean {
    if (this.#due.length === 0 || this.#due[0].at > end) return false
    const next = this.#due.shift() as Due
    this.#elapsedMs = next.at
    next.task()
    return true
  }
}

/** Resolves when no promise is left that could go on without time or input. */
export function settled(): Promise<void> {
  return new Promise((resolve) => systemClock.soon(resolve))
}
