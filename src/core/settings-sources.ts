/**
 * Where settings come from, lowest first: the table's defaults, a profile, a file, the environment, what the caller gave
 * (flags of the command line, options in code). This room reads no files itself; it is handed the way to one.
 */

import { HoldfastError } from './errors.js'
import { type GivenSetting, layerSettings } from './settings.js'
import type { Settings } from './settings-table.js'
import { settingRows } from './settings-table.js'
import { nearest } from './settings-values.js'

export type Environment = Readonly<Record<string, string | undefined>>

export interface SettingsSources {
  /** Path of a settings file; where absent, the variable HOLDFAST_CONFIG may name one. */
  readonly config?: string
  readonly environment: Environment
  /** What holds over all else, lowest first. */
  readonly given: readonly GivenSetting[]
  /** The bytes of a file, or undefined where there is none. */
  readFile(path: string): Promise<Buffer | undefined>
}

const prefix = 'HOLDFAST_'
const configVariable = `${prefix}CONFIG`

/** Variables of ours that are no settings; `src/files` reads HOLDFAST_NO_LIBC, and `serve` HOLDFAST_HTTP_TOKEN. */
const otherVariables: readonly string[] = [configVariable, `${prefix}NO_LIBC`, `${prefix}HTTP_TOKEN`]
/** Never a setting: for the switches of test suites. */
const reservedPrefix = `${prefix}TEST_`
/** What Kubernetes and Docker put into every container beside a service that is called holdfast, or holdfast-something. */
const serviceLink =
  /^HOLDFAST(_[A-Z0-9_]+)?_(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/

const nameOfVariable: ReadonlyMap<string, string> = new Map(settingRows.map(([name]) => [variableOf(name), name]))

/** The environment variable of a setting: HOLDFAST_ and its name in capitals, dots as underscores. */
export function variableOf(name: string): string {
  return prefix + name.toUpperCase().replaceAll('.', '_')
}

/**
 * The settings that all sources make together.
 * @throws INVALID_SETTING for an unknown name, a value out of range or a contradiction, each with where it came from, and
 * for a file that is missing or cannot be understood, with the line
 */
export async function gatherSettings(sources: SettingsSources): Promise<Settings> {
  const { environment, given } = sources
  const config = sources.config ?? environment[configVariable]
  const fromFile = config === undefined ? [] : await settingsInFile(config, sources)
  return layerSettings([...fromFile, ...settingsInEnvironment(environment), ...given])
}

async function settingsInFile(path: string, { config, readFile }: SettingsSources): Promise<GivenSetting[]> {
  const bytes = path === '' ? undefined : await readFile(path)
  if (bytes === undefined) {
    const whence = config === undefined ? `, which ${configVariable} names,` : ''
    throw new HoldfastError('INVALID_SETTING', `The settings file ${JSON.stringify(path)}${whence} is not there.`)
  }
  // Most processes are started without a file.
  const { parseSettingsFile } = await import('./settings-file.js')
  return parseSettingsFile(path, bytes).map(({ name, value, line }) => ({
    name,
    value,
    origin: { kind: 'file', where: `${path}:${line}` },
  }))
}

function settingsInEnvironment(environment: Environment): GivenSetting[] {
  const given: GivenSetting[] = []
  for (const [variable, value] of Object.entries(environment)) {
    if (value === undefined || !variable.startsWith(prefix)) continue
    const name = nameOfVariable.get(variable)
    if (name !== undefined) given.push({ name, value, origin: { kind: 'environment', where: variable } })
    else refuseUnlessKnown(variable)
  }
  return given
}

/** A typo in a variable would otherwise be a setting that is silently not in force. */
function refuseUnlessKnown(variable: string): void {
  if (otherVariables.includes(variable) || variable.startsWith(reservedPrefix) || serviceLink.test(variable)) return
  const meant = nearest(variable, [...nameOfVariable.keys(), ...otherVariables])
  const hint = meant === undefined ? '' : ` Did you mean ${meant}?`
  throw new HoldfastError(
    'INVALID_SETTING',
    `There is no setting for the environment variable ${variable}.${hint} "holdfast settings" lists the settings; ` +
      'their variables are HOLDFAST_ and the name in capitals, dots as underscores.',
  )
}
