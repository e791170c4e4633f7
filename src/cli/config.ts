/** `holdfast config get | set | unset`: what holds for a topic, or for the broker, and changing it while it serves. */

import type { Command } from 'commander'
import type { BrokerService, ConfigEntry } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import type { ConfigAlteration } from '../core/settings-altering.js'
import { type FormatOptions, printRows, withFormat } from './formats.js'
import { printJson } from './output.js'
import { parsePair } from './settings-options.js'
import { onTarget, type TargetOptions, withTarget } from './target.js'

interface Options extends TargetOptions {
  readonly topic?: string
}

interface AlterOptions extends Options {
  readonly dryRun?: boolean
  readonly json?: boolean
}

export function configCommands(): (parent: Command) => void {
  return (parent) => {
    const config = parent.command('config').description('show and change what holds for a topic, or for the broker')
    withFormat(
      ofTopic(withTarget(config.command('get [name...]'))).description('values in force, and where they are from'),
    ).action(get)
    alters(config.command('set <name=value...>'), 'change entries, in force at once and after the next start').action(
      (pairs: readonly string[], options: AlterOptions) => alter(pairs.map(setting), options),
    )
    alters(config.command('unset <name...>'), 'let what held before, or holds for all topics, hold again').action(
      (names: readonly string[], options: AlterOptions) =>
        alter(
          names.map((name) => ({ name, operation: 'delete' })),
          options,
        ),
    )
  }
}

function ofTopic(command: Command): Command {
  return command.option('-t, --topic <name>', 'of this topic; of the broker where absent')
}

function alters(command: Command, what: string): Command {
  return ofTopic(withTarget(command))
    .description(what)
    .option('--dry-run', 'check it, and change nothing')
    .option('--json', 'print JSON')
}

function setting(text: string): ConfigAlteration {
  try {
    const [name, value] = parsePair(text)
    return { name, operation: 'set', value }
  } catch {
    throw new HoldfastError('INVALID_ARGUMENT', `${JSON.stringify(text)} sets nothing; it must be NAME=VALUE.`)
  }
}

async function get(names: readonly string[], options: Options & FormatOptions): Promise<void> {
  const entries = await onTarget(options, (service) => entriesOf(service, names, options.topic))
  const rows = entries.map(({ name, value, origin, isReadOnly }) => ({ name, value, origin, isReadOnly }))
  printRows(
    rows,
    [
      { head: 'NAME', of: ({ name }) => name },
      { head: 'VALUE', of: ({ value }) => value },
      { head: 'FROM', of: ({ origin }) => origin },
      {
        head: 'CHANGES',
        of: ({ isReadOnly }) => (isReadOnly ? (options.topic ? 'never' : 'at a start') : 'at once'),
        isExtra: true,
      },
    ],
    options,
  )
}

async function entriesOf(
  service: BrokerService,
  names: readonly string[],
  topic: string | undefined,
): Promise<readonly ConfigEntry[]> {
  const entries = await service.describeConfig(topic ?? null)
  if (names.length === 0) return entries
  return names.map((name) => {
    const entry = entries.find((each) => each.name === name)
    if (entry !== undefined) return entry
    const [what, how] =
      topic === undefined
        ? ['The broker', 'holdfast config get']
        : [`Topic ${topic}`, `holdfast config get -t ${topic}`]
    throw new HoldfastError('INVALID_ARGUMENT', `${what} has no setting ${name}; "${how}" shows all.`)
  })
}

async function alter(alterations: readonly ConfigAlteration[], options: AlterOptions): Promise<void> {
  const { topic, dryRun: validateOnly = false } = options
  const entries = await onTarget(options, async (service) => {
    const alteration = { alterations, validateOnly }
    await (topic === undefined ? service.alterBroker(alteration) : service.alterTopic(topic, alteration))
    return entriesOf(
      service,
      alterations.map(({ name }) => name),
      topic,
    )
  })
  if (options.json) {
    const config = Object.fromEntries(entries.map(({ name, value }) => [name, value]))
    printJson({ topic: topic ?? null, config, dryRun: validateOnly })
    return
  }
  if (validateOnly) process.stdout.write('It can be changed so; nothing was changed.\n')
  else for (const { name, value, origin } of entries) process.stdout.write(`${name}=${value} (${origin})\n`)
}
