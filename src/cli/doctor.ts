/** `holdfast doctor`: checks an installation, a data directory and its device, and tells what a running broker advises. */

import { type Command, Option } from 'commander'
import { systemClock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import type { CheckResult } from '../monitoring/doctor/check.js'
import { printError, printJson } from './output.js'
import { type SettingsOptions, settingsOf, withSettings } from './settings-options.js'
import { commandConfigHelp, connectAs, parseAddress } from './target.js'

interface Options extends SettingsOptions {
  readonly data?: string
  readonly broker?: string
  readonly commandConfig?: string
  readonly http?: string
  readonly token?: string
  readonly listen: { readonly host: string; readonly port: number }
  readonly json?: boolean
}

const defaultData = './data'
const exitCode = { fine: 0, findings: 1, notRun: 2 } as const

export function doctorCommand(): (parent: Command) => void {
  return (parent) => {
    withSettings(
      parent
        .command('doctor')
        .description('check an installation, a data directory and its disk, and a running broker')
        .option('-d, --data <dir>', 'the data directory; it may be served meanwhile (default: ./data)')
        .option('-b, --broker <brokers>', 'ask a served broker, or a cluster, whether it answers')
        .option('--command-config <file>', commandConfigHelp)
        .option('--http <url>', 'ask a served broker, by its HTTP address, what its figures advise')
        .addOption(new Option('--token <token>', 'what the HTTP address wants').env('HOLDFAST_HTTP_TOKEN'))
        .addOption(
          new Option('-l, --listen <host:port>', 'the address that is to be listened on')
            .argParser(parseAddress)
            .default({ host: '127.0.0.1', port: 9092 }, '127.0.0.1:9092'),
        ),
    )
      .option('--json', 'print the checks as one object of JSON')
      .addHelpText(
        'after',
        `
It writes a few hundred KiB into the data directory, to see how long the disk takes, and removes them again.
With --broker or --http alone nothing is looked at here.
Exit code: 0 all is well (there may be notes), 1 something should be seen to, 2 it could not run.`,
      )
      .action(doctor)
  }
}

async function doctor(options: Options): Promise<void> {
  try {
    const { isFinding } = await import('../monitoring/doctor/check.js')
    const checks = await allChecks(options)
    const findings = checks.filter(isFinding).length
    if (options.json) printJson({ checks, findings })
    else print(checks, findings)
    process.exitCode = findings > 0 ? exitCode.findings : exitCode.fine
  } catch (error) {
    // A check that cannot be made is no verdict.
    printError(
      error instanceof HoldfastError
        ? error
        : new HoldfastError('UNKNOWN_SERVER_ERROR', String(error), { cause: error }),
    )
    process.exitCode = exitCode.notRun
  }
}

async function allChecks(options: Options): Promise<readonly CheckResult[]> {
  const { broker, http, data } = options
  const results: CheckResult[] = []
  if (data !== undefined || (broker === undefined && http === undefined)) {
    results.push(...(await checkHere(options)))
    if (http === undefined) results.push(...(await adviceOfServing(data ?? defaultData)))
  }
  if (broker !== undefined) results.push(await askBroker(broker, options.commandConfig))
  if (http !== undefined) {
    const { adviceOverHttp } = await import('../monitoring/doctor/broker-checks.js')
    results.push(...(await adviceOverHttp(http, (url) => get(url, options.token))))
  }
  return withoutRepeats(results)
}

/** What the disk gives away here and the broker says too is told once. */
function withoutRepeats(results: readonly CheckResult[]): readonly CheckResult[] {
  return results.filter(({ check }, i) => results.findIndex((other) => other.check === check) === i)
}

/** Of the process that serves the folder; nothing where none does, or where it counts nothing. */
async function adviceOfServing(dataPath: string): Promise<readonly CheckResult[]> {
  const [{ askAdvice }, { adviceResults }] = await Promise.all([
    import('./control-socket.js'),
    import('../monitoring/doctor/broker-checks.js'),
  ])
  const { advice } = await askAdvice(dataPath).catch(() => ({ advice: null }))
  return advice === null ? [] : adviceResults(advice)
}

async function checkHere({ data = defaultData, listen, ...options }: Options): Promise<readonly CheckResult[]> {
  const [{ checkup }, { nodeDisk }, { isFreeToListen }, settings] = await Promise.all([
    import('../monitoring/doctor/checkup.js'),
    import('../files/node-disk.js'),
    import('../kafka/port-check.js'),
    settingsOf(options),
  ])
  return checkup({
    dataPath: data,
    settings,
    disk: nodeDisk,
    clock: systemClock,
    nodeVersion: process.versions.node,
    platform: process.platform,
    listen,
    isFree: isFreeToListen,
  })
}

async function askBroker(address: string, commandConfig: string | undefined): Promise<CheckResult> {
  const { checkBroker } = await import('../monitoring/doctor/broker-checks.js')
  const broker = await connectAs(address, commandConfig, { retryMs: 0 })
  try {
    return await checkBroker(address, broker, systemClock)
  } finally {
    await broker.close()
  }
}

async function get(url: string, token?: string): Promise<{ readonly status: number; readonly text: string }> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) })
  return { status: answer.status, text: await answer.text() }
}

function print(checks: readonly CheckResult[], findings: number): void {
  for (const check of checks) process.stdout.write(checkText(check))
  const outcome =
    findings === 0
      ? 'All is well.'
      : findings === 1
        ? 'One thing should be seen to.'
        : `${findings} things should be seen to.`
  process.stdout.write(`${outcome}\n`)
}

/** What was found; below it, where all is not well, what to do and what to write. */
function checkText({ check, severity, what, next, setting }: CheckResult): string {
  const lines = [`${severity} ${check}: ${what}`]
  if (next !== undefined) lines.push(`  Next: ${next}`)
  if (setting !== undefined) lines.push(`  Write: ${setting.name}=${setting.value}`)
  return `${lines.join('\n')}\n`
}
