/** `holdfast consume`: messages to stdout, a line each; of a group, or by offset. */

import { once } from 'node:events'
import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import type { ConsumeOptions, Message, Queue } from '../client/queue.js'
import { HoldfastError } from '../core/errors.js'
import { headLines, lineForm } from './formats.js'
import { headersText, messageColumns, parseTime, rowOf } from './message-lines.js'
import { onTarget, type TargetOptions, wholeNumber, withTarget } from './target.js'

const formats = ['value', 'jsonl', 'csv', 'tsv'] as const
type Format = (typeof formats)[number]

type From = 'earliest' | 'latest' | { offset: number } | { time: number }

interface Options extends TargetOptions {
  readonly group?: string
  readonly from: From
  readonly partition?: number
  readonly tags?: string
  readonly limit?: number
  readonly follow: boolean
  readonly json?: boolean
  readonly format?: Format
  readonly template?: string
  readonly headers?: boolean
  readonly uncommitted?: boolean
  readonly keySeparator?: string
}

export function consumeCommand(): (parent: Command) => void {
  return (parent) => {
    withTarget(parent.command('consume <topic>'))
      .description('print messages, a line each')
      .option('-g, --group <id>', 'consume as a member of a group, and acknowledge what was printed')
      .option(
        '-f, --from <where>',
        'earliest, latest, an offset, or @TIME (ms since 1970, or ISO 8601)',
        parseFrom,
        'earliest',
      )
      .option('-p, --partition <n>', 'only this partition', wholeNumber(0))
      .option('-t, --tags <expression>', "only messages with one of these tags: 'tagA || tagB'")
      .option('-n, --limit <n>', 'stop after so many messages', wholeNumber(1))
      .option('--follow', 'wait for more at the end of the topic; it does so unless told otherwise', true)
      .option('--no-follow', 'stop at the end of the topic instead of waiting for more')
      .addOption(new Option('-k, --key-separator <text>', 'print the key and this in front of each value'))
      .option('--uncommitted', 'print messages of open and aborted transactions too')
      .option('-H, --headers', 'print the headers in front of each value, as [name=value, …]')
      .addOption(new Option('--format <form>', 'a line of this form for each message').choices(formats))
      .option('--json', 'print each message as a line of JSON; short for --format jsonl')
      .option(
        '--template <text>',
        "a line of this form for each message, {field} being a field of --json, as '{offset} {key}'",
      )
      .action(consume)
  }
}

function parseFrom(text: string): From {
  if (text === 'earliest' || text === 'latest') return text
  if (/^\d+$/.test(text)) return { offset: Number(text) }
  const time = text.startsWith('@') ? parseTime(text.slice(1)) : Number.NaN
  if (Number.isNaN(time)) throw new InvalidArgumentError('It must be earliest, latest, an offset, or @TIME.')
  return { time }
}

async function consume(topic: string, options: Options): Promise<void> {
  if (options.group !== undefined && (options.partition !== undefined || !options.follow)) {
    const why =
      'A member of a group gets its partitions from the group and waits for more: --partition and --no-follow are for consuming without --group. Use --limit to stop.'
    throw new HoldfastError('INVALID_ARGUMENT', why)
  }
  // Before a connection is made for it.
  formOf(options)
  const stop = new AbortController()
  const onSignal = () => stop.abort()
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  // A reader that went away (`| head`) ends the command, not with an error.
  process.stdout.on('error', onSignal)
  try {
    await onTarget(options, async (service) => {
      const { Queue } = await import('../client/queue.js')
      const queue = new Queue(service)
      try {
        await print(queue, topic, options, stop.signal)
      } finally {
        await queue.close()
      }
    })
  } catch (error) {
    if (!stop.signal.aborted) throw error
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

async function print(queue: Queue, topic: string, options: Options, signal: AbortSignal): Promise<void> {
  const { group, from, partition, tags, follow } = options
  const common = { from, tags, isolation: options.uncommitted ? 'uncommitted' : 'committed', signal } as const
  const how: ConsumeOptions = group === undefined ? { ...common, partition, follow } : { ...common, group }
  let left = options.limit ?? Number.POSITIVE_INFINITY
  const { head, lineOf } = formOf(options)
  for (const line of head) process.stdout.write(`${line}\n`)
  for await (const message of queue.consume(topic, how)) {
    const flushed = process.stdout.write(lineOf(message))
    if (!flushed) await once(process.stdout, 'drain', { signal })
    if (group !== undefined) await message.ack()
    if (--left <= 0) return
  }
}

type LineOf = (message: Message) => Buffer | string

/** @throws INVALID_ARGUMENT where the options contradict each other */
function formOf({ format, json, template, keySeparator, headers }: Options): { head: string[]; lineOf: LineOf } {
  const said = [
    json ? ('jsonl' as const) : undefined,
    format,
    template === undefined ? undefined : ('template' as const),
  ]
  const asked = [...new Set(said)].filter((each) => each !== undefined)
  if (asked.length > 1) throw new HoldfastError('INVALID_ARGUMENT', 'Say one of --format, --json and --template.')
  const form = asked[0] ?? 'value'
  if (form === 'value') return { head: [], lineOf: (message) => bareLine(message, keySeparator, headers) }
  const line = lineForm(messageColumns, form, template)
  return { head: headLines(messageColumns, form), lineOf: (message) => `${line(rowOf(message))}\n` }
}

/** The bytes of a value as they are; what else is asked for stands in front of them. */
function bareLine(message: Message, keySeparator: string | undefined, withHeaders: boolean | undefined): Buffer {
  const parts: Buffer[] = []
  if (withHeaders) parts.push(Buffer.from(`[${headersText(rowOf(message).headers)}] `))
  if (keySeparator !== undefined) parts.push(message.key ?? Buffer.alloc(0), Buffer.from(keySeparator))
  return Buffer.concat([...parts, message.value ?? Buffer.alloc(0), Buffer.from('\n')])
}
