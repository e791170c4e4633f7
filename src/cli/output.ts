/** What commands print beside lists: JSON for programs, errors that say what to do next. */

import { type ErrorCode, HoldfastError } from '../core/errors.js'
import { painted } from './terminal.js'

/** 0 nothing is wrong. The numbers are told in docs/cli.md. */
export const exitCodes = {
  /** It failed, or found what should not be. */
  failed: 1,
  /** Options, arguments or settings that are wrong; of verify and repair, that they could not run. */
  usage: 2,
} as const

const usageErrors: ReadonlySet<string> = new Set<ErrorCode>(['INVALID_ARGUMENT', 'INVALID_SETTING'])

export function exitCodeOf(error: unknown): number {
  return error instanceof HoldfastError && usageErrors.has(error.code) ? exitCodes.usage : exitCodes.failed
}

/** Buffers as base64url would help nobody: ids are printed in Kafka's text form by the callers. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** What a person can do next, where the message, which is said to programs too, does not tell which command helps. */
const nextSteps: Partial<Record<ErrorCode, string>> = {
  CONNECTION_FAILED:
    'Start a broker with "holdfast serve", name another one with --broker HOST:PORT, or work on a folder that nobody serves with --data DIR.',
  DATA_DIR_LOCKED: 'While it is served, ask the broker: --broker HOST:PORT instead of --data.',
  UNKNOWN_TOPIC_OR_PARTITION: '"holdfast topics list" shows which there are.',
  GROUP_ID_NOT_FOUND: '"holdfast groups list" shows which there are.',
  NON_EMPTY_GROUP: '"holdfast groups describe GROUP" names its members.',
  KEY_INDEX_OFF: '"holdfast config set --topic TOPIC key.index.enable=true" has one built.',
  INVALID_CONFIG: '"holdfast config get --topic TOPIC" shows what a topic can say for itself.',
  UNSUPPORTED_OVER_WIRE: 'Stop the broker and use --data DIR, or use the console that "holdfast serve --http" offers.',
  LOG_DAMAGED: 'Stop what has it open, and run "holdfast verify DIR", which says what to do.',
  DISK_WATERMARK: '"holdfast topics list" shows what takes the room.',
}

/** Prints an error for people on stderr; the stack only of what was not foreseen. */
export function printError(error: unknown): void {
  const { stderr } = process
  const name = painted('bad', 'holdfast:', stderr)
  if (!(error instanceof HoldfastError)) {
    stderr.write(`${name} ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    return
  }
  const { code, message } = error
  stderr.write(`${name} ${message} (${code})\n`)
  const next = nextSteps[code]
  // Some messages name the command themselves.
  if (next !== undefined && !message.includes(next.split('"')[1] ?? next)) stderr.write(`  ${next}\n`)
}
