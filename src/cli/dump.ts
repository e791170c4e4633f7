/** `holdfast dump`: what lies in the files of a data directory, for people or, as JSON lines, for programs. */

import { once } from 'node:events'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { DumpRow, DumpValue } from '../storage/inspect/dump.js'
import { type SettingsOptions, settingsOf, withSettings } from './settings-options.js'
import { wholeNumber } from './target.js'

type Encoding = 'text' | 'hex' | 'base64'

interface Options extends SettingsOptions {
  readonly records?: boolean
  readonly decode?: boolean
  readonly bytes: Encoding
  readonly from?: number
  readonly to?: number
  readonly topic?: string
  readonly limit?: number
  readonly json?: boolean
}

export function dumpCommand(): (parent: Command) => void {
  return (parent) => {
    withSettings(
      parent
        .command('dump <path...>')
        .description('show what lies in data directories, partitions, commit logs or single files, batch by batch'),
    )
      .option('-r, --records', 'also the records of each batch; of messages of a commit log, properties and body')
      .option('--decode', "show what the records of the broker's own topics mean")
      .addOption(
        new Option('--bytes <how>', 'keys and values as text (hex where they are none), hex or base64')
          .choices(['text', 'hex', 'base64'])
          .default('text'),
      )
      .option('-f, --from <offset>', 'from this offset on', wholeNumber(0))
      .option('-t, --to <offset>', 'up to this offset', wholeNumber(0))
      .option('--topic <name>', 'of a commit log, only the messages of this topic')
      .option('-n, --limit <n>', 'stop after so many batches, messages and entries', wholeNumber(1))
      .option('--json', 'print each row as a line of JSON')
      .addHelpText(
        'after',
        '\nExit code: 0 all could be read, 1 something could not (a row "stop" says where and why).',
      )
      .action(dump)
  }
}

/** What `--limit` counts. */
const counted: ReadonlySet<string> = new Set(['batch', 'message', 'entry', 'producer'])

async function dump(paths: readonly string[], options: Options): Promise<void> {
  const [{ dump: rowsOf }, { nodeDisk }, settings, decode] = await Promise.all([
    import('../storage/inspect/dump.js'),
    import('../files/node-disk.js'),
    settingsOf(options),
    options.decode ? import('./decoding.js').then(({ decodeRecord }) => decodeRecord) : undefined,
  ])
  let isGone = false
  process.stdout.on('error', () => {
    isGone = true
  })
  let left = options.limit ?? Number.POSITIVE_INFINITY
  for (const path of paths) {
    for await (const row of rowsOf(nodeDisk, path, { ...options, settings, decode })) {
      if (counted.has(row.type) && left-- <= 0) return
      if (row.type === 'stop') process.exitCode = 1
      const line = options.json ? JSON.stringify(forJson(row, options.bytes)) : textOf(row, options.bytes)
      if (!process.stdout.write(`${line}\n`) && !isGone) await once(process.stdout, 'drain').catch(() => {})
      if (isGone) return
    }
  }
}

/** `batch position=0 bytes=85 …`: a row a line, whatever is in it. */
export function textOf({ type, ...fields }: DumpRow, encoding: Encoding): string {
  const parts = Object.entries(fields).map(([name, value]) => `${name}=${valueText(value, encoding)}`)
  const indent = type === 'file' ? '' : type === 'record' || type === 'marker' ? '    ' : '  '
  return `${indent}${type} ${parts.join(' ')}`
}

function valueText(value: DumpValue, encoding: Encoding): string {
  if (Buffer.isBuffer(value)) return bytesText(value, encoding)
  if (typeof value === 'string') return /^[\w./:+-]+$/.test(value) ? value : JSON.stringify(value)
  return typeof value === 'object' ? JSON.stringify(forJson(value, encoding)) : String(value)
}

function bytesText(bytes: Buffer, encoding: Encoding): string {
  if (encoding !== 'text') return bytes.toString(encoding)
  return isText(bytes) ? JSON.stringify(bytes.toString('utf8')) : `hex:${bytes.toString('hex')}`
}

/** Text that survives being text: UTF-8 without control characters but tab and line ends, which JSON escapes. */
function isText(bytes: Buffer): boolean {
  const text = bytes.toString('utf8')
  return Buffer.from(text, 'utf8').equals(bytes) && ![...text].some((char) => char < ' ' && !'\t\r\n'.includes(char))
}

function forJson(value: DumpValue, encoding: Encoding): unknown {
  if (Buffer.isBuffer(value)) {
    if (encoding === 'text') return isText(value) ? value.toString('utf8') : { hex: value.toString('hex') }
    return { [encoding]: value.toString(encoding) }
  }
  if (Array.isArray(value)) return value.map((one: DumpValue) => forJson(one, encoding))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, forJson(one as DumpValue, encoding)]))
}
