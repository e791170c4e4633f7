/** The options that every command takes which opens a data directory: where its settings come from. */

import { type Command, InvalidArgumentError } from 'commander'
import { HoldfastError } from '../core/errors.js'
import { givenSettings, type Settings } from '../core/settings.js'
import { gatherSettings } from '../core/settings-sources.js'

export interface SettingsOptions {
  readonly config?: string
  readonly profile?: string
  readonly set?: Record<string, string>
}

/** Adds `--config`, `--profile` and `--set`. @param fileFlag for a command to which `--config` means something else */
export function withSettings(command: Command, fileFlag = '--config'): Command {
  return command
    .option(`${fileFlag} <file>`, 'settings from a .properties or .json file (default: HOLDFAST_CONFIG)')
    .option('--profile <name>', 'a ready-made set of settings: reliable, fast or hybrid')
    .option('-s, --set <name=value>', 'a setting, may be repeated; "holdfast settings" lists them', collectPairs)
}

export const sourcesHelp = `
Where settings come from, later ones over earlier ones:
  defaults, a profile, the file of --config or HOLDFAST_CONFIG (.properties or .json),
  environment variables (flush.disk.type is HOLDFAST_FLUSH_DISK_TYPE), --set NAME=VALUE.
"holdfast settings" lists them; "holdfast settings --data DIR", with the options given here, shows what
would hold and where it comes from.`

/**
 * The settings of this call of the program: file, environment and flags together.
 * @throws INVALID_SETTING; INVALID_ARGUMENT where --profile and --set contradict each other
 */
export function settingsOf({ config, profile, set = {} }: SettingsOptions): Promise<Settings> {
  if (profile !== undefined && set['profile'] !== undefined && set['profile'] !== profile) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      `--profile says ${profile} and --set says ${set['profile']}; name one of them.`,
    )
  }
  return gatherSettings({
    config,
    environment: process.env,
    given: [
      ...givenSettings({ profile }, { kind: 'flag', where: '--profile' }),
      ...givenSettings(set, { kind: 'flag', where: '--set' }),
    ],
    // Loaded for who has a file.
    readFile: async (path) => (await import('../files/node-disk.js')).nodeDisk.readFile(path),
  })
}

/** Gathers `name=value` options that may be given several times. */
export function collectPairs(text: string, gathered: Record<string, string> = {}): Record<string, string> {
  const [name, value] = parsePair(text)
  return { ...gathered, [name]: value }
}

/** Gathers an option that may be given several times. */
export function collectTexts(text: string, gathered: readonly string[] = []): string[] {
  return [...gathered, text]
}

export function parsePair(text: string): [name: string, value: string] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It must be NAME=VALUE.')
  return [text.slice(0, at), text.slice(at + 1)]
}
