/** `read`: what a caller may say about it, checked, and the messages that are there. */

import type { BrokerService, Isolation } from '../broker/contract.js'
import { checkName, checkOptions, refuse, wholeNumber } from './arguments.js'
import { readBounded } from './bounded-read.js'
import { checkIsolation, checkTagExpression } from './consume-options.js'
import type { Message } from './message.js'
import { checkStart, type StartPosition } from './start-offset.js'

export interface ReadOptions {
  /** May be left out where the topic has one only. */
  readonly partition?: number
  /** Where to begin; the first message that is kept where neither this nor `time` is given. */
  readonly offset?: number
  /** Begin at the first message of this time (ms since 1970, or a Date) or later. */
  readonly time?: number | Date
  /** 100 where absent. */
  readonly limit?: number
  /** As for consuming: `committed` where absent. */
  readonly isolation?: Isolation
  /** As for consuming: only messages with one of these tags, `tagA || tagB`. */
  readonly tags?: string
  readonly signal?: AbortSignal
}

export async function readMessages(service: BrokerService, topic: string, options: ReadOptions): Promise<Message[]> {
  checkName('read', 'topic', topic)
  checkOptions('read', options, ['partition', 'offset', 'time', 'limit', 'isolation', 'tags', 'signal'])
  const { offset, time, signal } = options
  if (offset !== undefined && time !== undefined) refuse('read: give offset or time, not both.')
  const from: StartPosition = offset !== undefined ? { offset } : time !== undefined ? { time } : 'earliest'
  checkStart('read', from)
  const limit = wholeNumber('read', 'limit', options.limit, { fallback: 100, min: 1 })
  const partition =
    options.partition === undefined ? undefined : wholeNumber('read', 'partition', options.partition, { fallback: 0 })
  const isolation = checkIsolation('read', options.isolation)
  const tags = checkTagExpression('read', options.tags)
  return readBounded(service, { topic, partition, from, limit, isolation, tags, signal })
}
