/** Time, passed in: the only file that reads the wall clock or sets a timer, so that a simulator can own both. */

export interface Timer {
  cancel(): void
}

export interface ScheduleOptions {
  /** A background timer does not keep the process alive. */
  background?: boolean
}

export interface Clock {
  /** Wall-clock time in milliseconds since 1970; may step in either direction. */
  now(): number
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonic(): number
  /** Runs `task` once, `delayMs` from now. */
  schedule(delayMs: number, task: () => void, options?: ScheduleOptions): Timer
  /** Runs `task` after the events that already wait have been handled (Node's `setImmediate`). */
  soon(task: () => void): void
}

/** Node's timers hold 31 bits of milliseconds; a longer delay would fire at once. */
const longestDelayMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, task, options = {}) {
    const timer = setTimeout(task, Math.min(Math.max(0, delayMs), longestDelayMs))
    if (options.background) timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  soon: (task) => {
    setImmediate(task)
  },
}
