/**
 * The time of a simulated world: one heap of what is about to happen, in which timers, disk and everything that waits for
 * its turn stand side by side. It runs one event, lets every promise that can settle do so, and runs the next; so the
 * same seed gives the same run, to the last step, and a crash is nothing but to stop.
 *
 * Time passes by the events alone: a call of the disk takes from some microseconds to some milliseconds of it, now and
 * then much longer, so that calls overtake each other and timers fall due in between.
 */

import { type Clock, systemClock, type Timer } from '../src/core/clock.js'
import type { SeededRandomness } from './seeded-randomness.js'

interface Event {
  readonly atMs: number
  /** Breaks ties, in order of asking. */
  readonly number: number
  task: (() => void) | undefined
}

/** Why a run came to its end. */
export type Ending =
  /** The promise that it waited for settled. */
  | 'settled'
  /** As many events as were allowed have happened, or what was to come has. */
  | 'stopped'
  /** Nothing is left that could happen, or nothing but timers for longer than was allowed. */
  | 'stuck'

export interface RunLimits {
  /** Events until the run stops. */
  readonly events?: number
  /** Stops as soon as this holds. */
  readonly until?: () => boolean
  /** Simulated milliseconds until it is stuck. */
  readonly patienceMs?: number
}

/**
 * Turns of the event loop that are asked for at once. Between two of them all promises settle that can; asked for one by
 * one each would be a round of the loop, which asks the system for news as well, and takes as long as the event.
 */
const turnsAhead = 64

export class Scheduler implements Clock {
  readonly #random: SeededRandomness
  readonly #heap: Event[] = []
  #elapsedMs = 0
  #wallMs: number
  #numbers = 0
  /** Events that have happened. */
  events = 0

  /** `startMs`: what {@link now} says at first. */
  constructor(random: SeededRandomness, startMs: number) {
    this.#random = random
    this.#wallMs = startMs
  }

  now(): number {
    return Math.floor(this.#wallMs + this.#elapsedMs)
  }

  monotonic(): number {
    return this.#elapsedMs
  }

  schedule(delayMs: number, task: () => void): Timer {
    const event = this.#push(Math.max(0, delayMs), task)
    return {
      cancel: () => {
        event.task = undefined
      },
    }
  }

  soon(task: () => void): void {
    this.#push(0, task)
  }

  /** Moves the wall clock alone, as an administrator or NTP does. */
  stepWallClock(ms: number): void {
    this.#wallMs += ms
  }

  /** One step of a disk, or one that takes some milliseconds. */
  readonly pace = (isSlow = false): Promise<void> =>
    new Promise((resolve) => void this.#push(this.#latencyMs() + (isSlow ? 1 + this.#random.next() * 4 : 0), resolve))

  /** Resolves after `ms` of simulated time. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#push(ms, resolve))
  }

  /** Lets events happen until `done` settles or a limit is reached. Rejects with what an event throws. */
  async run(
    done: Promise<unknown>,
    { events = Number.POSITIVE_INFINITY, until = () => false, patienceMs }: RunLimits = {},
  ): Promise<Ending> {
    let settled = false
    const settle = (): void => {
      settled = true
    }
    done.then(settle, settle)
    await turn()
    const [lastEvent, lastMs] = [this.events + events, this.#elapsedMs + (patienceMs ?? Number.POSITIVE_INFINITY)]
    let ending: Ending | { readonly thrown: unknown } | undefined
    /** One event, after all that the one before made possible. */
    const next = (): void => {
      if (ending !== undefined) return
      try {
        if (settled) ending = 'settled'
        else if (this.events >= lastEvent || until()) ending = 'stopped'
        else if (!this.#runNext(lastMs)) ending = 'stuck'
      } catch (thrown) {
        ending = { thrown }
      }
    }
    while (ending === undefined) {
      for (let turns = 1; turns < turnsAhead; turns++) systemClock.soon(next)
      await new Promise<void>((resolve) => systemClock.soon(() => resolve(next())))
    }
    if (typeof ending === 'object') throw ending.thrown
    return ending
  }

  #latencyMs(): number {
    const random = this.#random.next()
    if (random < 0.9) return 0.01 + random / 5
    if (random < 0.995) return 1 + random * 4
    return 100 + random * 1000
  }

  #runNext(lastMs: number): boolean {
    for (let next = this.#pop(); next !== undefined; next = this.#pop()) {
      if (next.task === undefined) continue
      if (next.atMs > lastMs) return false
      this.#elapsedMs = next.atMs
      this.events++
      next.task()
      return true
    }
    return false
  }

  #push(delayMs: number, task: () => void): Event {
    const event: Event = { atMs: this.#elapsedMs + delayMs, number: this.#numbers++, task }
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (isBefore(heap[parent], event)) break
      heap[at] = heap[parent]
      at = parent
    }
    heap[at] = event
    return event
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++
      if (isBefore(last, heap[child])) break
      heap[at] = heap[child]
      at = child
    }
    heap[at] = last
    return first
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.number < other.number)
}

/** Between two turns of the event loop every promise that can settle does. */
function turn(): Promise<void> {
  return new Promise((resolve) => systemClock.soon(resolve))
}
