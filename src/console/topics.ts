/** Topics: listed, shown, made, changed, grown and deleted. */

import type { ConfigEntry, TopicDescription } from '../broker/contract.js'
import { describeTopic } from '../client/topics.js'
import { uuidText } from '../core/randomness.js'
import { settingsTable, topicSettingNames } from '../core/settings.js'
import type { ConfigAlteration } from '../core/settings-altering.js'
import type { ConfigRow, Page, PartitionRow, TopicDetail, TopicRow } from './api-types.js'
import { fieldsOf, flagField, numberField, onlyFields, textField, textsField } from './bodies.js'
import type { ConsoleApp, ConsoleBroker, ConsoleTools } from './context.js'
import { namesOfPage, pageIn, partOf } from './parameters.js'
import { invalid } from './refusals.js'

/** Of a topic with more the first are shown. */
const mostPartitionRows = 1000
const mostGroups = 200

export function addTopics(app: ConsoleApp, { broker, limits }: ConsoleTools): void {
  app.get('/api/topics', async (c) => {
    const { total, offset, names } = namesOfPage(
      broker.stored.topics.map(({ name }) => name),
      pageIn(c),
    )
    const described = new Map((await broker.describeTopics(names)).map((topic) => [topic.name, topic]))
    const rows = names.flatMap((name) => described.get(name) ?? []).map((topic) => rowOf(broker, topic))
    return c.json<Page<TopicRow>>({ total, offset, rows: await Promise.all(rows) })
  })
  app.post('/api/topics', async (c) => {
    const fields = await fieldsOf(c)
    onlyFields(fields, ['name', 'partitions', 'config'])
    const name = textField(fields, 'name') ?? ''
    const partitions = numberField(fields, 'partitions', 1)
    await broker.createTopic({ name, partitions, config: textsField(fields, 'config', false) })
    return c.json(await detailOf(broker, name), 201)
  })
  app.get('/api/topics/:topic', async (c) => c.json(await limits.run(() => detailOf(broker, partOf(c, 'topic')))))
  app.delete('/api/topics/:topic', async (c) => {
    await broker.deleteTopic(partOf(c, 'topic'))
    return c.body(null, 204)
  })
  app.post('/api/topics/:topic/partitions', async (c) => {
    const fields = await fieldsOf(c)
    onlyFields(fields, ['partitions'])
    const partitions = numberField(fields, 'partitions', 1)
    if (partitions === undefined) throw invalid('Say how many partitions there are to be.')
    const name = partOf(c, 'topic')
    await broker.createPartitions(name, partitions)
    return c.json(await detailOf(broker, name))
  })
  app.patch('/api/topics/:topic/config', async (c) => {
    const fields = await fieldsOf(c)
    onlyFields(fields, ['config', 'preview'])
    const alterations = Object.entries(textsField(fields, 'config', true)).map(alterationOf)
    const name = partOf(c, 'topic')
    await broker.alterTopic(name, { alterations, validateOnly: flagField(fields, 'preview') })
    return c.json(await detailOf(broker, name))
  })
}

function alterationOf([name, value]: [string, string | null]): ConfigAlteration {
  return value === null ? { name, operation: 'delete' } : { name, operation: 'set', value }
}

async function rowOf(
  broker: ConsoleBroker,
  topic: TopicDescription,
  config?: readonly ConfigEntry[],
): Promise<TopicRow> {
  const { name, isInternal, partitions } = topic
  const entries = config ?? (await broker.describeConfig(name))
  const entryOf = (wanted: string) => entries.find((entry) => entry.name === wanted)?.value ?? ''
  return {
    name,
    internal: isInternal,
    layout: broker.stored.topics.find((known) => known.name === name)?.layout ?? 'segments',
    partitions: partitions.length,
    messages: partitions.reduce((sum, { logStartOffset, highWatermark }) => sum + highWatermark - logStartOffset, 0),
    sizeInBytes: partitions.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0),
    cleanupPolicy: entryOf('cleanup.policy'),
    failed: partitions.some(({ failure }) => failure !== undefined),
  }
}

/** @throws UNKNOWN_TOPIC_OR_PARTITION */
async function detailOf(broker: ConsoleBroker, name: string): Promise<TopicDetail> {
  const topic = await describeTopic(broker, name, false)
  const config = await broker.describeConfig(name)
  return {
    ...(await rowOf(broker, topic, config)),
    id: uuidText(topic.id),
    partitionRows: topic.partitions
      .slice(0, mostPartitionRows)
      .map(({ partition }) => partitionRow(broker, name, partition)),
    config: config.map(configRow),
    groups: await groupsOf(broker, name),
  }
}

function partitionRow(broker: ConsoleBroker, topic: string, partition: number): PartitionRow {
  const log = broker.stored.log(topic, partition)
  return {
    partition,
    logStartOffset: log?.logStartOffset ?? -1,
    highWatermark: log?.highWatermark ?? -1,
    lastStableOffset: log?.lastStableOffset ?? -1,
    durableOffset: log?.durableOffset ?? -1,
    logEndOffset: log?.logEndOffset ?? -1,
    sizeInBytes: log?.sizeInBytes ?? 0,
    failure: log?.failure?.message ?? null,
  }
}

function configRow({ name, value, origin, type, help, isReadOnly }: ConfigEntry): ConfigRow {
  const setting = topicSettingNames.get(name)
  const row = setting === undefined ? undefined : settingsTable[setting]
  return {
    name,
    value,
    origin,
    type: row?.type ?? type,
    help,
    readOnly: isReadOnly,
    ...(row !== undefined && 'min' in row && { min: row.min, max: row.max }),
    ...(row !== undefined && 'values' in row && { values: row.values }),
  }
}

/** The groups that have committed offsets of the topic. */
async function groupsOf(broker: ConsoleBroker, topic: string): Promise<string[]> {
  const { partitions } = await describeTopic(broker, topic, false)
  const places = partitions.map(({ partition }) => ({ topic, partition }))
  const found: string[] = []
  for (const { groupId } of (await broker.listGroups()).slice(0, mostGroups)) {
    if ((await broker.fetchOffsets(groupId, places)).length > 0) found.push(groupId)
  }
  return found
}
