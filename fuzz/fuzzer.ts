/** Fuzzes one target: changes what it has, keeps what reached new code, and makes small what broke a rule. */

import type { Coverage } from './coverage.js'
import { Mutator } from './mutator.js'
import { judge, type Target } from './target.js'

export interface Finding {
  readonly target: string
  readonly message: string
  readonly bytes: Buffer
}

/** Told of each input before it runs, so that one that never ends has a name; undefined between inputs. */
export type Watch = (bytes: Buffer | undefined) => void

const longest = 4096
const mostKept = 2000
/** Growth of the process beyond this within one batch is a finding. */
const mostGrowthBytes = 512 * 1024 * 1024

export class Fuzzer {
  readonly corpus: Buffer[]
  readonly findings = new Map<string, Finding>()
  /** Those that were new; what is run again in the search for new code is not counted. */
  inputs = 0
  readonly #target: Target
  readonly #coverage: Coverage | undefined
  readonly #mutator: Mutator
  readonly #watch: Watch
  readonly #longest: number

  /** Without `coverage` it is blind: nothing is learnt from one input for the next. */
  constructor(
    target: Target,
    corpus: readonly Buffer[],
    seed: number,
    coverage: Coverage | undefined,
    watch: Watch = () => {},
  ) {
    this.#target = target
    this.#longest = target.longest ?? longest
    this.corpus = [...target.seeds, ...corpus]
    this.#coverage = coverage
    this.#mutator = new Mutator(seed, target.words ?? [], this.#longest)
    this.#watch = watch
  }

  /** Runs what it begins with. */
  async begin(): Promise<void> {
    const all = async (): Promise<void> => {
      for (const bytes of this.corpus) await this.#judge(Buffer.from(bytes))
    }
    if (this.#coverage === undefined) await all()
    else this.#coverage.keep((await this.#coverage.of(all)).taken)
  }

  /** Runs `count` new inputs; whether one reached new code. */
  async batch(count: number): Promise<boolean> {
    const states = new Int32Array(count)
    const known = this.corpus.length
    const before = process.memoryUsage.rss()
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    const grown = await this.#run(states, known)
    Error.stackTraceLimit = limit
    this.inputs += count
    const took = process.memoryUsage.rss() - before
    if (took > mostGrowthBytes) await this.#note(`${took >> 20} MiB were taken for one batch`, Buffer.alloc(0))
    return grown
  }

  /** Makes the inputs, notes the state before each, and runs them; then finds those that reached what none had. */
  async #run(states: Int32Array, known: number): Promise<boolean> {
    const work = async (): Promise<void> => {
      for (let index = 0; index < states.length; index++) {
        states[index] = this.#mutator.state
        const waiting = this.#judge(this.#made(known))
        if (waiting !== undefined) await waiting
      }
      this.#watch(undefined)
    }
    if (this.#coverage === undefined) {
      await work()
      return false
    }
    const { grown, taken } = await this.#coverage.of(work)
    if (grown === 0) return false
    const { state } = this.#mutator
    await this.#learn(states, known, this.#coverage)
    this.#mutator.state = state
    // What only the first input of all reaches is not reached again, and must not be searched for in every batch.
    this.#coverage.keep(taken)
    return true
  }

  /** Halves the batch until the inputs are found. */
  async #learn(states: Int32Array, known: number, coverage: Coverage): Promise<void> {
    const { grown, taken } = await coverage.of(async () => {
      for (const state of states) {
        this.#mutator.state = state
        const waiting = this.#judge(this.#made(known))
        if (waiting !== undefined) await waiting
      }
    })
    if (grown === 0) return
    if (states.length > 1) {
      await this.#learn(states.subarray(0, states.length >> 1), known, coverage)
      await this.#learn(states.subarray(states.length >> 1), known, coverage)
      return
    }
    coverage.keep(taken)
    this.#mutator.state = states[0]
    if (this.corpus.length < mostKept) this.corpus.push(Buffer.from(this.#made(known)))
  }

  #made(known: number): Buffer {
    const bytes = this.#mutator.next(this.corpus, known)
    this.#target.fix?.(bytes)
    return bytes
  }

  /** Waits for nothing where the target answers at once. */
  #judge(bytes: Buffer): Promise<void> | undefined {
    this.#watch(bytes)
    const broken = judge(this.#target, bytes)
    return broken === undefined ? undefined : this.#look(broken, bytes)
  }

  /** Runs what broke a rule once more, to see the place where it did; most errors are answers, and their traces cost more than all else. */
  async #look(broken: Error | undefined | Promise<Error | undefined>, bytes: Buffer): Promise<void> {
    const error = await broken
    if (error === undefined) return
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 10
    const again = await judge(this.#target, Buffer.from(bytes))
    await this.#note(kindOf(again ?? error), Buffer.from(bytes))
    Error.stackTraceLimit = limit
  }

  async #note(message: string, bytes: Buffer): Promise<void> {
    if (this.findings.has(message)) return
    const small = await smallest(this.#target, bytes, message)
    this.findings.set(message, { target: this.#target.name, message, bytes: small })
  }
}

/** The error without what differs from one input to the next. */
function kindOf(error: Error): string {
  const place = error.stack
    ?.split('\n')
    .find((line) => line.includes('/src/'))
    ?.trim()
  return `${error.name}: ${error.message.replace(/\d+/g, 'N').slice(0, 120)} ${place?.replace(/.*\/src\//, 'src/') ?? ''}`
}

/** Takes pieces away, ever smaller ones, as long as the same goes wrong. */
export async function smallest(target: Target, bytes: Buffer, message: string): Promise<Buffer> {
  let best = bytes
  for (let size = best.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= best.length; ) {
      const tried = Buffer.concat([best.subarray(0, at), best.subarray(at + size)])
      target.fix?.(tried)
      const broken = await judge(target, Buffer.from(tried))
      if (broken !== undefined && kindOf(broken) === message) best = tried
      else at += size
    }
  }
  return best
}

/** Of a corpus what it takes to reach all that it reaches and the seeds of the target do not, short inputs first. */
export async function distilled(target: Target, corpus: readonly Buffer[], coverage: Coverage): Promise<Buffer[]> {
  const kept: Buffer[] = []
  const found = corpus.filter((bytes) => !target.seeds.includes(bytes))
  for (const bytes of [...target.seeds, ...found.sort((one, other) => one.length - other.length)]) {
    const { grown, taken } = await coverage.of(async () => void (await judge(target, Buffer.from(bytes))))
    if (grown === 0) continue
    coverage.keep(taken)
    if (!target.seeds.includes(bytes)) kept.push(bytes)
  }
  return kept
}
