/** What a check of the doctor says. */

import type { Advice, Severity } from '../../console/api-types.js'
import type { SettingToWrite } from '../advice/rule.js'

export interface CheckResult {
  /** What was looked at, e.g. "node", or the rule of advice. */
  readonly check: string
  readonly severity: 'ok' | Severity
  /** What was found. */
  readonly what: string
  /** What to do, unless all is well. */
  readonly next?: string
  readonly setting?: SettingToWrite
}

export function ok(check: string, what: string): CheckResult {
  return { check, severity: 'ok', what }
}

/** A finding is what somebody should see to; a note is not one. */
export function isFinding({ severity }: CheckResult): boolean {
  return severity === 'critical' || severity === 'warning'
}

/** Advice, as the doctor tells it beside its own checks. */
export function adviceResult({ rule, severity, title, evidence, remedy, setting }: Advice): CheckResult {
  return {
    check: rule,
    severity,
    what: `${title}. ${evidence}`,
    next: remedy,
    ...(setting === undefined ? {} : { setting }),
  }
}
