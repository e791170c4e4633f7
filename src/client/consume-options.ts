/** What a caller may say about a consumer, checked and filled up with what holds otherwise. */

import type { Isolation } from '../broker/contract.js'
import type { TagFilter } from '../storage/partition-log.js'
import { parseTagExpression } from '../storage/tag-expression.js'
import { checkName, checkOptions, refuse, wholeNumber } from './arguments.js'
import type { AssignorName } from './assignors.js'
import { shown } from './message.js'
import { checkStart, type StartPosition } from './start-offset.js'

interface CommonOptions {
  /** Ends the iteration: it throws `signal.reason`. */
  readonly signal?: AbortSignal
  /** Bytes that are read ahead at most; 8 MiB where absent. One batch may pass it. */
  readonly maxPrefetchBytes?: number
  /**
   * `committed` where absent: messages of a transaction come once it has been committed, and never where it was aborted;
   * what lies behind an open one waits for it. `uncommitted` gives everything as it comes.
   */
  readonly isolation?: Isolation
  /** Only messages with one of these tags: `tagA || tagB`; all where absent, and with `*`. */
  readonly tags?: string
}

/** Consuming by offset, without a group: nothing is committed, every consumer sees everything. */
export interface OffsetConsumeOptions extends CommonOptions {
  readonly group?: undefined
  /** `earliest` where absent. */
  readonly from?: StartPosition
  /** This one only; all where absent. */
  readonly partition?: number
  /** With false the iteration ends where the log ended when it began. True where absent. */
  readonly follow?: boolean
}

/** Consuming as a member of a group: its members share the partitions, and what is acknowledged is not read again. */
export interface GroupConsumeOptions extends CommonOptions {
  readonly group: string
  /** Where to begin in a partition that the group has committed nothing for; `earliest` where absent, as a queue should. */
  readonly from?: StartPosition
  /**
   * Makes a static member: who comes back under this name within the session timeout gets its partitions again
   * without a rebalance. It does not leave the group when it stops.
   */
  readonly instanceId?: string
  /** How partitions are shared out, in order of preference; `['range', 'roundrobin']` where absent. */
  readonly assignors?: readonly AssignorName[]
  /** A member that is not heard of for so long is taken for dead; 10 s where absent. */
  readonly sessionTimeoutMs?: number
  /** How long a rebalance waits for members to join again; 60 s where absent. */
  readonly rebalanceTimeoutMs?: number
  /** How often the member says that it is there, and hears of rebalances; 1 s, or a third of the session, where absent. */
  readonly heartbeatIntervalMs?: number
}

export type ConsumeOptions = OffsetConsumeOptions | GroupConsumeOptions

const commonNames = ['signal', 'maxPrefetchBytes', 'isolation', 'tags', 'group', 'from']
const offsetNames = [...commonNames, 'partition', 'follow']
const groupNames = [
  ...commonNames,
  'instanceId',
  'assignors',
  'sessionTimeoutMs',
  'rebalanceTimeoutMs',
  'heartbeatIntervalMs',
]

const defaultPrefetchBytes = 8 * 1024 * 1024
const longestTimeoutMs = 2 ** 31 - 1

/** @throws INVALID_ARGUMENT */
export function checkTopics(topics: string | readonly string[]): readonly string[] {
  const names = typeof topics === 'string' ? [topics] : topics
  if (!Array.isArray(names) || names.length === 0) refuse(`consume: the topic is ${shown(topics)}; it must be a name.`)
  for (const name of names) checkName('consume', 'topic', name)
  return [...new Set(names)]
}

/** @throws INVALID_ARGUMENT */
export function offsetOptions(options: OffsetConsumeOptions) {
  checkOptions('consume', options, offsetNames)
  checkStart('consume', options.from)
  const { from = 'earliest', follow = true } = options
  if (typeof follow !== 'boolean') refuse(`consume: follow is ${shown(follow)}; it must be true or false.`)
  const partition =
    options.partition === undefined
      ? undefined
      : wholeNumber('consume', 'partition', options.partition, { fallback: 0 })
  const isolation = checkIsolation('consume', options.isolation)
  const tags = checkTagExpression('consume', options.tags)
  return { from, isolation, tags, follow, partition, maxPrefetchBytes: prefetchBytes(options) }
}

/** @throws INVALID_ARGUMENT */
export function groupOptions(options: GroupConsumeOptions) {
  checkOptions('consume in a group', options, groupNames)
  checkStart('consume', options.from)
  const timeout = (name: 'sessionTimeoutMs' | 'rebalanceTimeoutMs' | 'heartbeatIntervalMs', fallback: number): number =>
    wholeNumber('consume', name, options[name], { fallback, min: 1, max: longestTimeoutMs })
  const sessionTimeoutMs = timeout('sessionTimeoutMs', 10_000)
  const heartbeatIntervalMs = timeout(
    'heartbeatIntervalMs',
    Math.max(1, Math.min(1000, Math.floor(sessionTimeoutMs / 3))),
  )
  if (heartbeatIntervalMs >= sessionTimeoutMs) {
    refuse(
      `consume: heartbeatIntervalMs ${heartbeatIntervalMs} must be less than sessionTimeoutMs ${sessionTimeoutMs}.`,
    )
  }
  const assignors = options.assignors ?? ['range', 'roundrobin']
  const isList = Array.isArray(assignors) && assignors.length > 0
  if (!isList || assignors.some((name) => name !== 'range' && name !== 'roundrobin')) {
    refuse(`consume: assignors is ${shown(assignors)}; it must be a list of 'range' and 'roundrobin'.`)
  }
  return {
    groupId: checkName('consume', 'group', options.group),
    from: options.from ?? 'earliest',
    isolation: checkIsolation('consume', options.isolation),
    tags: checkTagExpression('consume', options.tags),
    instanceId: options.instanceId === undefined ? null : checkName('consume', 'instanceId', options.instanceId),
    assignors: [...new Set(assignors)],
    sessionTimeoutMs,
    heartbeatIntervalMs,
    rebalanceTimeoutMs: timeout('rebalanceTimeoutMs', 60_000),
    maxPrefetchBytes: prefetchBytes(options),
  }
}

/** @throws INVALID_ARGUMENT */
export function checkIsolation(call: string, isolation: Isolation = 'committed'): Isolation {
  if (isolation === 'committed' || isolation === 'uncommitted') return isolation
  return refuse(`${call}: isolation is ${shown(isolation)}; it must be 'committed' or 'uncommitted'.`)
}

/** The filter; undefined where all messages are meant. @throws INVALID_ARGUMENT */
export function checkTagExpression(call: string, tags: unknown): TagFilter | undefined {
  if (tags === undefined) return undefined
  if (typeof tags === 'string') return parseTagExpression(tags)
  return refuse(`${call}: tags is ${shown(tags)}; it must be a text such as 'tagA || tagB'.`)
}

function prefetchBytes({ maxPrefetchBytes }: CommonOptions): number {
  return wholeNumber('consume', 'maxPrefetchBytes', maxPrefetchBytes, { fallback: defaultPrefetchBytes, min: 1 })
}
