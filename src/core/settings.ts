/**
 * Every setting, in one table: name, type, default, bounds, the topic-level name where a topic may override it, and a
 * line of help. Validation, DescribeConfigs and `serve --set` all read this table; a setting that is not in it is
 * refused, and one that is in it is enforced.
 */

import { HoldfastError } from './errors.js'

interface Row<T> {
  readonly type: 'int' | 'boolean' | 'enum'
  readonly default: T
  readonly min?: number
  readonly max?: number
  readonly values?: readonly string[]
  /** The name under which a topic may override it. */
  readonly topic?: string
  readonly help: string
}

interface IntRow extends Row<number> {
  readonly type: 'int'
  readonly min: number
  readonly max: number
}

type AnyRow = Row<number> | Row<boolean> | Row<string>

const int = (defaultValue: number, min: number, max: number, help: string, topic?: string): IntRow => ({
  type: 'int',
  default: defaultValue,
  min,
  max,
  help,
  topic,
})

const flag = (defaultValue: boolean, help: string): Row<boolean> => ({ type: 'boolean', default: defaultValue, help })

const oneOf = <const V extends string>(
  defaultValue: V,
  values: readonly V[],
  help: string,
  topic?: string,
): Row<V> => ({
  type: 'enum',
  default: defaultValue,
  values,
  help,
  topic,
})

const kib = 1024
const mib = 1024 * kib
const gib = 1024 * mib
const int32Max = 2 ** 31 - 1

export const settingsTable = {
  'log.segment.bytes': int(
    gib,
    mib,
    int32Max,
    'A segment is sealed and a new one begun before it would grow past this.',
    'segment.bytes',
  ),
  'log.index.interval.bytes': int(
    4 * kib,
    0,
    int32Max,
    'Bytes of log between two entries of the offset and time index.',
    'index.interval.bytes',
  ),
  'log.message.timestamp.type': oneOf(
    'CreateTime',
    ['CreateTime', 'LogAppendTime'],
    'Whether a message keeps the time its sender gave or gets the time of its append.',
    'message.timestamp.type',
  ),
  'message.max.bytes': int(mib + 12, 64, 512 * mib, 'Largest record batch that is accepted.', 'max.message.bytes'),
  'flush.disk.type': oneOf(
    'SYNC_FLUSH',
    ['SYNC_FLUSH', 'ASYNC_FLUSH'],
    'SYNC_FLUSH acknowledges what is on the disk; ASYNC_FLUSH what is in the page cache.',
    'flush.disk.type',
  ),
  'flush.commitlog.interval': int(1000, 1, int32Max, 'Appends between two background flushes under ASYNC_FLUSH.'),
  'flush.interval.ms': int(
    100,
    1,
    3_600_000,
    'Longest time in milliseconds that an ASYNC_FLUSH append stays unflushed.',
  ),
  'log.flush.offset.checkpoint.interval.ms': int(
    60_000,
    10,
    int32Max,
    'How often the recovery points are written down.',
  ),
  'replica.high.watermark.checkpoint.interval.ms': int(
    5_000,
    10,
    int32Max,
    'How often the high watermarks are written down.',
  ),
  'producer.id.expiration.ms': int(
    86_400_000,
    1000,
    int32Max,
    'An idempotent producer that wrote nothing for so long is forgotten.',
  ),
  'num.partitions': int(1, 1, 10_000, 'Partitions of a topic that is created without a number.'),
  'auto.create.topics.enable': flag(true, 'Create a topic when a producer or consumer first names it.'),
  'offsets.topic.num.partitions': int(
    1,
    1,
    1000,
    'Partitions of __consumer_offsets. One lets all groups share each flush.',
  ),
  'offset.metadata.max.bytes': int(4096, 0, mib, 'Longest metadata text beside a committed offset.'),
  'group.initial.rebalance.delay.ms': int(
    0,
    0,
    int32Max,
    'How long the first rebalance of an empty group waits for more members.',
  ),
  'group.min.session.timeout.ms': int(1000, 1, int32Max, 'Shortest session timeout a group member may ask for.'),
  'group.max.session.timeout.ms': int(1_800_000, 1, int32Max, 'Longest session timeout a group member may ask for.'),
  'group.max.size': int(10_000, 1, int32Max, 'Most members of one group.'),
  'socket.request.max.bytes': int(
    100 * mib,
    1024,
    int32Max - 4,
    'Largest request frame that is read from a connection.',
  ),
  'queued.max.request.bytes': int(
    256 * mib,
    mib,
    Number.MAX_SAFE_INTEGER,
    'Bytes of requests that may be in work in all; past it connections are not read.',
  ),
  'connections.max.idle.ms': int(600_000, 100, int32Max, 'A connection that sends nothing for so long is closed.'),
  'frame.timeout.ms': int(30_000, 100, int32Max, 'Longest time from the first byte of a request frame to its last.'),
  'max.connections': int(10_000, 1, int32Max, 'Connections that are open at once; one more is closed at once.'),
  'fetch.max.bytes': int(55 * mib, 1024, int32Max, 'Most bytes of records in one fetch answer.'),
} as const satisfies Record<string, AnyRow>

