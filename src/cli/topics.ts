/** `holdfast topics list | create | partitions | alter | delete | compact | describe` */

import type { Command } from 'commander'
import type { BrokerService, PartitionDescription, TopicDescription } from '../broker/contract.js'
import { measureSpace, type Space } from '../client/space.js'
import { TopicsClient } from '../client/topics.js'
import { HoldfastError } from '../core/errors.js'
import { uuidText } from '../core/randomness.js'
import type { ConfigAlteration } from '../core/settings-altering.js'
import { type FollowOptions, following, withFollow } from './following.js'
import { type FormatOptions, printRows, printTable, withFormat } from './formats.js'
import { printJson } from './output.js'
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
  readonly dryRun?: boolean
}

export function topicCommands(): (parent: Command) => void {
  return (parent) => {
    const topics = parent
      .command('topics')
      .description('list, create, grow, alter, delete, compact and describe topics')
    withFollow(withFormat(withTarget(topics.command('list')).description('topics with their sizes'))).action(list)
    withTarget(topics.command('create <name>'), '--config-file')
      .description('create a topic')
      .option('-p, --partitions <n>', 'number of partitions', wholeNumber(1))
      .option('-c, --config <name=value>', 'configuration of the topic, may be repeated', collectPairs)
      .option('--json', 'print JSON')
      .action(create)
    withTarget(topics.command('partitions <name> <count>'))
      .description('let a topic grow to so many partitions; keys of later messages spread over all of them')
      .option('--dry-run', 'check it, and change nothing')
      .option('--json', 'print JSON')
      .action(grow)
    withTarget(topics.command('alter <name>'), '--config-file')
      .description('change the configuration of a topic, in force at once')
      .option('-c, --config <name=value>', 'set an entry, may be repeated', collectPairs)
      .option('--delete-config <name>', 'let what holds for all topics hold again, may be repeated', collectTexts)
      .option('--dry-run', 'check it, and change nothing')
      .option('--json', 'print JSON')
      .action(alter)
    withTarget(topics.command('delete <name...>'))
      .description('delete topics and their messages')
      .option('--dry-run', 'say what would go, and delete nothing')
      .option('--json', 'print JSON')
      .action(remove)
    withFormat(
      withTarget(topics.command('compact <name>')).description(
        'compact a topic of a folder now, active segments included',
      ),
    ).action(compact)
    withTarget(topics.command('describe <name>'))
      .description('partitions, offsets and configuration')
      .option('--json', 'print JSON')
      .action(describe)
  }
}

async function list(options: Options & FormatOptions & FollowOptions): Promise<void> {
  await onTarget(options, (service) =>
    following(options, async () => {
      const topics = await service.describeTopics(null)
      const rows = [...topics]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((topic) => ({ name: topic.name, ...totals(topic) }))
      printRows(
        rows,
        [
          { head: 'TOPIC', of: ({ name }) => name },
          { head: 'PARTITIONS', of: ({ partitions }) => partitions },
          { head: 'MESSAGES', of: ({ messages }) => messages },
        ],
        options,
      )
    }),
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

async function grow(name: string, text: string, options: Options & { dryRun?: boolean }): Promise<void> {
  const partitions = countOf(text)
  const { dryRun: validateOnly = false } = options
  await onTarget(options, (service) => service.createPartitions(name, partitions, { validateOnly }))
  if (options.json) printJson({ name, partitions, dryRun: validateOnly })
  else process.stdout.write(`Topic ${name} ${validateOnly ? 'can get' : 'has'} ${partitions} partitions.\n`)
}

function countOf(text: string): number {
  try {
    return wholeNumber(1)(text)
  } catch (error) {
    throw new HoldfastError('INVALID_ARGUMENT', `${text} is no number of partitions. ${(error as Error).message}`)
  }
}

async function compact(name: string, options: Options & FormatOptions): Promise<void> {
  const partitions = await onTarget(options, (service) => new TopicsClient(service, () => {}).compact(name))
  printRows(
    partitions,
    [
      { head: 'PARTITION', of: ({ partition }) => partition },
      { head: 'BYTES BEFORE', of: ({ bytesBefore }) => bytesBefore },
      { head: 'BYTES AFTER', of: ({ bytesAfter }) => bytesAfter },
    ],
    options,
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
  const validateOnly = options.dryRun ?? false
  const entries = await onTarget({ ...options, config: configFile }, async (service) => {
    await service.alterTopic(name, { alterations, validateOnly })
    return service.describeConfig(name)
  })
  const own = entries.filter(({ origin }) => origin === 'topic')
  if (validateOnly) {
    if (options.json) printJson({ name, alterations, dryRun: true })
    else process.stdout.write(`Topic ${name} can be altered so; nothing was changed.\n`)
  } else if (options.json) {
    printJson({ name, config: Object.fromEntries(own.map((entry) => [entry.name, entry.value])) })
  } else {
    const shown = own.map((entry) => `${entry.name}=${entry.value}`).join(', ')
    process.stdout.write(`Altered topic ${name}: ${shown === '' ? 'it says nothing for itself' : shown}.\n`)
  }
}

async function remove(names: readonly string[], options: Options & { dryRun?: boolean }): Promise<void> {
  await onTarget(options, async (service) => {
    if (options.dryRun) return wouldDelete(service, names, options)
    for (const name of names) {
      await service.deleteTopic(name)
      if (options.json) printJson({ name, deleted: true })
      else process.stdout.write(`Deleted topic ${name}.\n`)
    }
  })
}

async function wouldDelete(service: BrokerService, names: readonly string[], { json }: Options): Promise<void> {
  for (const name of names) {
    const { partitions, messages } = totals(await existing(service, name))
    if (json) printJson({ name, deleted: false, partitions, messages })
    else process.stdout.write(`Would delete topic ${name}: ${messages} messages in ${partitions} partitions.\n`)
  }
}

async function existing(service: BrokerService, name: string): Promise<TopicDescription> {
  const [found] = await service.describeTopics([name])
  if (found !== undefined) return found
  const why = `There is no topic ${name}; "holdfast topics list" shows which there are.`
  throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', why)
}

async function describe(name: string, options: Options): Promise<void> {
  const { topic, config, space } = await onTarget(options, async (service) => {
    const found = await existing(service, name)
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
  printTable(
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
  printTable(
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
