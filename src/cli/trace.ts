/** `holdfast trace`: the trail of one message, in a folder that nobody serves or through the console's API of a broker. */

import { type Command, Option } from 'commander'
import type { Trail } from '../console/api-types.js'
import type { TraceTarget } from '../console/tracing.js'
import { type ErrorCode, errorTable, HoldfastError } from '../core/errors.js'
import { printJson } from './output.js'
import { type SettingsOptions, settingsOf, withSettings } from './settings-options.js'
import { wholeNumber } from './target.js'

interface Options extends SettingsOptions, Omit<TraceTarget, 'topic'> {
  readonly data?: string
  readonly http?: string
  readonly httpToken?: string
  readonly json?: boolean
}

const longestAnswerMs = 15_000
const shownCharacters = 200

export function traceCommand(): (parent: Command) => void {
  return (parent) => {
    withSettings(
      parent
        .command('trace <topic>')
        .description('tell of one message where it lies, who wrote it, when it became durable, and who has read it')
        .option('--offset <n>', 'the message at this offset', wholeNumber(0))
        .option('--key <key>', 'the newest with this key; the topic keeps a key index for it')
        .option('--id <id>', 'the newest that was sent with this id')
        .option('-p, --partition <n>', 'in this partition', wholeNumber(0))
        .option('--http <url>', "ask a served broker, by its console's address")
        .addOption(new Option('--http-token <token>', "the console's token").env('HOLDFAST_HTTP_TOKEN'))
        .option('-d, --data <dir>', 'look into a data directory that nobody serves'),
    )
      .option('--json', 'print the trail as one object of JSON')
      .addHelpText(
        'after',
        '\nOnly a served broker remembers its flushes: --http tells by which a message became durable.',
      )
      .action(trace)
  }
}

async function trace(topic: string, options: Options): Promise<void> {
  const { offset, key, id, partition, http, data } = options
  if ((http === undefined) === (data === undefined)) {
    throw new HoldfastError('INVALID_ARGUMENT', 'Say where to look: --http URL of a served broker, or --data DIR.')
  }
  const target = { topic, offset, key, id, partition }
  const trail = http === undefined ? await traceHere(target, options) : await traceThere(target, http, options)
  if (options.json) printJson(trail)
  else process.stdout.write(trailText(trail))
}

async function traceHere(target: TraceTarget, options: Options): Promise<Trail> {
  const [{ Broker }, { traceMessage }, { FlushTrail }, settings] = await Promise.all([
    import('../broker/broker.js'),
    import('../console/tracing.js'),
    import('../console/flush-trail.js'),
    settingsOf(options),
  ])
  const broker = await Broker.open(options.data as string, { settings })
  try {
    return await traceMessage(broker, target, new FlushTrail())
  } finally {
    await broker.close()
  }
}

async function traceThere(target: TraceTarget, address: string, { httpToken }: Options): Promise<Trail> {
  const url = new URL('/api/trace', /^https?:\/\//.test(address) ? address : `http://${address}`)
  for (const [name, value] of Object.entries(target)) if (value !== undefined) url.searchParams.set(name, String(value))
  const headers: Record<string, string> = httpToken === undefined ? {} : { authorization: `Bearer ${httpToken}` }
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(longestAnswerMs) }).catch((cause: unknown) => {
    throw new HoldfastError('CONNECTION_FAILED', `No console answers at ${url.origin}.`, { cause })
  })
  if (answer.ok) return (await answer.json()) as Trail
  throw await refusalOf(answer, url.origin)
}

async function refusalOf(answer: Response, origin: string): Promise<HoldfastError> {
  const told = (await answer.json().catch(() => ({}))) as { code?: string; message?: string }
  const { code = '', message = `${origin} answered with status ${answer.status}.` } = told
  return new HoldfastError(Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'INVALID_REQUEST', message)
}

/** A line for each thing that is known. */
export function trailText(trail: Trail): string {
  const { topic, partition, offset, message, place } = trail
  const { batch } = place
  const producer = batch.producerId === null ? 'not told' : `producer ${batch.producerId}, epoch ${batch.producerEpoch}`
  const lines: [string, string][] = [
    ['message', `${topic}-${partition} at offset ${offset}`],
    ['sent', `${timeOf(message.timestamp)} by ${producer}`],
    ['key', shown(message.key)],
    ['value', shown(message.value)],
    ['id', message.id ?? '-'],
    ['message id', trail.messageId ?? '-'],
    ['file', `${place.file} at byte ${place.position}, ${place.sizeInBytes} bytes`],
    [
      'batch',
      `offsets ${batch.baseOffset} to ${batch.lastOffset}, ${batch.codec === 'none' ? 'not compressed' : batch.codec}`,
    ],
    ['transaction', batch.transactional ? trail.committedState : 'none'],
    ['durable', durableText(trail)],
    ['copies elsewhere', String(trail.replicas)],
    ['kept until', trail.removableAtMs === null ? 'not foreseen' : timeOf(trail.removableAtMs)],
    ...trail.groups.map(({ id, committed, hasPassed }): [string, string] => [
      'group',
      `${id} ${hasPassed ? 'has read past it' : 'has not read it'}, its next offset is ${committed}`,
    ]),
  ]
  const width = Math.max(...lines.map(([name]) => name.length)) + 2
  return lines.map(([name, value]) => `${name.padEnd(width)}${value}\n`).join('')
}

function durableText({ durable, flush }: Trail): string {
  if (!durable) return 'not yet'
  if (flush === null) return 'yes'
  return `since ${timeOf(flush.timeMs)}, by a flush of ${flush.messages} messages that took ${flush.durationMs.toFixed(2)} ms`
}

function timeOf(ms: number): string {
  return ms < 0 || ms > 8.64e15 ? 'no time' : new Date(ms).toISOString()
}

/** On one line: control characters would do to a terminal what the sender likes. */
function shown(bytes: Trail['message']['key']): string {
  if (bytes === null) return '-'
  const text = bytes.text?.replaceAll(/\p{Cc}/gu, ' ') ?? `base64 ${bytes.base64}`
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text
}
