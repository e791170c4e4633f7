/** `holdfast settings`: every setting with its bounds and meaning; on request also what is in force, and why. */

import { resolve } from 'node:path'
import type { Command } from 'commander'
import { describeSettings, originOf, originText, type SettingName, type Settings } from '../core/settings.js'
import { printJson, printTable } from './output.js'
import { type SettingsOptions, settingsOf, withSettings } from './settings-options.js'

interface Options extends SettingsOptions {
  readonly data?: string
  readonly json?: boolean
}

export function settingsCommand(): (parent: Command) => void {
  return (parent) => {
    withSettings(
      parent
        .command('settings')
        .description('list every setting; with one of the other options, also the value in force and where it is from')
        .option('-d, --data <dir>', 'as they hold for this data directory, which is not opened'),
    )
      .option('--json', 'print JSON')
      .action(list)
  }
}

async function list(options: Options): Promise<void> {
  const { config, profile, set, data } = options
  // Without a question about them, the sources are not read: the list is there also for who has to mend them.
  const isAsked = [config, profile, set, data].some((given) => given !== undefined)
  const inForce = isAsked ? await valuesInForce(options) : undefined
  const rows = describeSettings().map((row) => ({ ...row, ...inForce?.get(row.name) }))
  if (options.json) {
    printJson(rows)
    return
  }
  const shownInForce = inForce === undefined ? [] : ['VALUE', 'FROM']
  await printTable(
    ['SETTING', ...shownInForce, 'TOPIC NAME', 'DEFAULT', 'RANGE', 'UNIT', 'MEANING'],
    rows.map((row) => [
      row.name,
      ...(inForce === undefined ? [] : [row.value || '-', row.from ?? '-']),
      row.topicName ?? '-',
      row.default || '-',
      row.range,
      row.unit ?? '-',
      row.help,
    ]),
  )
}

interface InForce {
  readonly value?: string
  readonly from?: string
}

async function valuesInForce(options: Options): Promise<ReadonlyMap<string, InForce>> {
  const settings = await settingsOf(options)
  const logPath = options.data === undefined ? undefined : await logPathIn(options.data, settings)
  return new Map(
    (Object.keys(settings) as SettingName[]).map((name) => {
      const value = name === 'store.path.commitlog' && logPath !== undefined ? logPath : String(settings[name])
      return [name, { value, from: originText(originOf(settings, name)) }]
    }),
  )
}

/** The directory that an empty or relative store.path.commitlog comes down to. */
async function logPathIn(dataDir: string, settings: Settings): Promise<string> {
  const { logPathOf } = await import('../storage/data-directory.js')
  return resolve(logPathOf(dataDir, settings))
}
