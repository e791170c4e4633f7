/** `holdfast settings`: every setting with its bounds and meaning; on request also what is in force, and why. */

import { resolve } from 'node:path'
import type { Command } from 'commander'
import {
  describeSettings,
  originOf,
  originText,
  type SettingDescription,
  type SettingName,
  type Settings,
} from '../core/settings.js'
import { type Column, type FormatOptions, printRows, withFormat } from './formats.js'
import { type SettingsOptions, settingsOf, withSettings } from './settings-options.js'

interface Options extends SettingsOptions, FormatOptions {
  readonly data?: string
  readonly printFile?: boolean
}

interface InForce {
  readonly value?: string
  readonly from?: string
}

type Row = SettingDescription & InForce

export function settingsCommand(): (parent: Command) => void {
  return (parent) => {
    withFormat(
      withSettings(
        parent
          .command('settings')
          .description(
            'list every setting; with one of the other options, also the value in force and where it is from',
          )
          .option('-d, --data <dir>', 'as they hold for this data directory, which is not opened'),
      ).option('--print-file', 'print a holdfast.properties with a comment on each setting; what is not default holds'),
    ).action(list)
  }
}

async function list(options: Options): Promise<void> {
  const { config, profile, set, data, printFile } = options
  // Without a question about them, the sources are not read: the list is there also for who has to mend them.
  const isAsked = [config, profile, set, data].some((given) => given !== undefined)
  if (printFile) return printSettingsFile(isAsked ? await inForce(options) : undefined)
  if (isAsked) return printSettings(options)
  printRows<Row>(describeSettings(), [nameColumn, ...describingColumns], options)
}

/** Every setting with the value in force and where it is from, as `settings` and `serve --print-config` show them. */
export async function printSettings(options: SettingsOptions & FormatOptions & { data?: string }): Promise<void> {
  const values = await inForce(options)
  const rows: Row[] = describeSettings().map((row) => ({ ...row, ...values.get(row.name) }))
  printRows(rows, [nameColumn, ...valueColumns, ...describingColumns], options)
}

const nameColumn: Column<Row> = { head: 'SETTING', of: ({ name }) => name }

const valueColumns: readonly Column<Row>[] = [
  { head: 'VALUE', of: ({ value }) => value },
  { head: 'FROM', of: ({ from }) => from },
]

const describingColumns: readonly Column<Row>[] = [
  { head: 'TOPIC NAME', of: ({ topicName }) => topicName, isExtra: true },
  // As text, so that columns of numbers and words stand alike.
  { head: 'DEFAULT', of: (row) => row.default },
  { head: 'RANGE', of: ({ range }) => range, isExtra: true },
  { head: 'UNIT', of: ({ unit }) => unit, isExtra: true },
  { head: 'CHANGES', of: ({ live }) => (live ? 'at once' : 'at a start'), isExtra: true },
  { head: 'MEANING', of: ({ help }) => help },
]

async function printSettingsFile(values: ReadonlyMap<string, InForce> | undefined): Promise<void> {
  const { settingsFileText } = await import('../core/settings-file-text.js')
  const own = [...(values ?? [])].flatMap(([name, { value = '', from }]) =>
    from === 'default' || from?.startsWith('profile ') ? [] : [[name, value] as const],
  )
  process.stdout.write(settingsFileText(new Map(own)))
}

async function inForce(options: SettingsOptions & { data?: string }): Promise<ReadonlyMap<string, InForce>> {
  const given = await settingsOf(options)
  const { data } = options
  const [settings, logPath] = data === undefined ? [given] : await settingsIn(data, given)
  return new Map(
    (Object.keys(settings) as SettingName[]).map((name) => {
      const value = name === 'store.path.commitlog' && logPath !== undefined ? logPath : String(settings[name])
      return [name, { value, from: originText(originOf(settings, name)) }]
    }),
  )
}

/** With what was altered there while it was open, and the directory that store.path.commitlog comes down to. */
async function settingsIn(data: string, given: Settings): Promise<[settings: Settings, logPath: string]> {
  const [{ logPathOf }, { withAltered }, { nodeDisk }] = await Promise.all([
    import('../storage/data-directory.js'),
    import('../storage/altered-settings.js'),
    import('../files/node-disk.js'),
  ])
  return [await withAltered(nodeDisk, data, given), resolve(logPathOf(data, given))]
}
