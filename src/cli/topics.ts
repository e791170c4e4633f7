/** `holdfast topics list | create | alter | delete | describe` */

import type { Command } from 'commander'
import type { PartitionDescription, TopicDescription } from '../broker/contract.js'
import { measureSpace, type Space } from '../client/space.js'
import { TopicsClient } from '../client/topics.js'
import { HoldfastError } from '../core/errors.js'
import { uuidText } from '../core/randomness.js'
import type { ConfigAlteration } from '../core/settings-altering.js'
import { printJson, printTable } from './output.js'
import { collectPairs, collectTexts } from './settings-options.js'
import { onTarget, type TargetOptions, wholeNumber, withTarget } from './target.js'

interface Options extends TargetOptions {
  readonly json?: boolean
}

/** `--config` is the topic's here, as in Kafka's own tool, so the settings file has another name. */
interface CreateOptions extends Omit<Options, 'config'> {
  readonly partitions?: number
  readonly config?: Record<string, string>
  readonly configFile?: string
}

interface AlterOptions extends Omit<CreateOptions, 'partitions'> {
  readonly deleteConfig?: readonly string[]
}

export function topicCommands(): (parent: Command) => void {
  return (parent) => {
    const topics = parent.command('topics').description('list, create, alter, delete and describe topics')
    withTarget(topics.command('list'))
      .description('topics with their sizes')
      .option('--json', 'print JSON')
      .action(list)
    withTarget(topics.command('create <name>'), '--config-file')
      .description('create a topic')
      .option('-p, --partitions <n>', 'number of partitions', wholeNumber(1))
      .option('-c, --config <name=value>', 'configuration of the topic, may be repeated', collectPairs)
      .option('--json', 'print JSON')
      .action(create)
    withTarget(topics.command('alter <name>'), '--config-file')
      .description('change the configuration of a topic, in force at once')
      .option('-c, --config <name=value>', 'set an entry, may be repeated', collectPairs)
      .option('--delete-config <name>', 'let what holds for all topics hold again, may be repeated', collectTexts)
      .option('--json', 'print JSON')
      .action(alter)
    withTarget(topics.command('delete <name...>')).description('delete topics and their messages').action(remove)
    withTarget(topics.command('compact <name>'))
      .description('compact a topic of a folder now, active segments included')
      .option('--json', 'print JSON')
      .action(compact)
    withTarget(topics.command('describe <name>'))
      .description('partitions, offsets and configuration')
      .option('--json', 'print JSON')
      .action(describe)
  }
}

async function list(options: Options): Promise<void> {
  const topics = await onTarget(options, (service) => service.describeTopics(null))
  const rows = [...topics]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((topic) => ({ name: topic.name, ...totals(topic) }))
  if (options.json) printJson(rows)
  else
    await printTable(
      ['TOPIC', 'PARTITIONS', 'MESSAGES'],
      rows.map((row) => [row.name, row.partitions, row.messages]),
    )
}

async function create(name: string, options: CreateOptions): Promise<void> {
  const { partitions, config, configFile } = options
  const topic = await onTarget({ ...options, config: configFile }, (service) =>
    service.createTopic({ name, partitions, config }),
  )
  if (options.json) printJson({ name: topic.name, id: uuidText(topic.id), partitions: topic.partitions.length })
  else
    process.stdout.write(
      `Created topic ${topic.name} with ${topic.partitions.length} partition${topic.partitions.length === 1 ? '' : 's'}.\n`,
    )
}

async function compact(name: string, options: Options): Promise<void> {
  const partitions = await onTarget(options, (service) => new TopicsClient(service, () => {}).compact(name))
  if (options.json) printJson(partitions)
  else
    await printTable(
      ['PARTITION', 'BYTES BEFORE', 'BYTES AFTER'],
      partitions.map(({ partition, bytesBefore, bytesAfter }) => [partition, bytesBefore, bytesAfter]),
    )
}

