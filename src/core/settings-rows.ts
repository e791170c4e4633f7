/** The kinds of rows in the table of settings: what each says of a value, and the short forms in which the table writes them. */

export interface Row<T> {
  readonly type: 'int' | 'fraction' | 'boolean' | 'enum' | 'list' | 'path' | 'text'
  readonly default: T
  /** The name under which a topic may override it. */
  readonly topic?: string
  /** A topic keeps the value that it was created with. */
  readonly fixed?: boolean
  /** The store's value can be changed while it is open: whoever needs it reads it anew each time. */
  readonly live?: boolean
  readonly help: string
}

export interface IntRow extends Row<number> {
  readonly type: 'int'
  readonly min: number
  readonly max: number
  readonly unit: Unit
}

/** A number that need not be whole. */
export interface FractionRow extends Row<number> {
  readonly type: 'fraction'
  readonly min: number
  readonly max: number
}

export interface BooleanRow extends Row<boolean> {
  readonly type: 'boolean'
}

export interface EnumRow<V extends string> extends Row<V> {
  readonly type: 'enum'
  readonly values: readonly V[]
}

/** One or more of the values, each at most once; "one,other" as text. */
export interface ListRow<V extends string> extends Row<readonly V[]> {
  readonly type: 'list'
  readonly values: readonly V[]
}

export interface PathRow extends Row<string> {
  readonly type: 'path'
}

/** A text that is not empty, of any form where none is given. */
export interface TextRow extends Row<string> {
  readonly type: 'text'
  readonly form?: TextForm
}

export interface TextForm {
  readonly pattern: RegExp
  /** What it must be, in words. */
  readonly words: string
}

export type SettingRow = IntRow | FractionRow | BooleanRow | EnumRow<string> | ListRow<string> | PathRow | TextRow

/** What a number counts. */
export type Unit =
  | 'bytes'
  | 'ms'
  | 'messages'
  | 'partitions'
  | 'members'
  | 'connections'
  | 'segments'
  | 'percent'
  | 'threads'
  | 'level'
  | 'hours'
  | 'slots'
  | 'entries'
  | 'number'

export const int = (
  defaultValue: number,
  min: number,
  max: number,
  unit: Unit,
  help: string,
  topic?: string,
  fixed?: boolean,
): IntRow => ({
  type: 'int',
  default: defaultValue,
  min,
  max,
  unit,
  help,
  topic,
  fixed,
})

export const fraction = (
  defaultValue: number,
  min: number,
  max: number,
  help: string,
  topic?: string,
): FractionRow => ({ type: 'fraction', default: defaultValue, min, max, help, topic })

export const flag = (defaultValue: boolean, help: string, topic?: string): BooleanRow => ({
  type: 'boolean',
  default: defaultValue,
  help,
  topic,
})

export const oneOf = <const V extends string>(
  defaultValue: V,
  values: readonly V[],
  help: string,
  topic?: string,
  fixed?: boolean,
): EnumRow<V> => ({ type: 'enum', default: defaultValue, values, help, topic, fixed })

export const listOf = <const V extends string>(
  defaultValue: readonly V[],
  values: readonly V[],
  help: string,
  topic?: string,
): ListRow<V> => ({ type: 'list', default: defaultValue, values, help, topic })

export const path = (defaultValue: string, help: string): PathRow => ({ type: 'path', default: defaultValue, help })

export const text = (defaultValue: string, help: string, form?: TextForm): TextRow => ({
  type: 'text',
  default: defaultValue,
  help,
  form,
})

/** A row whose value is read anew whenever it is needed, so that it can be changed meanwhile. */
export const live = <R extends SettingRow>(row: R): R => ({ ...row, live: true })
