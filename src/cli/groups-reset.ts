/** `holdfast groups reset`: where a group goes on, shown before it is changed. */

import { type Command, InvalidArgumentError } from 'commander'
import { type ResetTarget, resetOffsets } from '../client/resetting-offsets.js'
import { type FormatOptions, isForPeople, printRows, withFormat } from './formats.js'
import { parseTime } from './message-lines.js'
import { onTarget, type TargetOptions, wholeNumber, withTarget } from './target.js'

interface Options extends TargetOptions, FormatOptions {
  readonly topic: string
  readonly partition?: number
  readonly to: ResetTarget
  readonly dryRun?: boolean
}

export function resetCommand(groups: Command): void {
  withFormat(
    withTarget(groups.command('reset <group>'))
      .description('let a group without members go on elsewhere in a topic; --dry-run shows where')
      .requiredOption('-t, --topic <name>', 'the topic')
      .option('-p, --partition <n>', 'only this partition', wholeNumber(0))
      .requiredOption('--to <where>', 'earliest, latest, an offset, or @TIME (ms since 1970, or ISO 8601)', parseTarget)
      .option('--dry-run', 'show what would change, and change nothing'),
  ).action(reset)
}

function parseTarget(text: string): ResetTarget {
  if (text === 'earliest' || text === 'latest') return text
  if (/^\d+$/.test(text)) return { offset: Number(text) }
  const time = text.startsWith('@') ? parseTime(text.slice(1)) : Number.NaN
  if (Number.isNaN(time)) throw new InvalidArgumentError('It must be earliest, latest, an offset, or @TIME.')
  return { time }
}

async function reset(group: string, options: Options): Promise<void> {
  const { topic, partition, to, dryRun: preview } = options
  const rows = await onTarget(options, (service) => resetOffsets(service, group, { topic, partition, to, preview }))
  printRows(
    rows,
    [
      { head: 'TOPIC', of: (row) => row.topic },
      { head: 'PARTITION', of: (row) => row.partition },
      { head: 'FROM', of: (row) => row.from },
      { head: 'TO', of: (row) => row.to },
    ],
    options,
  )
  if (!isForPeople(options)) return
  process.stdout.write(
    preview ? '\nNothing was changed; without --dry-run it is.\n' : `\nGroup ${group} goes on from there.\n`,
  )
}
