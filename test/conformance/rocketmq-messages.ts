/** Messages that have everything a message of RocketMQ's may have, to be put by its own store. */

import { sysFlag } from '../../src/storage/commitlog/format.js'
import type { MessageToPut } from './rocketmq-store.js'

export const bornAt = 1_700_000_000_000

/** Its length takes two bytes: a message of the second version. */
export const longTopic = 'a-topic-of-many-characters-'.repeat(5)
export const topics = ['Orders', 'with.dots_and-more', longTopic] as const
export const queueIds = [0, 1, 5] as const
const hosts = ['127.0.0.1', '2001:db8::17'] as const
const tagSets = ['', 'created', 'paid', 'äöü', 'a tag with spaces'] as const
const delayLevels = 18

const base64 = (text: string): string => Buffer.from(text).toString('base64')

export function propertyText(properties: readonly (readonly [name: string, value: string])[]): string {
  return properties.map(([name, value]) => `${name}\x01${value}\x02`).join('')
}

/** The i-th: topic, queue, hosts, tags, keys, body and the shape of the properties change at different paces. */
export function messageToPut(i: number): MessageToPut {
  const tags = tagSets[i % tagSets.length] ?? ''
  const named: (readonly [string, string])[] = [
    ['KEYS', i % 4 === 0 ? `key${i}` : `key${i} shared${i % 10} ü${i}`],
    ['UNIQ_KEY', `unique-${i}`],
    ...(tags === '' ? [] : [['TAGS', tags] as const]),
    ...(i % 3 === 0 ? [['repeated', 'first'] as const, ['repeated', `last ${i}`] as const] : []),
    ['note', `${'long '.repeat(i % 7)}€${i}`],
  ]
  // Some as older clients wrote them: nothing behind the last value.
  const text = propertyText(named)
  return {
    topic: topics[i % topics.length] as string,
    queueId: queueIds[Math.floor(i / topics.length) % queueIds.length] as number,
    body: base64(i % 11 === 0 ? '' : `body ${i} `.repeat(1 + ((i * 37) % 300))),
    properties: i % 9 === 8 ? '' : i % 5 === 4 ? text.slice(0, -1) : text,
    bornTimestamp: bornAt + i,
    flag: i * 1000 - 7,
    bornHost: hosts[i % 2] as string,
    storeHost: hosts[(i >> 1) % 2] as string,
  }
}

/** One that waits for its time: what its queue says of it is when that comes. */
export function delayedMessage(level: number): MessageToPut {
  return {
    topic: 'SCHEDULE_TOPIC_XXXX',
    queueId: Math.min(level, delayLevels) - 1,
    body: base64(`level ${level}`),
    properties: propertyText([
      ['DELAY', String(level)],
      ['TAGS', 'later'],
    ]),
    bornTimestamp: bornAt,
  }
}

/** Of RocketMQ's old transactions: neither has a place in its queue. */
export function messageOfTransaction(kind: 'prepared' | 'rollback'): MessageToPut {
  const flag = { prepared: sysFlag.transactionPrepared, rollback: sysFlag.transactionRollback }[kind]
  return { ...messageToPut(3), properties: propertyText([['KEYS', kind]]), sysFlag: flag }
}
