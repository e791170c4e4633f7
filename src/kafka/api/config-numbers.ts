/**
 * The numbers that Kafka gives to what has a configuration, where an entry comes from, what type it has, and how it is
 * changed (ConfigResource.java, DescribeConfigsResponse.java, AlterConfigOp.java).
 */

import type { ConfigEntry } from '../../broker/contract.js'
import { type SettingName, settingsTable } from '../../core/settings.js'

export const topicResource = 2
export const brokerResource = 4
export const configSource = { topic: 1, altered: 2, broker: 4, default: 5 } as const
export const configType = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 } as const

/** By the number of the operation. */
export const operations = ['set', 'delete', 'append', 'subtract'] as const

const int32Max = 2 ** 31 - 1

export function sourceOf({ origin }: ConfigEntry): number {
  return configSource[origin]
}

export function typeOf({ type, name, synonym }: ConfigEntry): number {
  if (type === 'boolean') return configType.boolean
  if (type === 'double') return configType.double
  if (type === 'list') return configType.list
  if (type === 'string') return configType.string
  const row = settingsTable[(synonym ?? name) as SettingName]
  return row !== undefined && 'max' in row && Number(row.max) > int32Max ? configType.long : configType.int
}
