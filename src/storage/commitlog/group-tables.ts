/**
 * What `subscriptionGroup.json` and `consumerOffset.json` of `store/config/` say: the tables in them, and their entries.
 * Nothing is written before `JsonConfig.save`.
 *
 * Source: Apache RocketMQ 5.3, SubscriptionGroupConfig, ConsumerOffsetManager; docs/formats.md, "RocketMQ's layout".
 */

import { HoldfastError } from '../../core/errors.js'
import type { JsonConfig } from './json-config.js'
import { formatJson, type JsonObject, type JsonValue } from './lenient-json.js'

/** The queue offset of the next message that a group has not consumed. */
export interface ConsumerOffset {
  readonly topic: string
  readonly group: string
  readonly queueId: number
  readonly offset: number
}

const groupTable = 'subscriptionGroupTable'
const offsetTable = 'offsetTable'

/** Whether there is an entry for a consumer group. */
export function hasGroup(config: JsonConfig, group: string): boolean {
  return tableOf(config, groupTable).has(group)
}

/** Lets a group have an entry that says what the original takes for granted. */
export function putPlainGroup(config: JsonConfig, group: string): void {
  tableOf(config, groupTable).set(group, plainGroup(group))
}

/** Removes a group whose entry says no more than one that was just put; false where it does, or there is none. */
export function removePlainGroup(config: JsonConfig, group: string): boolean {
  const groups = tableOf(config, groupTable)
  return formatJson(groups.get(group) ?? null) === formatJson(plainGroup(group)) && groups.delete(group)
}

/** All committed offsets. Keys that are not `topic@group` are left alone. @throws DATA_DIR_DAMAGED where an offset is none */
export function consumerOffsetsIn(config: JsonConfig): ConsumerOffset[] {
  return [...tableOf(config, offsetTable)].flatMap(([key, value]) => {
    const [topic, group, ...rest] = key.split('@')
    if (group === undefined || rest.length > 0) return []
    return [...objectAt(config, `${offsetTable}.${key}`, value)].map(([id, offset]) => {
      const queueId = Number(id)
      const isSound = /^\d+$/.test(id) && Number.isSafeInteger(queueId) && Number.isSafeInteger(offset)
      if (!isSound) throw damaged(config, `${offsetTable}.${key}.${id}`, offset, 'the offset of a queue')
      return { topic, group, queueId, offset: Number(offset) }
    })
  })
}

/** Lets a group have these offsets by queue in a topic, and no others; false where they were the same. */
export function setConsumerOffsets(
  config: JsonConfig,
  topic: string,
  group: string,
  offsets: ReadonlyMap<number, number>,
): boolean {
  const table = tableOf(config, offsetTable)
  const key = `${topic}@${group}`
  const before = objectAt(config, `${offsetTable}.${key}`, table.get(key) ?? new Map())
  const after: JsonObject = new Map([...offsets].map(([queueId, offset]) => [String(queueId), offset]))
  if (after.size === before.size && [...after].every(([id, offset]) => before.get(id) === offset)) return false
  if (after.size === 0) table.delete(key)
  else table.set(key, after)
  return true
}

function plainGroup(groupName: string): JsonObject {
  return new Map<string, JsonValue>([
    ['attributes', new Map()],
    ['brokerId', 0],
    ['consumeBroadcastEnable', true],
    ['consumeEnable', true],
    ['consumeFromMinEnable', true],
    ['consumeMessageOrderly', false],
    ['consumeTimeoutMinute', 15],
    ['groupName', groupName],
    ['groupSysFlag', 0],
    ['notifyConsumerIdsChangedEnable', true],
    ['retryMaxTimes', 16],
    ['retryQueueNums', 1],
    ['whichBrokerWhenConsumeSlowly', 1],
  ])
}

/** The table of that name, made where there is none. */
function tableOf(config: JsonConfig, name: string): JsonObject {
  const table = objectAt(config, name, config.root.get(name) ?? new Map())
  config.root.set(name, table)
  return table
}

function objectAt(config: JsonConfig, place: string, value: JsonValue): JsonObject {
  if (value instanceof Map) return value
  throw damaged(config, place, value, 'an object')
}

function damaged({ path }: JsonConfig, place: string, value: JsonValue | undefined, what: string): HoldfastError {
  const shown = value instanceof Map || Array.isArray(value) ? 'a list or an object' : String(value)
  return new HoldfastError('DATA_DIR_DAMAGED', `${path}: ${place} is ${shown}, not ${what}. Mend it by hand.`)
}
