/** `holdfast repair`: says what it would do to a damaged folder; with --apply does it, and keeps what it removes. */

import type { Command } from 'commander'
import { systemClock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import type { RepairReport } from '../storage/repair/repair.js'
import { printError, printJson } from './output.js'
import { progressOnTerminal } from './progress.js'
import { type SettingsOptions, settingsOf, withSettings } from './settings-options.js'
import { counts, findingText } from './verify.js'

interface Options extends SettingsOptions {
  readonly apply?: boolean
  readonly cut?: boolean
  readonly skip?: boolean
  readonly json?: boolean
}

export function repairCommand(): (parent: Command) => void {
  return (parent) => {
    withSettings(
      parent
        .command('repair <path>')
        .description('mend a folder that nobody serves, as far as its messages still have the truth'),
    )
      .option('--apply', 'do it; without, it only says what it would do')
      .option('--cut', 'where messages are lost: end the log before them, and set aside what lies behind')
      .option('--skip', 'where messages are lost: keep both sides, and go on behind the hole')
      .option('--json', 'print JSON')
      .addHelpText(
        'after',
        `
What it takes out or writes over is kept in quarantine/<time> beside the log.
Exit code: 0 nothing is damaged now, 1 something is (or would be mended with --apply), 2 it could not run.`,
      )
      .action(repair)
  }
}

async function repair(path: string, options: Options): Promise<void> {
  if (options.cut && options.skip) throw new HoldfastError('INVALID_ARGUMENT', 'Say --cut or --skip, not both.')
  const line = progressOnTerminal()
  const [{ repair: run }, { nodeDisk }, settings] = await Promise.all([
    import('../storage/repair/repair.js'),
    import('../files/node-disk.js'),
    settingsOf(options),
  ])
  try {
    const report = await run(path, {
      disk: nodeDisk,
      clock: systemClock,
      settings,
      apply: options.apply,
      choice: options.cut ? 'cut' : options.skip ? 'skip' : undefined,
      onProgress: ({ bytesDone, bytesTotal }) =>
        line.show({ doing: 'Verifying', doneBytes: bytesDone, totalBytes: bytesTotal }),
    })
    line.clear()
    if (options.json) printJson(report)
    else print(report)
    process.exitCode = report.findings.some(({ severity }) => severity === 'error') ? 1 : 0
  } catch (error) {
    line.clear()
    printError(error)
    process.exitCode = 2
  }
}

function print({ steps, applied, quarantine, findings }: RepairReport): void {
  if (steps.length === 0) process.stdout.write('There is nothing to repair.\n')
  const verbs = { do: applied ? 'did' : 'would', choose: 'needs a choice', manual: 'cannot' }
  for (const { kind, path, what } of steps) process.stdout.write(`${verbs[kind]}: ${path}\n  ${what}.\n`)
  if (!applied && steps.some(({ kind }) => kind === 'do'))
    process.stdout.write('Nothing was changed; --apply does it.\n')
  if (quarantine !== undefined) process.stdout.write(`What was taken out lies in ${quarantine}.\n`)
  if (!applied) return
  const { errors, warnings } = counts(findings)
  process.stdout.write(`Verified again: ${errors} errors, ${warnings} warnings.\n`)
  for (const finding of findings) if (finding.severity !== 'note') process.stdout.write(findingText(finding))
}
