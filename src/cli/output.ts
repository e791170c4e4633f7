/** What commands print: tables for people, JSON for programs, errors that say what to do. */

import { HoldfastError } from '../core/errors.js'

/** Buffers as base64url would help nobody: ids are printed in Kafka's text form by the callers. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** A table without borders, so that `awk` and `cut` can read it too. */
export async function printTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): Promise<void> {
  // Loaded when a table is printed: most commands start faster without it.
  const { default: Table } = await import('cli-table3')
  const bare = {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
  }
  const inside = { left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' }
  const table = new Table({
    head: [...head],
    chars: { ...bare, ...inside },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  })
  for (const row of rows) table.push(row.map(String))
  const lines = table.toString().split('\n')
  process.stdout.write(`${lines.map((line) => line.trimEnd()).join('\n')}\n`)
}

/** Prints an error for people on stderr; the stack only of what was not foreseen. */
export function printError(error: unknown): void {
  if (error instanceof HoldfastError) process.stderr.write(`holdfast: ${error.message} (${error.code})\n`)
  else process.stderr.write(`holdfast: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
}
