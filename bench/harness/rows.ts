/** From rounds to rows: what is printed, drawn and written as JSON. */

import type { BlockResult, Spec } from './contender.js'
import type { Rounds } from './rounds.js'
import { median, type Spread, spreadOf } from './statistics.js'

/** What an acknowledgement survives: D1 the end of the process, D2 the loss of power. '-' where nothing is written. */
export type Level = 'D1' | 'D2' | '-'

export interface Row {
  readonly case: string
  readonly level: Level
  readonly contender: string
  readonly role: Spec['role']
  readonly unit: string
  readonly better: 'higher' | 'lower'
  readonly median: number
  /** Median of the ratios of the rounds; null where the case has no floor. */
  readonly ratioToFloor: number | null
  /** The same to the best contender of role peer; null where there is none. */
  readonly ratioToBestPeer: number | null
  readonly bestPeer: string | null
  /** Of the first of the ratios that there is, else of the values. */
  readonly spread: Spread & { readonly of: 'ratioToFloor' | 'ratioToBestPeer' | 'median' }
  readonly rounds: number
  readonly dropped: number
  /** No round had the same floor before and after it. */
  readonly noisy: boolean
  /** Medians of what else the blocks told. */
  readonly detail: Readonly<Record<string, number>>
}

export interface Metric {
  readonly unit: string
  readonly better: 'higher' | 'lower'
  /** A name in the detail of the blocks; their value where absent. */
  readonly key?: string
}

export interface CaseName {
  readonly name: string
  readonly level: Level
}

/** One row a contender that was measured, in the order of `specs`. */
export function rowsOf({ name, level }: CaseName, specs: readonly Spec[], rounds: Rounds, metric: Metric): Row[] {
  const pick = (result: BlockResult) => (metric.key === undefined ? result.value : result.detail[metric.key])
  const measured = specs.filter(
    ({ label }) =>
      rounds.results.has(label) && rounds.results.get(label)?.some((result) => Number.isFinite(pick(result))),
  )
  // The floor of a round is the mean of the two around it; for what its detail holds, the later one.
  const values = (spec: Spec) =>
    spec.role === 'floor' && metric.key === undefined ? rounds.floors : (rounds.results.get(spec.label) ?? []).map(pick)
  const floorSpec = measured.find(({ role }) => role === 'floor')
  const floor = floorSpec === undefined ? [] : values(floorSpec)
  const [best] = measured
    .filter(({ role }) => role === 'peer')
    .sort((a, b) => (median(values(b)) - median(values(a))) * (metric.better === 'higher' ? 1 : -1))
  return measured.map((spec) => {
    const own = values(spec)
    const toFloor =
      floor.length === own.length && floor.length > 0 ? own.map((value, i) => value / floor[i]) : undefined
    const toPeer = best === undefined ? undefined : own.map((value, i) => value / values(best)[i])
    const of = toFloor !== undefined ? 'ratioToFloor' : toPeer !== undefined ? 'ratioToBestPeer' : 'median'
    return {
      case: name,
      level,
      contender: spec.label,
      role: spec.role,
      unit: metric.unit,
      better: metric.better,
      median: median(own),
      ratioToFloor: toFloor === undefined ? null : median(toFloor),
      ratioToBestPeer: toPeer === undefined ? null : median(toPeer),
      bestPeer: best?.label ?? null,
      spread: { of, ...spreadOf(toFloor ?? toPeer ?? own) },
      rounds: own.length,
      dropped: rounds.dropped,
      noisy: rounds.noisy,
      detail: detailOf(rounds.results.get(spec.label) ?? []),
    }
  })
}

function detailOf(results: readonly BlockResult[]): Record<string, number> {
  const keys = new Set(results.flatMap((result) => Object.keys(result.detail)))
  return Object.fromEntries(
    [...keys].map((key) => [
      key,
      median(results.map((result) => result.detail[key]).filter((value) => value !== undefined)),
    ]),
  )
}
