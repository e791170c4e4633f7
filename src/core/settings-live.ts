/**
 * Settings of an open store that can be changed meanwhile: a record like any other, of which the rows that the table calls
 * `live` are read anew each time. What was changed lies over everything that was said at the start, as with Kafka's dynamic
 * configuration of brokers.
 */

import { HoldfastError } from './errors.js'
import { checkTogether, knownSetting } from './settings.js'
import type { ConfigAlteration } from './settings-altering.js'
import { alteredOrigin, originOf, withOrigins } from './settings-origin.js'
import { type SettingName, type Settings, settingRows, settingsTable } from './settings-table.js'
import { parseValue } from './settings-values.js'

/** By name, as text. */
export type AlteredSettings = Readonly<Record<string, string>>

type Values = ReadonlyMap<SettingName, unknown>

export class LiveSettings {
  /** For everybody who stands on the store; a value of a live row may be another one at the next look. */
  readonly settings: Settings
  readonly #base: Settings
  #altered: AlteredSettings
  #values: Values

  /** @throws INVALID_SETTING where something is altered that cannot be, to a value that is none, or to a contradiction */
  constructor(base: Settings, altered: AlteredSettings = {}) {
    this.#base = base
    this.#altered = altered
    this.#values = valuesIn(altered)
    this.settings = recordOf(base, () => this.#values)
    checkTogether(this.settings)
  }

  /** What was changed, to be kept. */
  get altered(): AlteredSettings {
    return this.#altered
  }

  /**
   * What would be altered after these changes; nothing is changed yet.
   * @param replaceAll what is not named is not altered any more
   * @throws INVALID_SETTING as the constructor, and INVALID_REQUEST where one name is changed twice
   */
  after(alterations: readonly ConfigAlteration[], replaceAll = false): AlteredSettings {
    const altered = new Map(replaceAll ? [] : Object.entries(this.#altered))
    const seen = new Set<string>()
    for (const alteration of alterations) {
      const { name, operation } = alteration
      if (seen.has(name)) throw new HoldfastError('INVALID_REQUEST', `${name} is altered twice in one request.`)
      seen.add(name)
      requireLive(name)
      if (operation === 'delete') altered.delete(name)
      else if (operation === 'set') altered.set(name, alteration.value)
      else
        throw new HoldfastError('INVALID_CONFIG', `${name} is no list: it can be set, and nothing put in or taken out.`)
    }
    const after = Object.fromEntries(altered)
    const values = valuesIn(after)
    checkTogether(recordOf(this.#base, () => values))
    return after
  }

  /** Lets what {@link after} said hold from now on. */
  put(altered: AlteredSettings): void {
    this.#values = valuesIn(altered)
    this.#altered = altered
  }
}

function recordOf(base: Settings, values: () => Values): Settings {
  const record: Record<string, unknown> = { ...base }
  for (const [name, row] of settingRows) {
    if (!row.live) continue
    const get = () => (values().has(name) ? values().get(name) : base[name])
    Object.defineProperty(record, name, { enumerable: true, get })
  }
  return withOrigins(record as Settings, (name) => (values().has(name) ? alteredOrigin : originOf(base, name)))
}

function valuesIn(altered: AlteredSettings): Values {
  return new Map(
    Object.entries(altered).map(([name, value]) => {
      const known = requireLive(name)
      return [known, parseValue(settingsTable[known], name, value, alteredOrigin)]
    }),
  )
}

function requireLive(name: string): SettingName {
  const known = knownSetting(name, alteredOrigin)
  if (settingsTable[known].live) return known
  throw new HoldfastError(
    'INVALID_SETTING',
    `${name} is read when the store opens: change it where it comes from ("holdfast settings --data DIR" shows where), and start anew.`,
  )
}
