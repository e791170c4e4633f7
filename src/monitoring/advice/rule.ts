/**
 * What a rule of advice is: data. It names the figure that it looks at, from where on that is too much, where it is good
 * again, how much evidence it takes, and what is to be done. Reading the figure is its only code; comparing, holding and
 * taking back are the advisor's.
 */

import type { Severity } from '../../console/api-types.js'
import type { Settings } from '../../core/settings.js'
import type { DeviceProbe } from '../device-probe.js'
import type { DiskState } from '../figures.js'
import type { Growth } from '../growth.js'
import type { HostFacts } from '../host.js'
import type { LagAt } from '../lag-history.js'
import type { GrowingTopic } from '../topic-growth.js'
import type { TroubledLog } from '../troubled-logs.js'
import type { FigureWindow } from '../window.js'

/** All that rules may look at. What is not known is absent, and rules that need it say nothing. */
export interface Evidence {
  readonly settings: Settings
  /** The last five minutes, or as much of them as there was. */
  readonly window?: FigureWindow
  readonly troubledLogs?: readonly TroubledLog[]
  /** Why queues and index of the commit log could not be brought to the disk. */
  readonly checkpointFailure?: string
  readonly disk?: DiskState
  /** Of what is used on the disk, by whomever. */
  readonly diskGrowth?: Growth
  readonly keptForever?: readonly GrowingTopic[]
  readonly lags?: readonly { readonly group: string; readonly history: readonly LagAt[] }[]
  /** Of the last minute: how long a call waits that needs nothing but a thread of the pool. */
  readonly pool?: {
    readonly threads: number
    readonly samples: number
    readonly medianDelayMs: number
  }
  readonly device?: DeviceProbe
  readonly host?: HostFacts
}

export interface Measure {
  readonly value: number
  /** What it is about, where a rule looks at several things of a kind. */
  readonly subject?: string
}

/** `beyond`: from there on advice is given; `good`: from there on it is taken back. */
export interface Limit {
  readonly side: 'above' | 'below'
  readonly beyond: number
  readonly good: number
  /** From there on it is critical, whatever the rule says. */
  readonly critical?: number
}

export interface SettingToWrite {
  readonly name: string
  readonly value: string
}

export interface Rule {
  /** Stable, e.g. "disk-full-soon". */
  readonly id: string
  readonly severity: Severity
  readonly title: string
  /** The figure and when it is too much, in words; docs/operations.md lists them. */
  readonly when: string
  readonly leastEvidence: string
  readonly limit: Limit
  /** Empty where there is too little evidence, or nothing to say. */
  measure(evidence: Evidence): readonly Measure[]
  /** The figure and its threshold. */
  evidence(measure: Measure, evidence: Evidence): string
  remedy(measure: Measure, evidence: Evidence): string
  setting?(measure: Measure, evidence: Evidence): SettingToWrite | undefined
}

/** At a limit it is not yet beyond. */
export function isBeyond({ side, beyond }: Limit, value: number): boolean {
  return side === 'above' ? value > beyond : value < beyond
}

export function isGood({ side, good }: Limit, value: number): boolean {
  return side === 'above' ? value <= good : value >= good
}

export function severityOf({ severity, limit }: Rule, value: number): Severity {
  return limit.critical !== undefined && isBeyond({ ...limit, beyond: limit.critical }, value) ? 'critical' : severity
}

/** The limit of a rule that finds a thing or does not: each thing that it finds has the value {@link found}. */
export const onceFound: Limit = { side: 'above', beyond: 0, good: 0 }
export const found = 1
