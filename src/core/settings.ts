/**
 * The settings as the program uses them: the table's defaults, a profile over them, what was given over that, the whole
 * checked against itself, and what a topic may override. Where the values are read from is in `settings-sources.ts`.
 */

import { HoldfastError } from './errors.js'
import { holdToCommitLog } from './settings-layout.js'
import {
  codeOrigin,
  defaultOrigin,
  isResolved,
  type Origin,
  originOf,
  originText,
  topicOrigin,
  withOrigins,
} from './settings-origin.js'
import { type ProfileName, profiles } from './settings-profiles.js'
import type { SettingRow } from './settings-rows.js'
import { type SettingName, type Settings, settingRows, settingsTable, topicSettingNames } from './settings-table.js'
import { nearest, parseValue, rangeOf } from './settings-values.js'

export { codeOrigin, type Origin, originOf, originText } from './settings-origin.js'
export {
  type SettingName,
  type Settings,
  type SettingsInput,
  settingsTable,
  topicSettingNames,
} from './settings-table.js'

/** A value as a source gives it, and which source that is. */
export interface GivenSetting {
  readonly name: string
  /** The value, or its text form. */
  readonly value: unknown
  readonly origin: Origin
}

/**
 * The defaults with `given` laid over them, as given in code. A record that was resolved already is returned as it is,
 * with its origins.
 * @throws INVALID_SETTING for an unknown name, a value out of range, or values that contradict each other
 */
export function resolveSettings(given: Readonly<Record<string, unknown>> = {}): Settings {
  return isResolved(given) ? given : layerSettings(givenSettings(given, codeOrigin))
}

/** The entries of a record, all from one origin; those that are undefined are not given. */
export function givenSettings(record: Readonly<Record<string, unknown>>, origin: Origin): GivenSetting[] {
  return Object.entries(record).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value, origin }]))
}

/**
 * The defaults, then the profile that `given` names last, then `given`, later entries over earlier ones. Every entry is
 * checked, also one that another covers: a typo that has no effect today would have one when that other is taken away.
 * @throws INVALID_SETTING for an unknown name, a value out of range, or values that contradict each other
 */
export function layerSettings(given: readonly GivenSetting[]): Settings {
  const layer = given.map(({ name, value, origin }) => {
    const known = knownSetting(name, origin)
    return { name: known, value: parseValue(settingsTable[known], name, value, origin), origin }
  })
  const resolved: Record<string, unknown> = {}
  const origins = new Map<SettingName, Origin>()
  for (const [name, row] of settingRows) resolved[name] = row.default
  const profile = layer.findLast(({ name }) => name === 'profile')?.value as ProfileName | undefined
  if (profile !== undefined) {
    for (const [name, value] of Object.entries(profiles[profile].values)) {
      resolved[name] = value
      origins.set(name as SettingName, { kind: 'profile', where: profile })
    }
  }
  for (const { name, value, origin } of layer) {
    resolved[name] = value
    origins.set(name, origin)
  }
  const settings = withOrigins(resolved as Settings, (name) => origins.get(name) ?? defaultOrigin)
  checkTogether(settings)
  return settings
}

/** @throws INVALID_SETTING where values that are in range each contradict each other */
export function checkTogether(settings: Settings): void {
  const contradiction = contradictionIn(settings)
  if (contradiction !== undefined) throw new HoldfastError('INVALID_SETTING', contradiction)
}

/** @throws INVALID_SETTING for a name that is no setting's, with the one that was probably meant */
export function knownSetting(name: string, origin: Origin): SettingName {
  if (Object.hasOwn(settingsTable, name)) return name as SettingName
  const meant = topicSettingNames.get(name) ?? nearest(name, Object.keys(settingsTable))
  const hint = meant === undefined ? '' : ` Did you mean ${meant}?`
  const where = originText(origin)
  throw new HoldfastError(
    'INVALID_SETTING',
    `There is no setting ${name} (${where}).${hint} "holdfast settings" lists them.`,
  )
}

/**
 * The settings that hold for a topic: the store's with the topic's own configuration laid over them.
 * @throws INVALID_CONFIG for a name that a topic cannot set, a value out of range, values that contradict each other, and
 * what the topic's layout cannot enforce
 */
