/**
 * Which code ran, as V8 itself counts it: by function, and in it by character of the source, so that a branch counts that was
 * never taken. Asking costs milliseconds, so it is asked for many inputs together.
 */

import { type Profiler, Session } from 'node:inspector'

export class Coverage {
  readonly #session = new Session()
  readonly #files: readonly string[]
  /** By function: 1 where it ran. */
  readonly #seen = new Map<string, Uint8Array>()
  #characters = 0

  /** @param files parts of the paths of the files that count */
  constructor(files: readonly string[]) {
    this.#files = files
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** How many characters of the source have run. */
  get characters(): number {
    return this.#characters
  }

  get functions(): number {
    return this.#seen.size
  }

  /** Runs `work`, and tells how many characters it reached that none had before; they are kept only where `keep` says so. */
  grows(work: () => void, keep: boolean): number {
    this.#take()
    work()
    let grown = 0
    for (const { url, functions } of this.#take()) {
      if (!this.#files.some((file) => url.includes(file))) continue
      for (const one of functions) grown += this.#grownIn(url, one, keep)
    }
    if (keep) this.#characters += grown
    return grown
  }

  close(): void {
    this.#session.post('Profiler.stopPreciseCoverage')
    this.#session.disconnect()
  }

  /** Ranges come from the outermost on, so that a later one says better. */
  #grownIn(url: string, { ranges }: Profiler.FunctionCoverage, keep: boolean): number {
    const { startOffset, endOffset, count } = ranges[0]
    if (count === 0) return 0
    const key = `${url}:${startOffset}-${endOffset}`
    const seen = this.#seen.get(key) ?? new Uint8Array(endOffset - startOffset)
    const now = new Uint8Array(endOffset - startOffset)
    for (const range of ranges) {
      now.fill(range.count > 0 ? 1 : 0, range.startOffset - startOffset, range.endOffset - startOffset)
    }
    let grown = 0
    for (let index = 0; index < now.length; index++) if (now[index] > seen[index]) grown++
    if (keep && grown > 0) {
      for (let index = 0; index < now.length; index++) seen[index] |= now[index]
      this.#seen.set(key, seen)
    }
    return grown
  }

  #take(): readonly Profiler.ScriptCoverage[] {
    let taken: readonly Profiler.ScriptCoverage[] = []
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error
      taken = answer.result
    })
    return taken
  }
}
