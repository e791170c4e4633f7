/** What a broker that runs can be asked: whether it answers, and what its own figures advise. */

import type { Advice } from '../../console/api-types.js'
import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import { ms } from '../advice/words.js'
import { adviceResult, type CheckResult, ok } from './check.js'

/** As much of a broker as is asked. */
export interface AskedBroker {
  describeTopics(names: null): Promise<readonly { readonly partitions: readonly unknown[] }[]>
  listGroups(): Promise<readonly unknown[]>
}

/** @throws what the broker throws */
export async function checkBroker(address: string, broker: AskedBroker, clock: Clock): Promise<CheckResult> {
  const begun = clock.monotonic()
  const topics = await broker.describeTopics(null)
  const groups = await broker.listGroups()
  const partitions = topics.reduce((sum, topic) => sum + topic.partitions.length, 0)
  const took = ms(clock.monotonic() - begun)
  return ok(
    'broker',
    `${address} answers: ${topics.length} topics, ${partitions} partitions, ${groups.length} groups, told in ${took}.`,
  )
}

export interface HttpAnswer {
  readonly status: number
  readonly text: string
}

/**
 * The advice of a broker by its HTTP address.
 * @param get fetches a URL
 * @throws CONNECTION_FAILED where it does not answer, or as nothing of ours does
 */
export async function adviceOverHttp(
  address: string,
  get: (url: string) => Promise<HttpAnswer>,
): Promise<readonly CheckResult[]> {
  const base = /^https?:\/\//.test(address) ? address : `http://${address}`
  const url = `${base.replace(/\/+$/, '')}/api/advice`
  const { status, text } = await get(url).catch((cause: unknown) => {
    const why = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause)
    throw new HoldfastError('CONNECTION_FAILED', `${url} does not answer: ${why}. Is it served with --http?`, { cause })
  })
  if (status === 401 || status === 403) {
    throw new HoldfastError('CONNECTION_FAILED', `${url} wants a token (${status}): give it with --token.`)
  }
  const advice = status === 200 ? adviceIn(text) : undefined
  if (advice === undefined) {
    throw new HoldfastError('CONNECTION_FAILED', `${url} answers ${status}, and not as a console of Holdfast does.`)
  }
  return adviceResults(advice)
}

/** What a broker that runs advises, as results. */
export function adviceResults(advice: readonly Advice[]): readonly CheckResult[] {
  if (advice.length === 0) return [ok('advice', 'The broker has no advice to give.')]
  return advice.map((each) => {
    const result = adviceResult(each)
    return each.subject === undefined ? result : { ...result, check: `${each.rule} ${each.subject}` }
  })
}

function adviceIn(text: string): readonly Advice[] | undefined {
  try {
    const parsed = JSON.parse(text) as unknown
    return Array.isArray(parsed) && parsed.every(isAdvice) ? parsed : undefined
  } catch {
    return undefined
  }
}

function isAdvice(value: unknown): value is Advice {
  const given = value as Partial<Record<keyof Advice, unknown>> | null
  const isText = (name: 'rule' | 'title' | 'evidence' | 'remedy') => typeof given?.[name] === 'string'
  const severities: readonly unknown[] = ['critical', 'warning', 'note']
  return (
    isText('rule') && isText('title') && isText('evidence') && isText('remedy') && severities.includes(given?.severity)
  )
}
