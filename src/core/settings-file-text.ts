/** A settings file as text: every setting with what it means, ready to be changed where somebody wants another value. */

import { describeSettings, type SettingDescription } from './settings.js'
import { variableOf } from './settings-sources.js'

/** Comment lines are broken here, as people's editors show them. */
const lineColumns = 100

const head = `# Settings of Holdfast. A line without # in front of it holds; the values that stand here are the defaults.
#
# Used by: holdfast serve --config holdfast.properties, or HOLDFAST_CONFIG=/etc/holdfast.properties
# Environment variables (HOLDFAST_ and the name in capitals, dots as underscores) and --set NAME=VALUE hold over this file,
# "holdfast settings --config holdfast.properties" shows what holds, and where it is from.
#
# Form: name=value, a line each; # begins a comment line; a backslash escapes, and at the end of a line carries it on.
`

/**
 * The lines of `holdfast.properties`.
 * @param own values that hold, by name; the others stand behind a #, with their defaults
 */
export function settingsFileText(own: ReadonlyMap<string, string> = new Map()): string {
  return [head, ...describeSettings().map((row) => entryText(row, own.get(row.name)))].join('\n')
}

function entryText(row: SettingDescription, value: string | undefined): string {
  const range = `${row.range}${row.unit === undefined ? '' : ` (${row.unit})`}`
  const facts = [
    `Values: ${range}.`,
    row.topicName === undefined ? '' : `Topics: ${row.topicName}${row.fixed ? ', from their creation on' : ''}.`,
    row.live ? `While it serves: holdfast config set ${row.name}=VALUE.` : '',
    `Variable: ${variableOf(row.name)}.`,
  ]
  const comment = [...broken(row.help), ...facts.filter(Boolean).flatMap(broken)].map((line) => `# ${line}\n`)
  const mark = value === undefined ? '#' : ''
  return `${comment.join('')}${mark}${row.name}=${escaped(value ?? row.default)}\n`
}

/** The rules of Java's property files: a backslash, line ends, and blanks at the beginning of a value are escaped. */
function escaped(value: string): string {
  return value
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll('\f', '\\f')
    .replace(/^ /, '\\ ')
}

function broken(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < lineColumns) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
