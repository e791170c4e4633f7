/** Rules about logs that refuse messages, or have lost some. */

import type { TroubledLog } from '../troubled-logs.js'
import { found, type Measure, onceFound, type Rule } from './rule.js'

export const logRules: readonly Rule[] = [
  {
    id: 'log-damaged',
    severity: 'critical',
    title: 'Messages of a log are damaged',
    when: 'a start or a reader met bytes in a log that are no sound message, or missed a file of it',
    leastEvidence: 'one such meeting',
    limit: onceFound,
    measure: ({ troubledLogs = [] }) => measuresOf(troubledLogs.filter(({ isDamaged }) => isDamaged)),
    evidence: saidOf,
    remedy: () =>
      'What is sound is served. Stop the broker and look with holdfast verify how much is damaged; holdfast repair shows what can be mended. Restore the rest from a backup, and look at the disk.',
  },
  {
    id: 'log-failed',
    severity: 'critical',
    title: 'A log takes no messages',
    when: 'a write or sync of a log failed, and it has not come back by itself',
    leastEvidence: 'one log that refuses',
    limit: onceFound,
    measure: ({ troubledLogs = [] }) => measuresOf(troubledLogs.filter(({ isDamaged }) => !isDamaged)),
    evidence: saidOf,
    remedy: () =>
      'Where the disk was full, make room, and the log comes back. Otherwise look at the disk (dmesg), then start the broker again: what was acknowledged is read from the disk afresh.',
  },
  {
    id: 'queues-behind',
    severity: 'warning',
    title: 'Queues and index of the commit log cannot be written',
    when: 'the last attempt to bring consume queues, key index and their snapshot to the disk failed',
    leastEvidence: 'one such attempt',
    limit: onceFound,
    measure: ({ checkpointFailure }) => (checkpointFailure === undefined ? [] : [{ value: found }]),
    evidence: (_, { checkpointFailure = '' }) =>
      `${checkpointFailure}. No message is lost by it, but what is not written of queues stays in memory, and the next start reads as much more.`,
    remedy: () =>
      'It is tried again by itself, and what a failed sync has left open is written anew from the commit log. Make room where the disk is full; after an I/O error look at the disk (dmesg).',
  },
]

function measuresOf(logs: readonly TroubledLog[]): readonly Measure[] {
  return logs.map(({ name }) => ({ subject: name, value: found }))
}

function saidOf(
  { subject }: Measure,
  { troubledLogs = [] }: { readonly troubledLogs?: readonly TroubledLog[] },
): string {
  const { why = '' } = troubledLogs.find(({ name }) => name === subject) ?? {}
  return `${subject}: ${why}`
}
