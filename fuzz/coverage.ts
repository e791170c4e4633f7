/**
 * Which code ran, as V8 itself counts it: by function, and in it by character of the source, so that a branch counts that was
 * never taken. Asking costs milliseconds, so it is asked for many inputs together.
 */

import { type Profiler, Session } from 'node:inspector'

/** V8 counts for the whole process, so there is one of these; it begins before the sources are loaded, and sees them all. */
class Counting {
  readonly #session = new Session()

  constructor() {
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** What ran since the last time. */
  take(): readonly Profiler.ScriptCoverage[] {
    let taken: readonly Profiler.ScriptCoverage[] = []
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error
      taken = answer.result
    })
    return taken
  }
}

const counting = new Counting()

interface Code {
  readonly url: string
  readonly start: number
  readonly end: number
  /** By character: 1 where it ran. */
  readonly seen: Uint8Array
}

/** What ran between two takings, not yet counted as seen. */
export type Taken = readonly Profiler.ScriptCoverage[]

/** Everything that was ever reported, by all targets: a target that begins late must know the functions that nobody calls. */
const everything: Profiler.ScriptCoverage[] = []

function take(): Taken {
  const taken = counting.take().filter(({ url }) => url.startsWith('file:') && !url.includes('/node_modules/'))
  everything.push(...taken.filter(({ functions }) => functions.some(({ ranges }) => ranges[0].count === 0)))
  return taken
}

export class Coverage {
  readonly #files: readonly string[]
  readonly #codes = new Map<string, Code>()

  /** @param files parts of the paths of the files that count */
  constructor(files: readonly string[]) {
    this.#files = files
    this.forget()
  }

  /** How many functions ran. */
  get functions(): number {
    return [...this.#codes.values()].filter(({ seen }) => seen.includes(1)).length
  }

  /** Of the characters in the functions of the files, how many ran, and how many there are. */
  get characters(): { readonly ran: number; readonly all: number } {
    take()
    for (const { url, functions } of everything) {
      if (this.#counts(url)) for (const one of functions.filter(isFunction)) this.#codeOf(url, one)
    }
    let [ran, all] = [0, 0]
    for (const flat of this.#flat().values()) {
      for (const state of flat) {
        if (state > 0) all++
        if (state > 1) ran++
      }
    }
    return { ran, all }
  }

  /** Forgets what ran by now; for when something else than this target has run. */
  forget(): void {
    take()
  }

  /** Runs `work`; how many characters it reached that none had before, and what it takes to count them as seen. */
  async of(work: () => Promise<void> | void): Promise<{ readonly grown: number; readonly taken: Taken }> {
    await work()
    const taken = take()
    return { grown: this.#count(taken, false), taken }
  }

  /** Counts what was taken as seen. */
  keep(taken: Taken): void {
    this.#count(taken, true)
  }

  #count(taken: Taken, keeps: boolean): number {
    let grown = 0
    for (const { url, functions } of taken) {
      if (this.#counts(url)) for (const one of functions.filter(isFunction)) grown += this.#grownIn(url, one, keeps)
    }
    return grown
  }

  #counts(url: string): boolean {
    return this.#files.some((file) => url.includes(file))
  }

  /** Ranges come from the outermost on, so that a later one says better. */
  #grownIn(url: string, one: Profiler.FunctionCoverage, keeps: boolean): number {
    const { startOffset, count } = one.ranges[0]
    if (count === 0) return 0
    const { seen } = this.#codeOf(url, one)
    const now = new Uint8Array(seen.length)
    for (const range of one.ranges) {
      now.fill(range.count > 0 ? 1 : 0, range.startOffset - startOffset, range.endOffset - startOffset)
    }
    let grown = 0
    for (let index = 0; index < now.length; index++) if (now[index] > seen[index]) grown++
    if (keeps && grown > 0) for (let index = 0; index < now.length; index++) seen[index] |= now[index]
    return grown
  }

  #codeOf(url: string, { ranges }: Profiler.FunctionCoverage): Code {
    const { startOffset: start, endOffset: end } = ranges[0]
    const key = `${url}:${start}-${end}`
    let code = this.#codes.get(key)
    if (code === undefined) {
      code = { url, start, end, seen: new Uint8Array(end - start) }
      this.#codes.set(key, code)
    }
    return code
  }

  /** By file and character: 1 in a function, 2 where it ran; an inner function says for itself. */
  #flat(): Map<string, Uint8Array> {
    const codes = [...this.#codes.values()].sort((one, other) => one.start - other.start || other.end - one.end)
    const flat = new Map<string, Uint8Array>()
    for (const { url, end } of codes) {
      if ((flat.get(url)?.length ?? 0) < end) flat.set(url, new Uint8Array(end))
    }
    for (const { url, start, seen } of codes) {
      const file = flat.get(url)
      for (let index = 0; index < seen.length; index++) if (file !== undefined) file[start + index] = 1 + seen[index]
    }
    return flat
  }
}

/** A module as a whole is no function: it ran before anything was fuzzed. */
function isFunction({ functionName, ranges }: Profiler.FunctionCoverage): boolean {
  return functionName !== '' || ranges[0].startOffset > 0
}
