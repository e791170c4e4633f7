/**
 * Where the value of a setting comes from. `Settings` stays a plain record, for those who read it per batch; the origins
 * are kept beside it, by the identity of the record.
 */

import { type SettingName, type Settings, settingsTable } from './settings-table.js'

export interface Origin {
  readonly kind: 'default' | 'profile' | 'file' | 'environment' | 'flag' | 'code' | 'altered' | 'topic'
  /** The profile's name, `path:line` of the file, the variable, the flag; absent where the kind says it all. */
  readonly where?: string
}

export const defaultOrigin: Origin = { kind: 'default' }
export const codeOrigin: Origin = { kind: 'code' }
/** Changed while the store was open, and kept in its `config/settings.json`. */
export const alteredOrigin: Origin = { kind: 'altered' }
export const topicOrigin: Origin = { kind: 'topic' }

const origins = new WeakMap<object, (name: SettingName) => Origin>()

/** Remembers where the values of `settings` come from, and makes the record immutable, so that it stays true. */
export function withOrigins(settings: Settings, originOf: (name: SettingName) => Origin): Settings {
  origins.set(settings, originOf)
  return Object.freeze(settings)
}

/** Whether this record is one that was resolved here, whole and checked. */
export function isResolved(settings: object): settings is Settings {
  return origins.has(settings)
}

/** Of a record that somebody put together by hand it is known only which values are not the defaults. */
export function originOf(settings: Settings, name: SettingName): Origin {
  const known = origins.get(settings)
  if (known !== undefined) return known(name)
  return settings[name] === settingsTable[name].default ? defaultOrigin : codeOrigin
}

/** For people: "default", "file holdfast.properties:3", "environment HOLDFAST_PROFILE". */
export function originText({ kind, where }: Origin): string {
  return where === undefined ? kind : `${kind} ${where}`
}
