/** Fuzzes one target: changes what it has, keeps what reached new code, and makes small what broke a rule. */

import { SeededRandomness } from '../sim/seeded-randomness.js'
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
  inputs = 0
  readonly #target: Target
  readonly #coverage: Coverage | undefined
  readonly #mutator: Mutator
  readonly #watch: Watch

  /** Without `coverage` it is blind: nothing is learnt from one input for the next. */
  constructor(
    target: Target,
    corpus: readonly Buffer[],
    seed: number,
    coverage: Coverage | undefined,
    watch: Watch = () => {},
  ) {
    this.#target = target
    this.corpus = [...target.seeds, ...corpus]
    this.#coverage = coverage
    this.#mutator = new Mutator(new SeededRandomness(seed), target.words ?? [], target.longest ?? longest)
    this.#watch = watch
    const all = () => this.#runAll(this.corpus)
    if (coverage === undefined) all()
    else coverage.grows(all, true)
  }

  /** Runs `count` new inputs. */
  batch(count: number): void {
    const inputs = Array.from({ length: count }, () => {
      const bytes = this.#mutator.next(this.corpus)
      this.#target.fix?.(bytes)
      return bytes
    })
    const before = process.memoryUsage.rss()
    if (this.#coverage === undefined) this.#runAll(inputs)
    else if (this.#coverage.grows(() => this.#runAll(inputs), false) > 0) this.#learn(inputs, this.#coverage)
    this.inputs += count
    const grown = process.memoryUsage.rss() - before
    if (grown > mostGrowthBytes) this.#note(`${grown} bytes were taken for one batch`, inputs[0])
  }

  /** Halves the batch until the inputs are found that reached what none had. */
  #learn(inputs: readonly Buffer[], coverage: Coverage): void {
    if (coverage.grows(() => this.#runAll(inputs), inputs.length === 1) === 0) return
    if (inputs.length > 1) {
      this.#learn(inputs.slice(0, inputs.length >> 1), coverage)
      this.#learn(inputs.slice(inputs.length >> 1), coverage)
    } else if (this.corpus.length < mostKept) this.corpus.push(inputs[0])
  }

  #runAll(inputs: readonly Buffer[]): void {
    for (const bytes of inputs) {
      this.#watch(bytes)
      const broken = judge(this.#target, bytes)
      if (broken !== undefined) this.#note(kindOf(broken), bytes)
    }
    this.#watch(undefined)
  }

  #note(message: string, bytes: Buffer): void {
    if (this.findings.has(message)) return
    this.findings.set(message, { target: this.#target.name, message, bytes: smallest(this.#target, bytes, message) })
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
export function smallest(target: Target, bytes: Buffer, message: string): Buffer {
  let best = bytes
  for (let size = best.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= best.length; ) {
      const tried = Buffer.concat([best.subarray(0, at), best.subarray(at + size)])
      target.fix?.(tried)
      const broken = judge(target, tried)
      if (broken !== undefined && kindOf(broken) === message) best = tried
      else at += size
    }
  }
  return best
}

/** Of a corpus what it takes to reach all that it reaches, short inputs first. */
export function distilled(target: Target, corpus: readonly Buffer[], coverage: Coverage): Buffer[] {
  const byLength = [...corpus].sort((one, other) => one.length - other.length)
  return byLength.filter((bytes) => coverage.grows(() => judge(target, bytes), true) > 0)
}
