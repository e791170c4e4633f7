/**
 * What `topics.json`, `subscriptionGroup.json` and `consumerOffset.json` of `store/config/` say. Fields that are not named
 * here stay as they are when an entry is put again.
 *
 * Source: Apache RocketMQ 5.3, TopicConfig, SubscriptionGroupConfig, ConsumerOffsetManager; docs/formats.md, "RocketMQ's
 * layout".
 */

import { HoldfastError } from '../../core/errors.js'
import type { JsonConfig } from './json-config.js'
import { formatJson, type JsonObject, type JsonValue } from './lenient-json.js'

export const configFiles = {
  topics: 'topics.json',
  groups: 'subscriptionGroup.json',
  offsets: 'consumerOffset.json',
} as const

/** Bits of `perm`. */
export const permission = { priority: 8, read: 4, write: 2, inherit: 1 } as const

export interface TopicConfig {
  readonly readQueueNums: number
  readonly writeQueueNums: number
  readonly perm: number
  readonly topicFilterType: string
  readonly topicSysFlag: number
  readonly order: boolean
}

export interface GroupConfig {
  readonly consumeEnable: boolean
  readonly consumeFromMinEnable: boolean
  readonly consumeBroadcastEnable: boolean
  readonly consumeMessageOrderly: boolean
  readonly retryQueueNums: number
  readonly retryMaxTimes: number
  readonly brokerId: number
  readonly whichBrokerWhenConsumeSlowly: number
  readonly notifyConsumerIdsChangedEnable: boolean
  readonly groupSysFlag: number
  readonly consumeTimeoutMinute: number
}

/** The queue offset of the next message that a group has not consumed. */
export interface ConsumerOffset {
  readonly topic: string
  readonly group: string
  readonly queueId: number
  readonly offset: number
}

/** What the original takes for a field that is missing. */
const topicDefaults: TopicConfig = {
  readQueueNums: 16,
  writeQueueNums: 16,
  perm: permission.read | permission.write,
  topicFilterType: 'SINGLE_TAG',
  topicSysFlag: 0,
  order: false,
}

const groupDefaults: GroupConfig = {
  consumeEnable: true,
  consumeFromMinEnable: true,
  consumeBroadcastEnable: true,
  consumeMessageOrderly: false,
  retryQueueNums: 1,
  retryMaxTimes: 16,
  brokerId: 0,
  whichBrokerWhenConsumeSlowly: 1,
  notifyConsumerIdsChangedEnable: true,
  groupSysFlag: 0,
  consumeTimeoutMinute: 15,
}

const topicTable = 'topicConfigTable'
const groupTable = 'subscriptionGroupTable'
const offsetTable = 'offsetTable'

/** The topics by name. @throws DATA_DIR_DAMAGED where a field is not of its kind */
export function topicsIn(config: JsonConfig): Map<string, TopicConfig> {
  return entriesOf(config, topicTable, topicDefaults)
}

/** Adds a topic, or changes the fields that are given; nothing is written before `JsonConfig.save`. */
export function putTopic(config: JsonConfig, topic: string, fields: Partial<TopicConfig>): void {
  put(config, topicTable, topic, { topicName: topic }, topicDefaults, fields)
}

/** False where there was none. */
export function removeTopicFrom(config: JsonConfig, topic: string): boolean {
  return tableOf(config, topicTable).delete(topic)
}

/** Whether there is an entry for a consumer group. */
export function hasGroup(config: JsonConfig, group: string): boolean {
  return tableOf(config, groupTable).has(group)
}

/** The consumer groups by name. @throws DATA_DIR_DAMAGED where a field is not of its kind */
export function groupsIn(config: JsonConfig): Map<string, GroupConfig> {
  return entriesOf(config, groupTable, groupDefaults)
}

/** Adds a group, or changes the fields that are given; nothing is written before `JsonConfig.save`. */
export function putGroup(config: JsonConfig, group: string, fields: Partial<GroupConfig>): void {
  put(config, groupTable, group, { groupName: group }, groupDefaults, fields)
}

/** Removes a group whose entry says no more than one that was just put; false where it does, or there is none. */
export function removePlainGroup(config: JsonConfig, group: string): boolean {
  const groups = tableOf(config, groupTable)
  const plain = formatJson(newEntry({ groupName: group }, groupDefaults))
  return formatJson(groups.get(group) ?? null) === plain && groups.delete(group)
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

/**
 * Lets a group have these offsets by queue in a topic, and no others; false where they were the same. Nothing is written
 * before `JsonConfig.save`.
 */
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

type Fields<T> = { readonly [Field in keyof T]: number | string | boolean }

function entriesOf<T extends Fields<T>>(config: JsonConfig, table: string, defaults: T): Map<string, T> {
  const entries = new Map<string, T>()
  for (const [name, value] of tableOf(config, table)) {
    const found = objectAt(config, `${table}.${name}`, value)
    const fields = Object.entries<number | string | boolean>(defaults).map(([field, missing]) => {
      const given = found.get(field) ?? missing
      if (typeof given !== typeof missing)
        throw damaged(config, `${table}.${name}.${field}`, given, `a ${typeof missing}`)
      return [field, given]
    })
    entries.set(name, Object.fromEntries(fields) as T)
  }
  return entries
}

function put<T extends Fields<T>>(
  config: JsonConfig,
  table: string,
  name: string,
  names: Readonly<Record<string, string>>,
  defaults: T,
  fields: Partial<T>,
): void {
  const entries = tableOf(config, table)
  const known = entries.get(name)
  const entry: JsonObject =
    known === undefined ? newEntry(names, defaults) : objectAt(config, `${table}.${name}`, known)
  for (const [field, value] of Object.entries(fields)) entry.set(field, value as JsonValue)
  entries.set(name, entry)
}

function newEntry<T extends Fields<T>>(names: Readonly<Record<string, string>>, defaults: T): JsonObject {
  return new Map<string, JsonValue>([
    ['attributes', new Map()],
    ...Object.entries<JsonValue>({ ...defaults, ...names }),
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
