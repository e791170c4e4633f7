/**
 * When written bytes become durable, and what an acknowledgement waits for. A policy is two answers:
 *
 * - `acknowledgeAfter`: "sync" acknowledges a round once it is on stable storage (D2), "write" once it is in the page
 *   cache (D1, survives the death of the process but not of the machine);
 * - when a round closes. While one round is on its way to the disk the next one gathers, which is group commit without
 *   a timer. "write" closes a round as soon as the writer is free; "sync" may first wait a moment, shorter than the sync
 *   it saves, for those whom the last round acknowledged (GroupCommit's gathering). A policy that lets a round gather
 *   until it has N messages or is T ms old (BATCH_FLUSH) adds that answer here, and GroupCommit waits for it too.
 */

import type { Settings } from '../core/settings.js'

export interface SyncFlush {
  readonly acknowledgeAfter: 'sync'
}

export interface AsyncFlush {
  readonly acknowledgeAfter: 'write'
  /** Rounds are synced behind the writer after so many appends … */
  readonly appends: number
  /** … or after so many milliseconds, whichever comes first. */
  readonly intervalMs: number
}

export type FlushPolicy = SyncFlush | AsyncFlush

export function flushPolicy(settings: Settings): FlushPolicy {
  if (settings['flush.disk.type'] === 'SYNC_FLUSH') return { acknowledgeAfter: 'sync' }
  return {
    acknowledgeAfter: 'write',
    appends: settings['flush.commitlog.interval'],
    intervalMs: settings['flush.interval.ms'],
  }
}
