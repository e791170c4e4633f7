/**
 * One world of failing system calls: a store that a killed program left is copied for each fault, lived in while the call
 * fails, ended in order or by a kill, and then opened by a program whose calls do not fail, which looks for every promise.
 */

import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkCut } from '../power/check.js'
import { emptyHistory, type History } from '../power/history.js'
import { EmbeddingProgram } from './program.js'
import { serveOnce } from './serving.js'
import type { Lived } from './session.js'
import { buildShim, type Fault, FaultPage, faultText, type Seen } from './shim.js'
import { type WorldName, worldNamed } from './worlds.js'

/** Who meets the fault: a program that embeds the library, or `holdfast serve`. */
export type Face = 'embedded' | 'served'

export interface Point {
  readonly fault: Fault
  readonly end: 'close' | 'kill'
}

/** What became of a fault. */
export interface Outcome {
  /** How often the call failed; 0 where it was not made that often. */
  readonly fired: number
  readonly where: string
  readonly promised: number
  readonly codes: Readonly<Record<string, number>>
  /** Empty where every promise was kept. */
  readonly broken: readonly string[]
}

const template = 'template'

export class Campaign {
  readonly #folder: string
  readonly #page: FaultPage
  readonly #shim: string
  readonly #world
  readonly #face: Face
  /** The control. */
  readonly #swallows: boolean
  readonly #program: EmbeddingProgram
  #history: History = emptyHistory()
  #lives = 0

  constructor(world: WorldName, face: Face, { swallows = false }: { swallows?: boolean } = {}) {
    // Memory where there is some: no fault comes from below libc, so a real disk would only be slower.
    this.#folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdfast-syscalls-'))
    this.#world = worldNamed(world)
    this.#face = face
    this.#swallows = swallows
    this.#shim = buildShim(this.#folder)
    this.#page = FaultPage.make(join(this.#folder, 'page'))
    mkdirSync(this.#stores)
    this.#program = new EmbeddingProgram(this.#page, this.#shim, this.#stores)
  }

  get #stores(): string {
    return join(this.#folder, 'stores')
  }

  /** Makes the store that all lives begin with; how often each call is made in a life in which none fails. */
  async begin(): Promise<Seen> {
    const { settings } = this.#world
    const dataDir = join(this.#stores, template)
    const first = await this.#program.live({ dataDir, settings, history: emptyHistory(), isFirst: true, closes: false })
    if (first.complaints.length > 0) throw new Error(first.complaints.join('\n'))
    this.#history = first.history
    const { lived, broken } = await this.#liveAndJudge()
    if (broken.length > 0) throw new Error(`without any fault: ${broken.join('\n')}`)
    return lived.seen
  }

  async run({ fault, end }: Point): Promise<Outcome> {
    const { lived, broken, promised } = await this.#liveAndJudge(fault, end)
    return { fired: lived.fired.times, where: lived.fired.where, promised, codes: lived.codes, broken }
  }

  async end(): Promise<void> {
    await this.#program.kill()
    this.#page.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #liveAndJudge(fault?: Fault, end: Point['end'] = 'close') {
    const dataDir = join(this.#stores, `life-${this.#lives++}`)
    cpSync(join(this.#stores, template), dataDir, { recursive: true })
    try {
      const lived = await this.#live(dataDir, fault, end)
      const { promised, broken } = await this.#judge(dataDir, lived, fault)
      return { lived, promised, broken: [...lived.complaints, ...broken] }
    } finally {
      rmSync(dataDir, { recursive: true, force: true })
    }
  }

  async #live(dataDir: string, fault: Fault | undefined, end: Point['end']): Promise<Lived> {
    const { settings } = this.#world
    const history = structuredClone(this.#history)
    const closes = end === 'close'
    if (this.#face === 'embedded') {
      return this.#program.live({ dataDir, settings, history, fault, closes, swallows: this.#swallows })
    }
    const env = this.#page.environment(this.#shim, this.#stores)
    return serveOnce({ dataDir, settings, history, fault, closes, page: this.#page, env })
  }

  async #judge(dataDir: string, { history, refused }: Lived, fault?: Fault) {
    // A call that goes on failing also fails for whoever wants to take back what was refused.
    const taken = fault?.times === 0 ? new Set() : new Set(refused)
    // Nothing is slow on purpose any more, though the machine may be.
    const settings = { ...this.#world.settings, 'flush.commitlog.timeout': 60_000 }
    const promises = { ...history, messages: history.messages.filter(({ id }) => !taken.has(id)) }
    try {
      const { promised } = await checkCut(dataDir, { ...this.#world, settings }, promises)
      return { promised, broken: [] }
    } catch (error) {
      const { stack } = error as Error
      return { promised: 0, broken: [`after ${fault === undefined ? 'no fault' : faultText(fault)}: ${stack}`] }
    }
  }
}
