/** Logs of a broker that refuse messages or were found damaged, each trouble once, however many partitions share it. */

import { type HoldfastError, reasonOf } from '../core/errors.js'
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
  const { checkpointFailure: failure } = stored
  return {
    troubledLogs: troubledLogs(stored),
    ...(failure !== undefined && { checkpointFailure: reasonOf(failure) }),
  }
}

/** All of a commit log fail together, and with one error. */
function troubledLogs(stored: StoredLogs): readonly TroubledLog[] {
  const found = new Map<HoldfastError, string[]>()
  for (const { topic, partition, log } of stored.partitions()) {
    // One that was found damaged by its start refuses for the same reason.
    for (const trouble of new Set([log?.damage, log?.failure])) {
      if (trouble === undefined) continue
      const names = found.get(trouble)
      if (names === undefined) found.set(trouble, [`${topic}-${partition}`])
      else names.push(`${topic}-${partition}`)
    }
  }
  return [...found].map(([{ code, message }, [first, ...others]]) => ({
    name: others.length === 0 ? first : `${first} and ${others.length} more`,
    why: message,
    isDamaged: code === 'LOG_DAMAGED',
  }))
}
