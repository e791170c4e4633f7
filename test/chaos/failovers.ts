/** How long it took after each fault on who led until somebody acknowledged a send that began after it. */

import type { FaultKind } from './plan.js'
import type { Acknowledged } from './probes.js'

/** A fault as it was, in milliseconds of one clock. */
export interface Happened {
  readonly kind: FaultKind
  /** The host, and whether its node led. */
  readonly on: string
  readonly wasPrimary: boolean
  readonly beganMs: number
  readonly endedMs: number
  readonly detail: string
}

export interface Failover {
  readonly fault: Happened
  /** Undefined where nobody acknowledged any more. */
  readonly afterMs: number | undefined
  /** No other fault lasted meanwhile. */
  readonly isAlone: boolean
}

export function failovers(
  happened: readonly Happened[],
  acknowledged: readonly Acknowledged[],
  takesTheLead: ReadonlySet<FaultKind>,
): Failover[] {
  return happened
    .filter(({ wasPrimary, kind }) => wasPrimary && takesTheLead.has(kind))
    .map((fault): Failover => {
      const ends = acknowledged.filter(({ beganMs }) => beganMs > fault.beganMs).map(({ endedMs }) => endedMs)
      const afterMs = ends.length === 0 ? undefined : Math.min(...ends) - fault.beganMs
      const until = fault.beganMs + (afterMs ?? Number.POSITIVE_INFINITY)
      const isAlone = happened.every(
        (other) => other === fault || other.endedMs < fault.beganMs || other.beganMs > until,
      )
      return { fault, afterMs, isAlone }
    })
}
