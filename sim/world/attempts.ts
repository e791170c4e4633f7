/** What somebody sent, and what was said to it. Each record carries who it is, so that it is known again wherever it turns up. */

import type { HoldfastError } from '../../src/core/errors.js'
import type { RecordInput } from '../../src/records/record.js'

/** `disk`: it survives the loss of power. `cache`: it survives the death of the process. */
export type Strength = 'disk' | 'cache'

export type Outcome =
  /** No answer yet. */
  | 'open'
  | 'acknowledged'
  /** It may be there or not: nobody was told. */
  | 'unknown'
  /** Refused because the disk failed: what it left is cut away, unless the process dies before that. */
  | 'refused'
  /** Refused for what it is: nothing was ever written. */
  | 'never'

/** A transaction as its producer sees it. */
export interface TransactionAttempt {
  readonly name: string
  /** Its commit was asked for: from then on it may be committed. */
  commitAsked: boolean
  outcome: 'open' | 'committed' | 'aborted' | 'unknown'
  /** What was written in it, as far as that was acknowledged. */
  readonly written: Written[]
}

export interface Written {
  readonly partition: { readonly name: string; firm(attempt: Attempt): void }
  readonly attempt: Attempt
  /** Where it was acknowledged. The loss of power may take it from there, and then nothing knows it but this. */
  readonly baseOffset: number
}

export interface Attempt {
  readonly id: string
  readonly records: readonly RecordInput[]
  readonly texts: readonly string[]
  readonly transaction: TransactionAttempt | undefined
  outcome: Outcome
  /** Once it is known. */
  baseOffset: number | undefined
  /** A start has not found it in the log, which began there, and nobody has sent it again since. */
  goneFrom: number | undefined
}

/** Everything of a record that has to come back. */
export function textOf({ key, value, headers = [], timestamp }: RecordInput): string {
  const text = (bytes: Uint8Array | null | undefined): string => (bytes == null ? '-' : Buffer.from(bytes).toString())
  return `${timestamp} ${text(key)} ${text(value)} ${headers.map((header) => `${header.key}:${text(header.value)}`).join()}`
}

const idHeader = 'id'

export function identified(id: string, index: number, record: RecordInput): RecordInput {
  return { ...record, headers: [{ key: idHeader, value: Buffer.from(`${id}/${index}`) }] }
}

/** Which attempt a record says it comes from, and as the how-manieth of it. */
export function identityOf(record: RecordInput): { readonly id: string; readonly index: number } | undefined {
  const value = record.headers?.find(({ key }) => key === idHeader)?.value?.toString()
  if (value === undefined) return undefined
  const slash = value.lastIndexOf('/')
  return { id: value.slice(0, slash), index: Number(value.slice(slash + 1)) }
}

const diskRefusals: ReadonlySet<string> = new Set(['LOG_FAILED', 'DISK_FULL', 'DISK_FAILED', 'LOG_DAMAGED'])
const unknowns: ReadonlySet<string> = new Set([
  'FLUSH_DISK_TIMEOUT',
  'CLOSED',
  // Of several nodes: whether it was appended, and who has it, nobody was told.
  'CONNECTION_FAILED',
  'NOT_LEADER_OR_FOLLOWER',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
])

export function outcomeOf(error: HoldfastError): Outcome {
  if (diskRefusals.has(error.code)) return 'refused'
  return unknowns.has(error.code) ? 'unknown' : 'never'
}

/** What is known of an attempt that was made a second time. */
export function afterAnother(before: Outcome, now: Outcome): Outcome {
  if (before === 'open' || now === 'acknowledged' || before === now) return now
  return before === 'acknowledged' ? 'acknowledged' : 'unknown'
}
