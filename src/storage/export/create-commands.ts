/** The commands that create in Kafka what an export will fill: topics with as many partitions, and what they say of themselves. */

import type { Settings } from '../../core/settings.js'
import type { SettingRow } from '../../core/settings-rows.js'
import { settingsTable } from '../../core/settings-table.js'
import { offsetsTopicName } from '../internal-topics.js'
import { settingsOf, type Topic } from '../topic-catalog.js'
import { offsetsTopicConfig, offsetsTopicPartitions } from './group-logs.js'

/** What a topic of Kafka's can say for itself and one of ours too, with Kafka's default. */
const kafkaDefaults: Readonly<Partial<Record<string, string>>> = {
  'cleanup.policy': 'delete',
  'compression.type': 'producer',
  'compression.gzip.level': '-1',
  'compression.zstd.level': '3',
  'delete.retention.ms': '86400000',
  'index.interval.bytes': '4096',
  'max.compaction.lag.ms': '9223372036854775807',
  'max.message.bytes': '1048588',
  'message.timestamp.after.max.ms': '3600000',
  'message.timestamp.before.max.ms': '9223372036854775807',
  'message.timestamp.type': 'CreateTime',
  'min.cleanable.dirty.ratio': '0.5',
  'min.compaction.lag.ms': '0',
  'retention.bytes': '-1',
  'retention.ms': '604800000',
  'segment.bytes': '1073741824',
  'segment.index.bytes': '10485760',
  'segment.ms': '604800000',
}

/** The greatest number here, where Kafka counts in 64 bits. */
const unlimited = String(Number.MAX_SAFE_INTEGER)
const kafkaUnlimited = '9223372036854775807'

/** A shell line each. @param withGroups the topic of the groups too */
export function createCommands(
  topics: readonly Topic[],
  store: Settings,
  { bootstrapServer, withGroups }: { bootstrapServer: string; withGroups: boolean },
): string[] {
  const lines = topics.map((topic) =>
    commandFor(topic.name, topic.partitions, configFor(topic, store), bootstrapServer),
  )
  if (!withGroups) return lines
  return [...lines, commandFor(offsetsTopicName, offsetsTopicPartitions, offsetsTopicConfig, bootstrapServer)]
}

/** What holds for the topic here and is not what Kafka would take by itself; what only we know is left out. */
function configFor(topic: Topic, store: Settings): Record<string, string> {
  const settings = settingsOf(topic, store)
  const config: Record<string, string> = {}
  for (const [name, { topic: topicName = '' }] of Object.entries(settingsTable) as [keyof Settings, SettingRow][]) {
    const byDefault = kafkaDefaults[topicName]
    const value = textOf(settings[name])
    if (byDefault !== undefined && value !== byDefault) config[topicName] = value
  }
  return config
}

function textOf(value: unknown): string {
  const text = Array.isArray(value) ? value.join(',') : String(value)
  return text === unlimited ? kafkaUnlimited : text
}

function commandFor(
  name: string,
  partitions: number,
  config: Readonly<Record<string, string>>,
  bootstrapServer: string,
): string {
  const configs = Object.entries(config).map(([key, value]) => `--config ${key}=${quoted(value)}`)
  const parts = [
    `kafka-topics.sh --bootstrap-server ${bootstrapServer} --create --if-not-exists --topic ${name}`,
    `--partitions ${partitions} --replication-factor 1`,
    ...configs,
  ]
  return parts.join(' ')
}

function quoted(value: string): string {
  return value.includes(',') ? `'${value}'` : value
}
