/** `holdfast find`, `holdfast at` and `holdfast get`: single messages, by key or id, by time, and by RocketMQ's id. */

import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { FindBound, FindTarget, Message, Queue } from '../client/queue.js'
import { HoldfastError } from '../core/errors.js'
import { jsonLineOf, parseTime } from './message-lines.js'
import { printTable } from './output.js'
import { onTarget, type TargetOptions, wholeNumber, withTarget } from './target.js'

interface Options extends TargetOptions {
  readonly partition?: number
  readonly limit?: number
  readonly json?: boolean
}

interface FindOptions extends Options {
  readonly key?: string
  readonly id?: string
  readonly from?: FindBound
  readonly to?: FindBound
}

/** A value of a table is cut here: it is for looking at. */
const shownCharacters = 60

export function findCommands(): (parent: Command) => void {
  return (parent) => {
    withTarget(parent.command('find <topic>'))
      .description('print the messages with a key or an id, the newest first; the topic keeps a key index for it')
      .option('--key <key>', 'the key to look for')
      .option('--id <id>', 'the id to look for')
      .option('--from <where>', 'from this offset, or @TIME (ms since 1970, or ISO 8601)', parseBound)
      .option('--to <where>', 'before this offset, or @TIME', parseBound)
      .option('-p, --partition <n>', 'only this partition', wholeNumber(0))
      .option('-n, --limit <n>', 'as many messages at most', wholeNumber(1), 100)
      .option('--json', 'print each message as a line of JSON')
      .action(find)
    withTarget(parent.command('at <topic> <time>'))
      .description('print the first message of each partition at a time (ms since 1970, or ISO 8601) or later')
      .option('-p, --partition <n>', 'only this partition', wholeNumber(0))
      .option('-n, --limit <n>', 'so many messages of each partition', wholeNumber(1), 1)
      .option('--json', 'print each message as a line of JSON')
      .action(at)
    withTarget(parent.command('get <message-id>'))
      .description("print the message of the commit log that has this id of RocketMQ's, 32 or 56 hexadecimal digits")
      .option('--json', 'print the message as a line of JSON')
      .action(get)
  }
}

function parseBound(text: string): FindBound {
  if (/^\d+$/.test(text)) return { offset: Number(text) }
  const time = text.startsWith('@') ? parseTime(text.slice(1)) : Number.NaN
  if (Number.isNaN(time)) throw new InvalidArgumentError('It must be an offset, or @TIME.')
  return { time }
}

async function find(topic: string, options: FindOptions): Promise<void> {
  const { key, id, from, to, partition, limit } = options
  if ((key === undefined) === (id === undefined)) {
    throw new HoldfastError('INVALID_ARGUMENT', 'Say what to find: --key or --id, one of them.')
  }
  const target: FindTarget = key === undefined ? { id: id as string } : { key }
  await print(options, (queue) => queue.find(topic, target, { from, to, partition, limit }))
}

async function at(topic: string, text: string, options: Options): Promise<void> {
  const time = parseTime(text)
  if (Number.isNaN(time)) {
    throw new HoldfastError('INVALID_ARGUMENT', `${text} is no time; give milliseconds since 1970, or ISO 8601.`)
  }
  const { partition, limit } = options
  await print(options, (queue) => queue.at(topic, time, { partition, limit }))
}

async function get(messageId: string, options: Options): Promise<void> {
  await print(options, async (queue) => {
    const message = await queue.get(messageId)
    return message === undefined ? [] : [message]
  })
}

async function print(options: Options, look: (queue: Queue) => Promise<Message[]>): Promise<void> {
  const messages = await onTarget(options, async (service) => {
    const { Queue } = await import('../client/queue.js')
    return look(new Queue(service))
  })
  if (options.json) {
    for (const message of messages) process.stdout.write(jsonLineOf(message))
    return
  }
  await printTable(
    ['PARTITION', 'OFFSET', 'TIME', 'KEY', 'VALUE'],
    messages.map(({ partition, offset, timestamp, key, value }) => [
      partition,
      offset,
      new Date(timestamp).toISOString(),
      shown(key),
      shown(value),
    ]),
  )
}

/** On one line, and not longer than a line should be. */
function shown(bytes: Buffer | null): string {
  if (bytes === null) return '-'
  const text = bytes
    .subarray(0, shownCharacters * 4)
    .toString()
    .replaceAll(/\p{Cc}/gu, ' ')
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text
}