export function topicSettings(base: Settings, config: Readonly<Record<string, string | null>>): Settings {
  const entries = Object.entries(config)
  if (entries.length === 0 && base['storage.layout'] === 'segments') return base
  const resolved: Record<string, unknown> = { ...base }
  const own = new Set<SettingName>()
  for (const [topicName, value] of entries) {
    const name = topicSettingNames.get(topicName) ?? refuseTopicName(topicName)
    try {
      resolved[name] = parseValue(settingsTable[name], topicName, value, topicOrigin)
    } catch (error) {
      throw new HoldfastError('INVALID_CONFIG', (error as Error).message, { cause: error })
    }
    own.add(name)
  }
  if (resolved['storage.layout'] === 'commitlog') {
    for (const name of holdToCommitLog(resolved, Object.keys(config), base)) own.add(name)
  }
  // What the topic does not say for itself follows the store's, also where that is changed later.
  for (const [name, row] of settingRows)
    if (row.live && row.topic !== undefined && !own.has(name)) follow(resolved, base, name)
  const settings = withOrigins(resolved as Settings, (name) => (own.has(name) ? topicOrigin : originOf(base, name)))
  const contradiction = contradictionIn(settings)
  if (contradiction !== undefined) throw new HoldfastError('INVALID_CONFIG', contradiction)
  return settings
}

function follow(resolved: Record<string, unknown>, base: Settings, name: SettingName): void {
  Object.defineProperty(resolved, name, { enumerable: true, get: () => base[name] })
}

function refuseTopicName(name: string): never {
  const known = [...topicSettingNames.keys()]
  const topicName = Object.hasOwn(settingsTable, name) ? settingsTable[name as SettingName].topic : undefined
  const meant = topicName ?? nearest(name, known)
  const hint = meant === undefined ? '' : ` Did you mean ${meant}?`
  throw new HoldfastError(
    'INVALID_CONFIG',
    `A topic has no configuration ${name} that is enforced here.${hint} There are ${known.join(', ')}.`,
  )
}

/** Values that are in range each and cannot hold together: which, from where, and what to do. */
function contradictionIn(settings: Settings): string | undefined {
  const shown = (name: SettingName) => `${name} = ${settings[name]} (${originText(originOf(settings, name))})`
  if (
    settings['flush.disk.type'] === 'BATCH_FLUSH' &&
    settings['flush.interval.ms'] >= settings['flush.commitlog.timeout']
  ) {
    return (
      `${shown('flush.interval.ms')} and ${shown('flush.commitlog.timeout')} contradict each other under ${shown('flush.disk.type')}: ` +
      'a message sent alone would be answered FLUSH_DISK_TIMEOUT before its round closes. Make flush.interval.ms less than flush.commitlog.timeout.'
    )
  }
  if (settings['group.min.session.timeout.ms'] > settings['group.max.session.timeout.ms']) {
    return (
      `${shown('group.min.session.timeout.ms')} and ${shown('group.max.session.timeout.ms')} contradict each other: ` +
      'no session timeout would be accepted. Make the first at most the second.'
    )
  }
  return undefined
}

export interface SettingDescription {
  readonly name: string
  /** The name under which a topic may set it. */
  readonly topicName?: string
  /** A topic keeps the value that it was created with. */
  readonly fixed?: boolean
  /** The store's value can be changed while it is open; all others wait for the next start. */
  readonly live: boolean
  readonly type: SettingRow['type']
  /** What a number counts. */
  readonly unit?: string
  readonly default: string
  /** In words, e.g. "one of CreateTime, LogAppendTime", "true or false". */
  readonly range: string
  readonly help: string
}

/** The table as text, for help and for the reference page. */
export function describeSettings(): SettingDescription[] {
  return settingRows.map(([name, row]) => ({
    name,
    topicName: row.topic,
    fixed: row.fixed,
    live: row.live ?? false,
    type: row.type,
    unit: row.type === 'int' ? row.unit : undefined,
    default: String(row.default),
    range:
      row.type === 'int' || row.type === 'fraction' ? `${row.min} to ${row.max}` : rangeOf(row).replace(/^one of /, ''),
    help: row.help,
  }))
}
