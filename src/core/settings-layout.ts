/**
 * What a topic in the commit log cannot say for itself, since all such topics share one log: the entries that are refused,
 * and the values that hold there whatever the store's settings say of segments.
 */

import { HoldfastError } from './errors.js'
import { type SettingName, type Settings, topicSettingNames } from './settings-table.js'

/** What holds for every topic in the commit log. */
const heldByLayout = {
  // A message of the log is one record, and a batch is taken apart: so it is unpacked first.
  'compression.type': 'uncompressed',
  'log.cleanup.policy': ['delete'],
  'log.retention.ms': -1,
  'log.retention.bytes': -1,
  'key.index.enable': false,
} as const satisfies Partial<Settings>

type Refusal = (value: unknown, store: Settings) => string | undefined

const ofFiles: Refusal = () => 'files belong to the log that it shares with others'

const refusals: readonly (readonly [RegExp, Refusal])[] = [
  [/^cleanup\.policy$/, (value) => (String(value) === 'delete' ? undefined : 'a shared log is not compacted')],
  [
    /^retention\./,
    (value) => (value === -1 ? undefined : 'old files go by file.reserved.time and the disk ratios, for all topics'),
  ],
  [
    /^compression\.type$/,
    (value) =>
      value === 'producer' || value === 'uncompressed' ? undefined : 'each record is a message of its own there',
  ],
  [/^key\.index\.enable$/, (value) => (value === false ? undefined : 'the shared log has an index of keys already')],
  [
    /^flush\.disk\.type$/,
    (value, store) =>
      value === store['flush.disk.type'] ? undefined : `one flush serves all topics, by ${store['flush.disk.type']}`,
  ],
  [/^flush\./, () => "one flush serves all topics, by the store's settings"],
  [/^(segment|index|file)\./, ofFiles],
]

/**
 * Takes what a topic says for itself, and makes the values hold that the commit log needs.
 * @param resolved the topic's settings, which are changed
 * @param own topic-level names that the topic sets
 * @returns the settings that the layout decides
 * @throws INVALID_CONFIG for an entry that cannot be enforced there, with the reason
 */
export function holdToCommitLog(
  resolved: Record<string, unknown>,
  own: readonly string[],
  store: Settings,
): readonly SettingName[] {
  for (const topicName of own) {
    const value = resolved[topicSettingNames.get(topicName) ?? topicName]
    const why = refusals.find(([pattern]) => pattern.test(topicName))?.[1](value, store)
    if (why === undefined) continue
    const entry = `${topicName} = ${String(value)}`
    const what = `${entry} is refused for a topic with storage.layout = commitlog: ${why}. Leave it out, or choose segments.`
    throw new HoldfastError('INVALID_CONFIG', what)
  }
  Object.assign(resolved, heldByLayout)
  return Object.keys(heldByLayout) as SettingName[]
}
