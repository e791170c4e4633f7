/** Messages of a topic: looked at by offset, time, key or id, followed as they come, and sent. */

import { checkTagExpression } from '../client/consume-options.js'
import { findMessages } from '../client/finding.js'
import { type MessageInput, Queue } from '../client/queue.js'
import { describeTopic } from '../client/topics.js'
import type { MessagePage } from './api-types.js'
import {
  type Fields,
  fieldsOf,
  listField,
  mostMessageBodyBytes,
  nullableTextField,
  numberField,
  onlyFields,
  textField,
} from './bodies.js'
import type { ConsoleApp, ConsoleBroker, ConsoleContext, ConsoleTools } from './context.js'
import { readPage } from './message-pages.js'
import { numberIn, partOf, textIn } from './parameters.js'
import { invalid } from './refusals.js'
import { browsed } from './shown-messages.js'
import { followTopic } from './tail.js'

const usualMessages = 50
const mostMessages = 500
/** A search gives whole messages, which may be large. */
const mostFound = 50

export function addMessages(app: ConsoleApp, tools: ConsoleTools): void {
  const { limits, broker } = tools
  const queue = new Queue(broker, { clientId: 'holdfast-console' })
  app.get('/api/topics/:topic/messages', async (c) => c.json(await limits.run((signal) => look(c, broker, signal))))
  app.get('/api/topics/:topic/tail', (c) => followTopic(c, tools))
  app.post('/api/topics/:topic/messages', async (c) => {
    const message = messageOf(await fieldsOf(c, mostMessageBodyBytes))
    const topic = partOf(c, 'topic')
    // A topic is not created by a slip of the pen.
    await describeTopic(broker, topic, false)
    const { partition, offset, timestamp } = await limits.run(() => queue.send(topic, message))
    return c.json({ partition, offset, timestamp }, 201)
  })
}

async function look(c: ConsoleContext, broker: ConsoleBroker, signal: AbortSignal): Promise<MessagePage> {
  const limit = numberIn(c, 'limit', { min: 1, max: mostMessages }) ?? usualMessages
  const partition = numberIn(c, 'partition')
  const [offset, time] = [numberIn(c, 'offset'), numberIn(c, 'time')]
  const [key, id, tags] = [textIn(c, 'key'), textIn(c, 'id'), textIn(c, 'tags')]
  if ([offset, time, key, id].filter((given) => given !== undefined).length > 1) {
    throw invalid('Say where to begin by one of offset, time, key and id.')
  }
  const topic = await describeTopic(broker, partOf(c, 'topic'), false)
  if (key !== undefined || id !== undefined) {
    const target = key === undefined ? { id: id as string } : { key }
    const found = await findMessages(broker, topic.name, target, { partition, limit: Math.min(limit, mostFound) })
    return { messages: found.map((message) => browsed(message)), positions: [] }
  }
  const tagFilter = checkTagExpression('messages', tags)
  const { messages, positions } = await readPage(broker, topic, {
    partition,
    offset,
    time,
    limit,
    tags: tagFilter,
    signal,
  })
  return { messages: messages.map((message) => browsed(message)), positions }
}

function messageOf(fields: Fields): MessageInput {
  onlyFields(fields, ['key', 'value', 'encoding', 'headers', 'id', 'tags', 'keys', 'partition'])
  const encoding = textField(fields, 'encoding') ?? 'text'
  if (encoding !== 'text' && encoding !== 'base64') throw invalid('encoding must be text or base64.')
  const bytes = (name: string): Buffer | null | undefined => {
    const text = nullableTextField(fields, name)
    if (text === null || text === undefined) return text
    return encoding === 'text' ? Buffer.from(text) : fromBase64(name, text)
  }
  return {
    key: bytes('key'),
    value: bytes('value'),
    headers: listField(fields, 'headers')?.map(headerOf),
    id: textField(fields, 'id'),
    tags: textField(fields, 'tags'),
    keys: listField(fields, 'keys')?.map((key) => (typeof key === 'string' ? key : refuseKeys())),
    partition: numberField(fields, 'partition'),
  }
}

function headerOf(header: unknown): { key: string; value: string | null } {
  const { key, value } = (header ?? {}) as Fields
  if (typeof key === 'string' && (typeof value === 'string' || value === null)) return { key, value }
  throw invalid('headers must be a list of { key, value }, with texts, or null for a value.')
}

function refuseKeys(): never {
  throw invalid('keys must be a list of texts.')
}

function fromBase64(name: string, text: string): Buffer {
  if (/^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0) return Buffer.from(text, 'base64')
  throw invalid(`${name} is no base64.`)
}
