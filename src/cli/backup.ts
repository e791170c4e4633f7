/** `holdfast backup` and `holdfast restore` */

import { resolve } from 'node:path'
import type { Command } from 'commander'
import { HoldfastError } from '../core/errors.js'
import type { BackupReport } from '../storage/backup/store-backup.js'
import { printJson } from './output.js'
import { type ProgressLine, progressOnTerminal } from './progress.js'
import { type SettingsOptions, settingsOf, withSettings } from './settings-options.js'
import { wholeNumber } from './target.js'

interface BackupCommandOptions extends SettingsOptions {
  readonly data: string
  readonly link?: boolean
  readonly keep?: number
  readonly json?: boolean
}

interface RestoreCommandOptions {
  readonly data: string
  readonly json?: boolean
}

export function backupCommands(): (parent: Command) => void {
  return (parent) => {
    withSettings(
      parent
        .command('backup <target>')
        .description(
          'back up a data directory, served or not: a generation in TARGET, of which the next shares what did not change',
        )
        .requiredOption('-d, --data <dir>', 'the data directory'),
    )
      .option('--link', 'second names for sealed segments instead of copies, where TARGET is on the same disk')
      .option('--keep <n>', 'remove the oldest generations, so that so many are left', wholeNumber(1))
      .option('--json', 'print JSON')
      .action(backup)
    parent
      .command('restore <backup>')
      .description('make a data directory of a backup: a generation, or the newest in a directory of several')
      .requiredOption('-d, --data <dir>', 'the data directory to make; there is none yet, or an empty one')
      .option('--json', 'print JSON')
      .action(restore)
  }
}

async function backup(target: string, options: BackupCommandOptions): Promise<void> {
  const progress = progressOnTerminal()
  const report = await backUpHere(target, options, progress.show)
    .catch(async (error: unknown) => {
      if (!(error instanceof HoldfastError && error.code === 'DATA_DIR_LOCKED')) throw error
      const { askServing } = await import('./control-socket.js')
      const { link, keep } = options
      // The other process may have been started elsewhere.
      return askServing(options.data, { command: 'backup', target: resolve(target), link, keep }, progress.show)
    })
    .finally(progress.clear)
  if (options.json) return printJson(report)
  const { path, logs, sizeInBytes, copiedBytes, damaged, removed } = report
  process.stdout.write(
    `Backed up ${logs} logs to ${path}: ${sizeInBytes} bytes, of which ${copiedBytes} were copied. Verified.\n`,
  )
  for (const what of damaged) process.stdout.write(`In part only: ${what}\n`)
  for (const name of removed) process.stdout.write(`Removed the generation ${name}.\n`)
}

/** Opens a store that nobody has open. @throws DATA_DIR_LOCKED where somebody has */
async function backUpHere(
  target: string,
  options: BackupCommandOptions,
  onProgress: ProgressLine['show'],
): Promise<BackupReport> {
  const [{ MessageStore }, { nodeDisk }, settings] = await Promise.all([
    import('../storage/message-store.js'),
    import('../files/node-disk.js'),
    settingsOf(options),
  ])
  const isThere = (await nodeDisk.stat(`${options.data}/holdfast.json`)) !== undefined
  if (!isThere)
    throw new HoldfastError('INVALID_ARGUMENT', `${options.data} is no data directory: it has no holdfast.json.`)
  const store = await MessageStore.open(options.data, { settings })
  try {
    return await store.backup(target, { link: options.link, keep: options.keep, onProgress })
  } finally {
    await store.close()
  }
}

async function restore(from: string, options: RestoreCommandOptions): Promise<void> {
  const [{ restore: restoreTo }, { nodeDisk }] = await Promise.all([
    import('../storage/backup/restore.js'),
    import('../files/node-disk.js'),
  ])
  const progress = progressOnTerminal()
  const report = await restoreTo(nodeDisk, from, options.data, { onProgress: progress.show }).finally(progress.clear)
  if (options.json) return printJson(report)
  const { path, logs, sizeInBytes, takenAtMs } = report
  process.stdout.write(
    `Restored ${logs} logs, ${sizeInBytes} bytes, to ${path}, as of ${new Date(takenAtMs).toISOString()}. Verified.\n`,
  )
}
