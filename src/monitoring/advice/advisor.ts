/**
 * Gives advice and takes it back. A figure beyond its limit must stay there for a while before anything is said, and must be
 * good again for a while, or tell nothing any more, before it is taken back; between the two limits nothing changes. So
 * advice does not come and go with every look.
 */

import type { Advice, Severity } from '../../console/api-types.js'
import { type Evidence, isBeyond, isGood, type Measure, type Rule, severityOf } from './rule.js'

export interface AdvisorOptions {
  readonly rules: readonly Rule[]
  /** A figure is beyond its limit for so long before advice is given. */
  readonly holdsForMs?: number
  /** It is good again for so long before advice is taken back. */
  readonly goodForMs?: number
}

interface Watch {
  /** Wall-clock time at which the figure was first beyond its limit. */
  readonly sinceMs: number
  readonly firstAtMs: number
  isGiven: boolean
  goodAtMs: number | undefined
  advice: Advice
}

/** Of one rule; the worst first. */
const mostSubjects = 20
const ranks: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, note: 2 }

export class Advisor {
  readonly #rules: readonly Rule[]
  readonly #holdsForMs: number
  readonly #goodForMs: number
  readonly #watched = new Map<string, Watch>()
  #advice: readonly Advice[] = []

  constructor({ rules, holdsForMs = 20_000, goodForMs = 60_000 }: AdvisorOptions) {
    this.#rules = rules
    this.#holdsForMs = holdsForMs
    this.#goodForMs = goodForMs
  }

  /** What holds now, the worst first. */
  get advice(): readonly Advice[] {
    return this.#advice
  }

  /** @param atMs by a clock that never goes back @param nowMs wall-clock time, for people */
  look(evidence: Evidence, atMs: number, nowMs: number): readonly Advice[] {
    const told = new Set<string>()
    for (const rule of this.#rules) {
      for (const measure of worstOf(rule, evidence)) {
        const key = keyOf(rule, measure)
        const watch = this.#watched.get(key)
        // Between the two limits only what was said already goes on being said.
        const isBad = watch?.isGiven ? !isGood(rule.limit, measure.value) : isBeyond(rule.limit, measure.value)
        if (!isBad) continue
        told.add(key)
        this.#note(key, watch, adviceOf(rule, measure, evidence, watch?.sinceMs ?? nowMs), atMs)
      }
    }
    for (const [key, watch] of this.#watched) if (!told.has(key)) this.#letGo(key, watch, atMs)
    this.#advice = inOrder([...this.#watched.values()].filter(({ isGiven }) => isGiven).map(({ advice }) => advice))
    return this.#advice
  }

  #note(key: string, known: Watch | undefined, advice: Advice, atMs: number): void {
    const watch = known ?? { sinceMs: advice.sinceMs, firstAtMs: atMs, isGiven: false, goodAtMs: undefined, advice }
    watch.advice = advice
    watch.goodAtMs = undefined
    watch.isGiven ||= atMs - watch.firstAtMs >= this.#holdsForMs
    this.#watched.set(key, watch)
  }

  #letGo(key: string, watch: Watch, atMs: number): void {
    watch.goodAtMs ??= atMs
    if (!watch.isGiven || atMs - watch.goodAtMs >= this.#goodForMs) this.#watched.delete(key)
  }
}

/** What one look says, without a memory: for `holdfast doctor`. */
export function adviceAtOnce(rules: readonly Rule[], evidence: Evidence, nowMs: number): readonly Advice[] {
  return inOrder(
    rules.flatMap((rule) =>
      worstOf(rule, evidence)
        .filter(({ value }) => isBeyond(rule.limit, value))
        .map((measure) => adviceOf(rule, measure, evidence, nowMs)),
    ),
  )
}

function worstOf(rule: Rule, evidence: Evidence): readonly Measure[] {
  const measures = rule.measure(evidence).filter(({ value }) => Number.isFinite(value))
  if (measures.length <= mostSubjects) return measures
  const sign = rule.limit.side === 'above' ? -1 : 1
  return [...measures].sort((a, b) => sign * (a.value - b.value)).slice(0, mostSubjects)
}

function keyOf({ id }: Rule, { subject }: Measure): string {
  return subject === undefined ? id : `${id} ${subject}`
}

function adviceOf(rule: Rule, measure: Measure, evidence: Evidence, sinceMs: number): Advice {
  const setting = rule.setting?.(measure, evidence)
  return {
    rule: rule.id,
    severity: severityOf(rule, measure.value),
    title: rule.title,
    evidence: rule.evidence(measure, evidence),
    remedy: rule.remedy(measure, evidence),
    ...(setting === undefined ? {} : { setting }),
    ...(measure.subject === undefined ? {} : { subject: measure.subject }),
    sinceMs,
  }
}

function inOrder(advice: readonly Advice[]): readonly Advice[] {
  return [...advice].sort((a, b) => ranks[a.severity] - ranks[b.severity] || a.sinceMs - b.sinceMs)
}
