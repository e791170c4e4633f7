/** `holdfast produce`: lines from stdin, a message each, or messages that are given as arguments. */

import { type Command, Option } from 'commander'
import type { MessageInput } from '../client/message.js'
import type { Queue } from '../client/queue.js'
import { HoldfastError } from '../core/errors.js'
import { collectTexts, parsePair } from './settings-options.js'
import { onTarget, type TargetOptions, wholeNumber, withTarget } from './target.js'

interface Options extends TargetOptions {
  readonly keySeparator?: string
  readonly key?: string
  readonly partition?: number
  readonly header?: readonly { key: string; value: string }[]
  readonly tags?: string
  readonly keys?: readonly string[]
  readonly id?: string
  readonly message?: readonly string[]
  readonly input: 'lines' | 'jsonl'
  readonly json?: boolean
}

export function produceCommand(): (parent: Command) => void {
  return (parent) => {
    withTarget(parent.command('produce <topic>'))
      .description('send each line of stdin as a message; exits when all are acknowledged')
      .option('-m, --message <text>', 'send this instead of stdin, may be repeated', collectTexts)
      .addOption(
        new Option('--input <form>', 'lines: each is a value. jsonl: each is a message, as consume --json prints it')
          .choices(['lines', 'jsonl'])
          .default('lines'),
      )
      .option('-k, --key-separator <text>', 'what stands before the first of these in a line is the key')
      .option('--key <key>', 'the key of every message')
      .option('-p, --partition <n>', 'send to this partition', wholeNumber(0))
      .option('-H, --header <name=value>', 'a header of every message, may be repeated', collectHeader)
      .option('--id <id>', 'the id of the message')
      .option('--tags <tag>', 'the tag of every message')
      .option('--keys <keys>', 'keys of every message to find it by, separated by spaces', splitKeys)
      .option('--json', 'print the receipt of each message as a line of JSON')
      .action(produce)
  }
}

function collectHeader(text: string, gathered: readonly { key: string; value: string }[] = []) {
  const [key, value] = parsePair(text)
  return [...gathered, { key, value }]
}

function splitKeys(text: string): string[] {
  return text.split(' ').filter(Boolean)
}

/** Lines under way at the same time; they share flushes. */
const linesAtOnce = 10_000

async function produce(topic: string, options: Options): Promise<void> {
  await onTarget(options, async (service) => {
    const { Queue } = await import('../client/queue.js')
    const queue = new Queue(service)
    try {
      let pending: Promise<void>[] = []
      let failure: unknown
      for await (const line of linesToSend(options)) {
        const sent = sendLine(queue, topic, line, options)
        pending.push(
          sent.catch((error: unknown) => {
            failure ??= error
          }),
        )
        if (pending.length < linesAtOnce) continue
        await Promise.all(pending)
        pending = []
        if (failure !== undefined) break
      }
      await Promise.all(pending)
      if (failure !== undefined) throw failure
    } finally {
      await queue.close()
    }
  })
}

async function sendLine(queue: Queue, topic: string, line: Buffer, options: Options): Promise<void> {
  const receipt = await queue.send(topic, messageOf(line, options))
  if (options.json) process.stdout.write(`${JSON.stringify(receipt)}\n`)
}

function linesToSend({ message }: Options): AsyncIterable<Buffer> | readonly Buffer[] {
  if (message !== undefined) return message.map((text) => Buffer.from(text))
  if (process.stdin.isTTY) process.stderr.write('Each line is a message; Ctrl-D ends.\n')
  return linesOf(process.stdin)
}

function messageOf(line: Buffer, options: Options): MessageInput {
  const { keySeparator, key, partition, header, tags, keys, id } = options
  const rest = { partition, headers: header, tags, keys, id }
  if (options.input === 'jsonl') return { ...rest, ...messageInJson(line) }
  const at = keySeparator === undefined ? -1 : line.indexOf(keySeparator)
  if (keySeparator === undefined || at === -1) return { ...rest, key: key ?? null, value: line }
  return { ...rest, key: line.subarray(0, at), value: line.subarray(at + Buffer.byteLength(keySeparator)) }
}

/**
 * A line of `consume --json`, or one with fewer fields: what it says of key, value, headers and partition holds over the
 * options. Topic, offset and timestamp are not sent again.
 * @throws INVALID_ARGUMENT
 */
function messageInJson(line: Buffer): Partial<MessageInput> {
  const refuse = (why: string) => new HoldfastError('INVALID_ARGUMENT', `A line of the input is refused: ${why}.`)
  let fields: unknown
  try {
    fields = JSON.parse(line.toString())
  } catch {
    throw refuse(`it is no JSON: ${line.toString().slice(0, 80)}`)
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) throw refuse('it is no object of JSON')
  const { key, value, headers, partition } = fields as Readonly<Record<string, unknown>>
  return {
    ...(key !== undefined && { key: textOrNull(key) }),
    ...(value !== undefined && { value: textOrNull(value) }),
    ...(partition !== undefined && { partition: Number(partition) }),
    ...(Array.isArray(headers) && { headers: headers.map(headerIn) }),
  }
}

/** What is no text is written as JSON, so that `"value":{…}` can be sent as it stands. */
function textOrNull(value: unknown): string | null {
  return value === null || typeof value === 'string' ? value : JSON.stringify(value)
}

function headerIn(pair: unknown): { key: string; value: string | null } {
  if (Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string') {
    return { key: pair[0], value: textOrNull(pair[1]) }
  }
  throw new HoldfastError('INVALID_ARGUMENT', `A header is ["name","value"], not ${JSON.stringify(pair)}.`)
}

/** Lines as bytes, without their newline: what is no UTF-8 goes through unchanged. */
async function* linesOf(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const newline = 0x0a
  let begun: Buffer[] = []
  for await (const chunk of input) {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      yield Buffer.concat([...begun, chunk.subarray(start, end)])
      begun = []
      start = end + 1
    }
    if (start < chunk.length) begun.push(chunk.subarray(start))
  }
  if (begun.length > 0) yield Buffer.concat(begun)
}
