/** Logs of a broker that refuse messages or were found damaged, each trouble once, however many partitions share it. */

import type { HoldfastError } from '../core/errors.js'
import type { StoredLogs } from '../storage/stored-logs.js'
import type { Evidence } from './advice/rule.js'

export interface TroubledLog {
  /** `topic-partition`, and how many more there are. */
  readonly name: string
  readonly why: string
  /** What it holds is damaged; otherwise its disk has refused. */
  readonly isDamaged: boolean
}

/** What is wrong with the logs of a broker now. */
export function logEvidence(stored: StoredLogs): Pick<Evidence, 'troubledLogs' | 'checkpointFailure'> {
  const failure = stored.checkpointFailure
  const why = failure instanceof Error ? failure.message : String(failure)
  return { troubledLogs: troubledLogs(stored), ...(failure !== undefined && { checkpointFailure: why }) }
}

/** All of a commit log fail together, and with one error. */
function troubledLogs(stored: StoredLogs): readonly TroubledLog[] {
  const found = new Map<HoldfastError, string[]>()
  for (const { name, partitions } of stored.topics) {
    for (let partition = 0; partition < partitions; partition++) {
      const { damage, failure } = stored.log(name, partition) ?? {}
      const troubles = new Set([damage, failure])
      for (const trouble of troubles) {
        if (trouble === undefined) continue
        const names = found.get(trouble)
        if (names === undefined) found.set(trouble, [`${name}-${partition}`])
        else names.push(`${name}-${partition}`)
      }
    }
  }
  return [...found].map(([{ code, message }, [first, ...others]]) => ({
    name: others.length === 0 ? first : `${first} and ${others.length} more`,
    why: message,
    isDamaged: code === 'LOG_DAMAGED',
  }))
}
