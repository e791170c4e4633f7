/** Holds what clients saw, and what the broker has in the end, against what `docs/durability.md` promises. */

import { checkGroups } from './check-groups.js'
import { checkLog } from './check-log.js'
import type { History, Violation } from './history.js'

export function check(history: History): Violation[] {
  return [...checkLog(history), ...checkGroups(history)]
}

/** The first few violations with their operations, for a person. */
export function report(violations: readonly Violation[], seed: number, file: string): string {
  const lines = violations
    .slice(0, 5)
    .map(({ rule, what, operations }) =>
      [`${rule}: ${what}`, ...operations.slice(0, 6).map((one) => `    ${JSON.stringify(one)}`)].join('\n'),
    )
  return [`${violations.length} violations, seed ${seed}, history in ${file}`, ...lines].join('\n')
}
