/** `holdfast verify`: checks a folder that nobody serves, and says what is wrong with it, where, and what to do next. */

import type { Command } from 'commander'
import { systemClock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import type { Finding, Severity } from '../storage/inspect/findings.js'
import type { VerifyReport } from '../storage/inspect/verify.js'
import { printError, printJson } from './output.js'
import { progressOnTerminal } from './progress.js'
import { type SettingsOptions, settingsOf, withSettings } from './settings-options.js'
import { type Paint, painted } from './terminal.js'

interface Options extends SettingsOptions {
  readonly data?: string
  readonly quick?: boolean
  readonly json?: boolean
  readonly progress?: boolean
}

const exitCode = { clean: 0, damaged: 1, notRun: 2 } as const

const severities: readonly Severity[] = ['error', 'warning', 'note']

const paints: Readonly<Partial<Record<Severity, Paint>>> = { error: 'bad', warning: 'careful' }

export function verifyCommand(): (parent: Command) => void {
  return (parent) => {
    withSettings(
      parent
        .command('verify [path]')
        .description('check every message, index and checkpoint of a folder that nobody serves')
        .option('-d, --data <dir>', 'the data directory, if no path is given', './data'),
    )
      .option('--quick', 'only that batches are whole and in order: their records are not walked')
      .option('--json', 'print the report as one object of JSON')
      .option('--progress', 'say how far it is on stderr, also where that is no terminal')
      .addHelpText(
        'after',
        `
PATH is a data directory, a Kafka log.dir, a partition directory, a store of RocketMQ, or a file of one.
Exit code: 0 nothing is damaged (there may be warnings and notes), 1 something is, 2 it could not run.`,
      )
      .action(verify)
  }
}

async function verify(path: string | undefined, options: Options): Promise<void> {
  const line = progressOnTerminal(options.progress)
  try {
    const [{ verify: run }, { nodeDisk }, { committedReader }, settings] = await Promise.all([
      import('../storage/inspect/verify.js'),
      import('../files/node-disk.js'),
      import('./committed.js'),
      settingsOf(options),
    ])
    const report = await run(path ?? options.data ?? './data', {
      disk: nodeDisk,
      clock: systemClock,
      settings,
      quick: options.quick,
      committedReader,
      onProgress: ({ bytesDone, bytesTotal }) =>
        line.show({ doing: 'Verifying', doneBytes: bytesDone, totalBytes: bytesTotal }),
    })
    line.clear()
    if (options.json) printJson({ ...report, ...counts(report.findings) })
    else print(report)
    process.exitCode = report.findings.some(({ severity }) => severity === 'error') ? exitCode.damaged : exitCode.clean
  } catch (error) {
    line.clear()
    // What goes wrong in the checking itself is no verdict on the files.
    printError(
      error instanceof HoldfastError
        ? error
        : new HoldfastError('UNKNOWN_SERVER_ERROR', String(error), { cause: error }),
    )
    process.exitCode = exitCode.notRun
  }
}

function print({ findings, bytes, partitions, durationMs }: VerifyReport): void {
  for (const severity of severities) {
    for (const finding of findings) if (finding.severity === severity) process.stdout.write(findingText(finding))
  }
  const { errors, warnings, notes } = counts(findings)
  const seconds = durationMs / 1000
  const rate = bytes / 1e6 / Math.max(seconds, 0.001)
  process.stdout.write(
    `${errors} errors, ${warnings} warnings, ${notes} notes. Checked ${partitions} partitions, ${(bytes / 1e6).toFixed(1)} MB, in ${seconds.toFixed(1)} s (${rate.toFixed(0)} MB/s).\n`,
  )
}

/** Two lines: what is wrong and where; what to do. */
export function findingText({ severity, code, path, position, offset, what, next }: Finding): string {
  const where = [
    position === undefined ? [] : `byte ${position}`,
    offset === undefined ? [] : `offset ${offset}`,
  ].flat()
  const place = where.length === 0 ? path : `${path} (${where.join(', ')})`
  const paint = paints[severity]
  const shown = paint === undefined ? severity : painted(paint, severity)
  return `${shown} ${code}: ${place}\n  ${what}.\n  Next: ${next}.\n`
}

export function counts(findings: readonly Finding[]): { errors: number; warnings: number; notes: number } {
  const of = (wanted: Severity) => findings.filter(({ severity }) => severity === wanted).length
  return { errors: of('error'), warnings: of('warning'), notes: of('note') }
}
