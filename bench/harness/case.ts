/** A case: what is measured against what, and the rows that come of it. */

import { type ChildOptions, inChild } from './child.js'
import type { Contender, Options, Spec } from './contender.js'
import { print } from './print.js'
import { type Plan, type Rounds, runRounds } from './rounds.js'
import { type CaseName, type Metric, type Row, rowsOf } from './rows.js'
import type { Workspace } from './workspace.js'

export interface Effort {
  readonly quick: boolean
  readonly rounds: number
  readonly blockMs: number
  readonly warmupMs: number
}

export interface Bench {
  readonly effort: Effort
  readonly workspace: Workspace
  readonly say: (line: string) => void
}

export interface Case {
  /** What `--only` looks for a word in. */
  readonly name: string
  readonly about: string
  /** Whether `--quick` runs it, smaller. */
  readonly quick: boolean
  run(bench: Bench): Promise<Row[]>
}

export interface Comparison extends CaseName {
  readonly specs: readonly Spec[]
  /** The first is the one the case is about. */
  readonly metrics: readonly Metric[]
  readonly plan?: Partial<Plan>
  /** How many of the metrics are printed, from the first on; all where absent. The rows have all. */
  readonly printed?: number
  /** What of the detail is printed beside the value. */
  readonly shown?: readonly string[]
}

export const latencyColumns = ['p50Ms', 'p99Ms', 'p999Ms', 'loopDelayP99Ms'] as const

/** Runs the contenders in turns, prints, and gives the rows of all metrics. */
export async function compare(bench: Bench, comparison: Comparison): Promise<Row[]> {
  const { specs, metrics, plan, shown = latencyColumns } = comparison
  bench.say(`\n${comparison.name}  [${comparison.level}]`)
  const rounds: Rounds = await runRounds(specs, { ...bench.effort, ...plan }, bench.say)
  const rows = metrics.flatMap((metric) => rowsOf(comparison, specs, rounds, metric))
  const printed = new Set(metrics.slice(0, comparison.printed).map(({ unit }) => unit))
  print(
    rows.filter(({ unit }) => printed.has(unit)),
    shown,
    bench.say,
  )
  return rows
}

/** A contender of `contenders/<kind>.ts` in a process and an empty directory of its own. */
export function hosted(
  { workspace }: Pick<Bench, 'workspace'>,
  label: string,
  role: Spec['role'],
  kind: string,
  options: Options,
  childOptions?: ChildOptions,
): Spec {
  return {
    label,
    role,
    async start() {
      const directory = await workspace.directory()
      const contender = await inChild(kind, { ...options, directory: directory.path }, childOptions)
      return closedWith(contender, () => directory.remove())
    },
  }
}

/** The contender, with something more to do when it is closed, whether that goes well or not. */
export function closedWith(contender: Contender, after: () => Promise<void>): Contender {
  return {
    info: contender.info,
    prepare: async () => contender.prepare?.(),
    block: (ms) => contender.block(ms),
    close: () => contender.close().finally(after),
  }
}
