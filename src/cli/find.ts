/** `holdfast find`, `holdfast at` and `holdfast get`: single messages, by key or id, by time, and by RocketMQ's id. */

import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { FindBound, FindTarget, Message, Queue } from '../client/queue.js'
import { HoldfastError } from '../core/errors.js'
import { type Column, type FormatOptions, formatOf, printRows, withFormat } from './formats.js'
import { headersText, type MessageRow, messageColumns, parseTime, rowOf } from './message-lines.js'
import { onTarget, type TargetOptions, wholeNumber, withTarget } from './target.js'
import { cutTo } from './terminal.js'

interface Options extends TargetOptions, FormatOptions {
  readonly partition?: number
  readonly limit?: number
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
    withFormat(withTarget(parent.command('find <topic>')))
      .description('print the messages with a key or an id, the newest first; the topic keeps a key index for it')
      .option('--key <key>', 'the key to look for')
      .option('--id <id>', 'the id to look for')
      .option('--from <where>', 'from this offset, or @TIME (ms since 1970, or ISO 8601)', parseBound)
      .option('--to <where>', 'before this offset, or @TIME', parseBound)
      .option('-p, --partition <n>', 'only this partition', wholeNumber(0))
      .option('-n, --limit <n>', 'as many messages at most', wholeNumber(1), 100)
      .action(find)
    withFormat(withTarget(parent.command('at <topic> <time>')))
      .description('print the first message of each partition at a time (ms since 1970, or ISO 8601) or later')
      .option('-p, --partition <n>', 'only this partition', wholeNumber(0))
      .option('-n, --limit <n>', 'so many messages of each partition', wholeNumber(1), 1)
      .action(at)
    withFormat(withTarget(parent.command('get <message-id>')))
      .description("print the message of the commit log that has this id of RocketMQ's, 32 or 56 hexadecimal digits")
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
  const rows = messages.map(rowOf)
  const format = formatOf(options, 'jsonl')
  if (format === 'template') printRows(rows, messageColumns, options)
  else printRows(rows, format === 'table' ? shownColumns : messageColumns, { format })
}

/** For looking at: a value is cut where a line should end, and headers only take room where there are any. */
const shownColumns: readonly Column<MessageRow>[] = messageColumns
  .filter(({ head }) => head !== 'HEADERS')
  .map((column) => {
    if (column.head !== 'VALUE') return column
    const of = (row: MessageRow) => {
      const headers = row.headers.length === 0 ? '' : `  [${headersText(row.headers)}]`
      return row.value === null ? null : cutTo(row.value, shownCharacters) + cutTo(headers, shownCharacters)
    }
    return { ...column, of }
  })
