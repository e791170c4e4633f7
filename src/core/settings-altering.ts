/** What a topic says for itself, changed entry by entry as Kafka's IncrementalAlterConfigs has it, and which changes are none. */

import { HoldfastError } from './errors.js'
import { type SettingName, type Settings, settingRows, settingsTable, topicSettingNames } from './settings-table.js'

/** One entry's change. `append` and `subtract` are for lists and may name several values, as in "one,other". */
export type ConfigAlteration =
  | { readonly name: string; readonly operation: 'set' | 'append' | 'subtract'; readonly value: string }
  /** What holds for all topics holds for this one again. */
  | { readonly name: string; readonly operation: 'delete' }

/**
 * `config` with the changes made. Values are not checked here: `topicSettings` does that with the whole.
 * @param settings what holds for the topic before; `append` and `subtract` start from it
 * @throws INVALID_REQUEST where one name is changed twice; INVALID_CONFIG for list operations on what is no list
 */
export function alteredConfig(
  config: Readonly<Record<string, string>>,
  settings: Settings,
  alterations: readonly ConfigAlteration[],
): Record<string, string> {
  const altered = new Map(Object.entries(config))
  const seen = new Set<string>()
  for (const alteration of alterations) {
    const { name, operation } = alteration
    if (seen.has(name)) throw new HoldfastError('INVALID_REQUEST', `${name} is altered twice in one request.`)
    seen.add(name)
    if (operation === 'delete') altered.delete(knownName(name))
    else if (operation === 'set') altered.set(name, alteration.value)
    else altered.set(name, mergedList(alteration, settings))
  }
  return Object.fromEntries(altered)
}

function mergedList(
  { name, operation, value }: Extract<ConfigAlteration, { value: string }>,
  settings: Settings,
): string {
  const setting = topicSettingNames.get(knownName(name)) as SettingName
  if (settingsTable[setting].type !== 'list') {
    throw new HoldfastError(
      'INVALID_CONFIG',
      `${name} is no list: it can be set, and nothing can be put in or taken out.`,
    )
  }
  const present = String(settings[setting]).split(',')
  const given = value.split(',').map((word) => word.trim())
  const merged =
    operation === 'append' ? [...new Set([...present, ...given])] : present.filter((word) => !given.includes(word))
  return merged.join(',')
}

function knownName(name: string): string {
  if (topicSettingNames.has(name)) return name
  throw new HoldfastError('INVALID_CONFIG', `A topic has no configuration ${name} that is enforced here.`)
}

/** @throws INVALID_CONFIG where something would change that a topic keeps from its creation on */
export function refuseFixedChanges(before: Settings, after: Settings): void {
  for (const [name, row] of settingRows) {
    if (!row.fixed || String(before[name]) === String(after[name])) continue
    const why = `${row.topic ?? name} is ${before[name]} and cannot become ${after[name]}: a topic keeps what it was created with.`
    throw new HoldfastError('INVALID_CONFIG', why)
  }
}
