/**
 * So many calls at a time, and the others in the order they came.
 *
 * libuv has one pool of threads for all that blocks: files, DNS, zlib, crypto, ours and the host program's. A durable
 * write holds its thread until the disk has answered, so that as many busy logs as there are threads would make the
 * host's `fs.stat` wait for the disk. What waits for stable storage therefore never takes the last thread.
 *
 * Measured with 16 busy logs on a pool of 4 (`bench/starvation.ts`): half of the `fs.stat` calls took 2.0 ms or more
 * without the gate and 0.2 ms with it, for about half of the durable writes a second; on a pool of 20 the gate costs
 * nothing. Threads of our own were as fast as the whole pool, but cost 8 MB each; a larger pool is the cheaper way.
 */

export class Gate {
  readonly #most: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(most: number) {
    this.#most = most
  }

  /** How many calls have no place yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Runs `work` once there is a place for it, which it holds until it has ended. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#most) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running++
    try {
      return await work()
    } finally {
      // The place is handed on rather than given back: nobody who comes in between can take it.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}

const usualPoolSize = 4
const largestPoolSize = 1024

/** The threads of the pool, which libuv reads from this variable when it is first used. */
export function poolSize(given = process.env['UV_THREADPOOL_SIZE']): number {
  if (given === undefined) return usualPoolSize
  // As C's atoi reads it; what is no number counts as one thread.
  return Math.min(largestPoolSize, Math.max(1, Number.parseInt(given, 10) || 0))
}

let gate: Gate | undefined

/** For every call that waits until something is on stable storage. */
export function durableCalls(): Gate {
  gate ??= new Gate(Math.max(1, poolSize() - 1))
  return gate
}
