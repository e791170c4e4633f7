/**
 * When written bytes become durable, and what an acknowledgement waits for. A policy is three answers:
 *
 * - `acknowledgeAfter`: "sync" acknowledges a round once it is on stable storage (D2), "write" once it is in the page
 *   cache (D1, survives the death of the process but not of the machine);
 * - when a round closes. While one round is on its way to the disk the next one gathers, which is group commit without
 *   a timer. "write" closes a round as soon as the writer is free; "sync" may first wait a moment, shorter than the sync
 *   it saves, for those whom the last round acknowledged (GroupCommit's gathering). BATCH_FLUSH is "sync" with a size:
 *   its rounds stay open until they hold so many messages or are so old;
 * - how long a sender waits for its acknowledgement before it is told that the outcome is unknown.
 */

import type { Settings } from '../core/settings.js'

/** When a round of BATCH_FLUSH closes. */
export interface RoundSize {
  readonly messages: number
  readonly intervalMs: number
}

export interface SyncFlush {
  readonly acknowledgeAfter: 'sync'
  /** Absent: a round closes as soon as the writer is free. */
  readonly round?: RoundSize
  readonly timeoutMs: number
}

export interface AsyncFlush {
  readonly acknowledgeAfter: 'write'
  /** Rounds are synced behind the writer after so many messages … */
  readonly messages: number
  /** … or after so many milliseconds, whichever comes first. */
  readonly intervalMs: number
  readonly timeoutMs: number
}

export type FlushPolicy = SyncFlush | AsyncFlush

/** Whether an acknowledgement waits for stable storage ("sync") or for the page cache ("write"). */
export function acknowledgesAfter(settings: Settings): FlushPolicy['acknowledgeAfter'] {
  return settings['flush.disk.type'] === 'ASYNC_FLUSH' ? 'write' : 'sync'
}

/** Its numbers are read from `settings` at each use: unlike the type, they may change while a log is open. */
export function flushPolicy(settings: () => Settings): FlushPolicy {
  const { 'flush.disk.type': type } = settings()
  return type === 'ASYNC_FLUSH' ? asyncFlush(settings) : syncFlush(settings, type === 'BATCH_FLUSH')
}

function syncFlush(settings: () => Settings, inRounds: boolean): SyncFlush {
  const round: RoundSize = {
    get messages() {
      return settings()['flush.batch.size']
    },
    get intervalMs() {
      return settings()['flush.interval.ms']
    },
  }
  return {
    acknowledgeAfter: 'sync',
    round: inRounds ? round : undefined,
    get timeoutMs() {
      return settings()['flush.commitlog.timeout']
    },
  }
}

function asyncFlush(settings: () => Settings): AsyncFlush {
  return {
    acknowledgeAfter: 'write',
    get messages() {
      return settings()['flush.commitlog.interval']
    },
    get intervalMs() {
      return settings()['flush.interval.ms']
    },
    get timeoutMs() {
      return settings()['flush.commitlog.timeout']
    },
  }
}