async function alter(name: string, options: AlterOptions): Promise<void> {
  const { config = {}, deleteConfig = [], configFile } = options
  const alterations: ConfigAlteration[] = [
    ...Object.entries(config).map(([entry, value]) => ({ name: entry, operation: 'set' as const, value })),
    ...deleteConfig.map((entry) => ({ name: entry, operation: 'delete' as const })),
  ]
  if (alterations.length === 0) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      'There is nothing to alter: give --config NAME=VALUE or --delete-config NAME.',
    )
  }
  const entries = await onTarget({ ...options, config: configFile }, async (service) => {
    await service.alterTopic(name, { alterations })
    return service.describeConfig(name)
  })
  const own = entries.filter(({ origin }) => origin === 'topic')
  if (options.json) printJson({ name, config: Object.fromEntries(own.map((entry) => [entry.name, entry.value])) })
  else {
    const shown = own.map((entry) => `${entry.name}=${entry.value}`).join(', ')
    process.stdout.write(`Altered topic ${name}: ${shown === '' ? 'it says nothing for itself' : shown}.\n`)
  }
}

async function remove(names: readonly string[], options: Options): Promise<void> {
  await onTarget(options, async (service) => {
    for (const name of names) {
      await service.deleteTopic(name)
      process.stdout.write(`Deleted topic ${name}.\n`)
    }
  })
}

async function describe(name: string, options: Options): Promise<void> {
  const { topic, config, space } = await onTarget(options, async (service) => {
    const [found] = await service.describeTopics([name])
    if (found === undefined)
      throw new HoldfastError(
        'UNKNOWN_TOPIC_OR_PARTITION',
        `There is no topic ${name}; "holdfast topics list" shows which there are.`,
      )
    return { topic: found, config: await service.describeConfig(name), space: await measureSpace(service, found) }
  })
  if (options.json) {
    const partitions = topic.partitions.map(({ failure, ...partition }) => ({
      ...partition,
      failure: failure?.message,
    }))
    printJson({ name: topic.name, id: uuidText(topic.id), isInternal: topic.isInternal, partitions, space, config })
    return
  }
  process.stdout.write(`${topic.name}  id ${uuidText(topic.id)}\n\n`)
  await printTable(
    ['PARTITION', 'FIRST OFFSET', 'NEXT OFFSET', 'STORED', 'UNCOMPRESSED', 'STATE'],
    topic.partitions.map((row, index) => [
      row.partition,
      row.logStartOffset,
      row.highWatermark,
      ...bytesOf(space.partitions[index]),
      stateOf(row),
    ]),
  )
  process.stdout.write(`\n${spaceSentence(space)}\n`)
  process.stdout.write('\n')
  await printTable(
    ['CONFIGURATION', 'VALUE', 'FROM'],
    config.map((entry) => [entry.name, entry.value, entry.origin]),
  )
}

/** A broker elsewhere does not tell over the wire whether a log is sound; it does not tell its size either. */
function stateOf({ failure, sizeInBytes }: PartitionDescription): string {
  return failure?.message ?? (sizeInBytes < 0 ? '-' : 'ok')
}

/** Sizes in bytes, where they are known. */
function bytesOf({ storedBytes, uncompressedBytes }: Space): (string | number)[] {
  return storedBytes < 0 ? ['-', '-'] : [storedBytes, uncompressedBytes]
}

function spaceSentence({ storedBytes, uncompressedBytes, ratio, sampled }: Space): string {
  if (ratio === undefined) return 'Compression: nothing is stored.'
  const seen = Object.entries(sampled).map(([codec, count]) => `${count} ${codec}`)
  const bytes = storedBytes < 0 ? '' : `${uncompressedBytes} bytes stored in ${storedBytes}, `
  return `Compression: ${bytes}${ratio.toFixed(2)} to 1, by a look at batches: ${seen.join(', ')}.`
}

function totals({ partitions }: TopicDescription): { partitions: number; messages: number } {
  const messages = partitions.reduce((sum, row) => sum + Math.max(0, row.highWatermark - row.logStartOffset), 0)
  return { partitions: partitions.length, messages }
}
