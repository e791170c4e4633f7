/** The latest flushes of each log, remembered so that it can be said of a message when and by which it became durable. */

export interface Flush {
  /** When it ended, ms since 1970. */
  readonly timeMs: number
  readonly durationMs: number
  readonly messages: number
  readonly bytes: number
  /** What it made durable: offsets, in a commit log positions, from here on … */
  readonly from: number
  /** … and below here. */
  readonly upTo: number
}

const flushesOfLog = 200
/** Those that were flushed last: the flushes of ten thousand logs would be a memory of their own. */
const mostLogs = 1000

export class FlushTrail {
  readonly #flushes = new Map<string, Flush[]>()

  note(log: string, flush: Flush): void {
    const known = this.#flushes.get(log) ?? []
    // The map's order is that of the last flush.
    this.#flushes.delete(log)
    this.#flushes.set(log, known)
    known.push(flush)
    if (known.length > flushesOfLog) known.shift()
    if (this.#flushes.size <= mostLogs) return
    for (const oldest of this.#flushes.keys()) {
      this.#flushes.delete(oldest)
      break
    }
  }

  /** The oldest first. */
  of(log: string): readonly Flush[] {
    return this.#flushes.get(log) ?? []
  }

  /** The flush that made what ends at `end` durable; undefined where it is not remembered. */
  covering(log: string, end: number): Flush | undefined {
    const flushes = this.of(log)
    const found = flushes.findIndex(({ upTo }) => upTo >= end)
    // What lies before the first that is remembered was made durable by one that is not.
    return found > 0 || flushes[0]?.from < end ? flushes[found] : undefined
  }
}
