/** `holdfast export`: gives the logs of a data directory that nobody serves to an Apache Kafka broker that is stopped. */

import type { Command } from 'commander'
import { systemClock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { systemRandomness } from '../core/randomness.js'
import type { ExportHow, ExportReport } from '../storage/export/contract.js'
import { printJson } from './output.js'
import { progressOnTerminal, sizeText } from './progress.js'
import { collectTexts, type SettingsOptions, settingsOf, withSettings } from './settings-options.js'

interface Options extends SettingsOptions {
  readonly data: string
  readonly kafkaLogDir?: readonly string[]
  readonly topic?: readonly string[]
  readonly copy?: boolean
  readonly move?: boolean
  /** False where `--no-groups` is given. */
  readonly groups: boolean
  readonly dryRun?: boolean
  readonly printCommands?: boolean
  readonly bootstrapServer: string
  readonly json?: boolean
}

export function exportCommand(): (parent: Command) => void {
  return (parent) => {
    withSettings(
      parent
        .command('export')
        .description('give topics to a stopped Apache Kafka broker (KRaft), which takes their files as its own')
        .option('-d, --data <dir>', 'the data directory, which nobody serves', './data')
        .option('-k, --kafka-log-dir <dir>', 'a log.dir of the broker; repeat it where it has several', collectTexts),
    )
      .option('-t, --topic <name>', 'only this topic, may be repeated', collectTexts)
      .option('--copy', 'copy all files; without, sealed segments get a second name where that is the same disk')
      .option('--move', 'take the topics out of the data directory when Kafka has them')
      .option('--no-groups', 'leave the groups and their offsets behind')
      .option('--dry-run', 'say what would be done, and change nothing')
      .option('--print-commands', "print the commands that create the topics in Kafka, for Kafka's shell scripts")
      .option('--bootstrap-server <host:port>', 'where Kafka runs while the commands do', 'localhost:9092')
      .option('--json', 'print JSON')
      .addHelpText(
        'after',
        `
In this order: create the topics in the running Kafka (--print-commands), stop Kafka and Holdfast, export, start Kafka.
A run that was interrupted is run again. Kafka must be able to read and write the files: run it as Kafka's user.
Not taken along: topics in the commit log, and what is remembered of producers and transactional ids.`,
      )
      .action(run)
  }
}

async function run(options: Options): Promise<void> {
  if (options.printCommands) return printCommands(options)
  const { kafkaLogDir = [], copy, move, data, topic, groups, dryRun } = options
  if (kafkaLogDir.length === 0)
    throw new HoldfastError('INVALID_ARGUMENT', 'Say where Kafka keeps its logs: --kafka-log-dir DIR.')
  if (copy && move) throw new HoldfastError('INVALID_ARGUMENT', 'Say --copy or --move, not both.')
  const how: ExportHow = copy ? 'copy' : move ? 'move' : 'link'
  const [{ exportToKafka }, { nodeDisk }, { carryGroups }, { partitionOfId }, settings] = await Promise.all([
    import('../storage/export/kafka-export.js'),
    import('../files/node-disk.js'),
    import('../broker/groups/carrying-out.js'),
    import('../broker/internal-log.js'),
    settingsOf(options),
  ])
  const line = progressOnTerminal()
  const report = await exportToKafka(data, {
    disk: nodeDisk,
    clock: systemClock,
    randomness: systemRandomness,
    settings,
    kafkaLogDirs: kafkaLogDir,
    topics: topic,
    how,
    dryRun,
    groups: groups ? { read: carryGroups, partitionOf: partitionOfId } : undefined,
    onProgress: (doneBytes, totalBytes) => line.show({ doing: 'Exporting', doneBytes, totalBytes }),
  }).finally(line.clear)
  if (options.json) printJson(report)
  else print(report)
}

function print({ dryRun, partitions, groups, moved }: ExportReport): void {
  const words = { exported: dryRun ? 'would be exported' : 'exported', there: 'was there already', empty: 'is empty' }
  for (const one of partitions) {
    const { topic, partition, state, logStartOffset, endOffset, sizeInBytes, copiedBytes, loweredEpochs } = one
    const copied = dryRun || state !== 'exported' ? '' : `, of which ${sizeText(copiedBytes)} were copied`
    const epochs = loweredEpochs ? ', with lower leader epochs' : ''
    process.stdout.write(
      `${topic}-${partition} ${words[state]}: offsets ${logStartOffset} to ${endOffset}, ${sizeText(sizeInBytes)}${copied}${epochs}\n`,
    )
  }
  process.stdout.write(`${groups} groups ${dryRun ? 'would go' : 'went'} along.\n`)
  if (moved) process.stdout.write('The topics are taken out of the data directory.\n')
  if (dryRun) process.stdout.write('Nothing was changed.\n')
}

async function printCommands({ data, topic, groups, bootstrapServer, ...options }: Options): Promise<void> {
  const [{ createCommands }, { exportableTopics, sourceDirectory }, { nodeDisk }, settings] = await Promise.all([
    import('../storage/export/create-commands.js'),
    import('../storage/export/source.js'),
    import('../files/node-disk.js'),
    settingsOf(options),
  ])
  const { topics, unknown } = await exportableTopics(nodeDisk, await sourceDirectory(nodeDisk, data, settings), topic)
  if (unknown.length > 0)
    throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${unknown.join(', ')} in ${data}.`)
  const inSegments = topics.filter(({ layout }) => layout !== 'commitlog')
  const commands = createCommands(inSegments, settings, { bootstrapServer, withGroups: groups })
  if (options.json) printJson(commands)
  else process.stdout.write(commands.map((command) => `${command}\n`).join(''))
  for (const { name } of topics.filter((one) => one.layout === 'commitlog'))
    process.stderr.write(`${name} lies in the commit log and cannot be exported.\n`)
}