export type SettingName = keyof typeof settingsTable

type ValueOf<R> = R extends { values: readonly (infer V)[] } ? V : R extends Row<infer T> ? T : never

/** All settings with their values. Numbers are in the unit that the name ends in. */
export type Settings = { readonly [K in SettingName]: ValueOf<(typeof settingsTable)[K]> }

/** What a caller gives: values or their text form, as from a file, a flag or the wire. */
export type SettingsInput = { readonly [K in SettingName]?: Settings[K] | string }

/** Settings that a topic may override, by topic-level name. */
export const topicSettingNames: ReadonlyMap<string, SettingName> = new Map(
  (Object.entries(settingsTable) as [SettingName, AnyRow][])
    .filter(([, row]) => row.topic !== undefined)
    .map(([name, row]) => [row.topic as string, name]),
)

function parseValue(row: AnyRow, shownName: string, value: unknown): number | boolean | string {
  const refuse = (expected: string): never => {
    throw new HoldfastError('INVALID_SETTING', `${shownName} = ${String(value)} is refused: it must be ${expected}.`)
  }
  if (row.type === 'boolean') {
    if (typeof value === 'boolean') return value
    return value === 'true' ? true : value === 'false' ? false : refuse('true or false')
  }
  if (row.type === 'enum') {
    const values = row.values ?? []
    return typeof value === 'string' && values.includes(value) ? value : refuse(`one of ${values.join(', ')}`)
  }
  const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value.trim()) ? Number(value) : value
  const { min, max } = row as IntRow
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < min || number > max) {
    return refuse(`a whole number from ${min} to ${max}`)
  }
  return number
}

/**
 * The defaults with `given` laid over them.
 * @throws INVALID_SETTING for an unknown name or a value out of range, with name, value and range.
 */
export function resolveSettings(given: Readonly<Record<string, unknown>> = {}): Settings {
  const resolved: Record<string, unknown> = {}
  for (const [name, row] of Object.entries(settingsTable)) resolved[name] = row.default
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    if (!Object.hasOwn(settingsTable, name)) {
      throw new HoldfastError('INVALID_SETTING', `There is no setting ${name}; "holdfast settings" lists them.`)
    }
    resolved[name] = parseValue(settingsTable[name as SettingName], name, value)
  }
  return resolved as Settings
}

/**
 * The settings that hold for a topic: the store's with the topic's own configuration laid over them.
 * @throws INVALID_CONFIG for a name that a topic cannot set or a value out of range.
 */
export function topicSettings(base: Settings, config: Readonly<Record<string, string | null>>): Settings {
  const resolved: Record<string, unknown> = { ...base }
  for (const [topicName, value] of Object.entries(config)) {
    const name = topicSettingNames.get(topicName)
    if (name === undefined) {
      const known = [...topicSettingNames.keys()].join(', ')
      throw new HoldfastError(
        'INVALID_CONFIG',
        `A topic has no configuration ${topicName} that is enforced here; there are ${known}.`,
      )
    }
    try {
      resolved[name] = parseValue(settingsTable[name], topicName, value)
    } catch (error) {
      throw new HoldfastError('INVALID_CONFIG', (error as Error).message, { cause: error })
    }
  }
  return resolved as Settings
}

export interface SettingDescription {
  readonly name: string
  /** The name under which a topic may set it. */
  readonly topicName?: string
  readonly default: string
  /** In words, e.g. "1 to 1000", "true or false". */
  readonly range: string
  readonly help: string
}

/** The table as text, for help and for the reference page. */
export function describeSettings(): SettingDescription[] {
  return (Object.entries(settingsTable) as [string, AnyRow][]).map(([name, row]) => ({
    name,
    topicName: row.topic,
    default: String(row.default),
    range: rangeOf(row),
    help: row.help,
  }))
}

function rangeOf(row: AnyRow): string {
  if (row.type === 'boolean') return 'true or false'
  return row.type === 'enum' ? (row.values ?? []).join(' or ') : `${row.min} to ${row.max}`
}
