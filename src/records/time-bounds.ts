/**
 * How far the timestamps of a message may lie from the broker's clock (Kafka's message.timestamp.before.max.ms and
 * after.max.ms; LogValidator.java). One dated far ahead would keep its segment from being deleted for as long.
 */

import { HoldfastError } from '../core/errors.js'
import type { Settings } from '../core/settings.js'

/** In ms since 1970, both included; infinite where any time is taken. */
export interface TimeBounds {
  readonly earliest: number
  readonly latest: number
}

/** Undefined where any time is taken, as where the broker stamps its own. */
export function timeBounds(settings: Settings, nowMs: number): TimeBounds | undefined {
  if (settings['log.message.timestamp.type'] === 'LogAppendTime') return undefined
  const beforeMs = settings['log.message.timestamp.before.max.ms']
  const afterMs = settings['log.message.timestamp.after.max.ms']
  return {
    earliest: beforeMs === Number.MAX_SAFE_INTEGER ? Number.NEGATIVE_INFINITY : nowMs - beforeMs,
    latest: nowMs + afterMs,
  }
}

/** @throws INVALID_TIMESTAMP; a record without a timestamp, which is -1, keeps any bounds */
export function checkTimes({ earliest, latest }: TimeBounds, least: number, greatest: number): void {
  if (greatest > latest) refuse(greatest, `later than ${latest}`, 'after')
  if (least < earliest && least !== -1) refuse(least, `earlier than ${earliest}`, 'before')
}

function refuse(timestamp: number, how: string, side: 'before' | 'after'): never {
  throw new HoldfastError(
    'INVALID_TIMESTAMP',
    `A record has the timestamp ${timestamp}, which is ${how}: message.timestamp.${side}.max.ms forbids it. Is a clock wrong?`,
  )
}
