/** Fills the trail of flushes from what the logs tell of each. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FlushEvent } from '../core/channels.js'
import type { Clock } from '../core/clock.js'
import type { StoredLogs } from '../storage/stored-logs.js'
import type { FlushTrail } from './flush-trail.js'
import { commitLogName, logName } from './log-names.js'

/** As `src/core/channels.ts` names it. */
const flushChannelName = 'holdfast:flush'

/** Until the returned call. */
export function watchFlushes(trail: FlushTrail, stored: StoredLogs, clock: Clock): () => void {
  const onFlush = (message: unknown): void => {
    const { topic, partition, messages, bytes, durationMs, error } = message as FlushEvent
    if (error !== undefined) return
    const isCommitLog = topic === undefined || partition === undefined
    const name = isCommitLog ? commitLogName : logName(topic, partition)
    const upTo = isCommitLog ? stored.commitLogDurablePosition : stored.log(topic, partition)?.durableOffset
    // The channel tells of every store of the process: where nothing became durable here it was another's.
    if (upTo === undefined || upTo <= (trail.of(name).at(-1)?.upTo ?? -1)) return
    const from = upTo - (isCommitLog ? bytes : messages)
    trail.note(name, { timeMs: clock.now(), durationMs, messages, bytes, from, upTo })
  }
  subscribe(flushChannelName, onFlush)
  return () => unsubscribe(flushChannelName, onFlush)
}
