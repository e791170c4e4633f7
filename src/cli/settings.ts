/** `holdfast settings`: every setting with its default, bounds and meaning. */

import type { Command } from 'commander'
import { describeSettings } from '../core/settings.js'
import { printJson, printTable } from './output.js'

export function settingsCommand(): (parent: Command) => void {
  return (parent) => {
    parent
      .command('settings')
      .description('list every setting, for serve --set and for topics create --config')
      .option('--json', 'print JSON')
      .action(async (options: { json?: boolean }) => {
        const rows = describeSettings()
        if (options.json) printJson(rows)
        else
          await printTable(
            ['SETTING', 'TOPIC NAME', 'DEFAULT', 'RANGE', 'MEANING'],
            rows.map((row) => [row.name, row.topicName ?? '-', row.default, row.range, row.help]),
          )
      })
  }
}
