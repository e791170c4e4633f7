/**
 * RocketMQ's ids of messages, which say where a message lies: from an id to the message's place in its queue, and back.
 * Anybody may make an id up, so what it leads to is believed only where the queue leads there as well.
 */

import { ownPropertyOf } from './dispatching.js'
import { messageIdOf, parseMessageId } from './host.js'
import type { MessageView } from './message.js'

/** Where a message lies. */
export interface QueuePlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** What is needed of a commit log. */
export interface IdentifiedMessages {
  /** The message that begins at `position`; undefined where readers see none. */
  messageAt(position: number): Promise<MessageView | undefined>
  queue(topic: string, queueId: number): { positionOf(offset: number): Promise<number | undefined> } | undefined
}

/**
 * The place of the message that `id` names, 32 or 56 hexadecimal digits; undefined where that is no id, or of no message
 * that is kept here. @throws CLOSED, and what reading the disk throws
 */
export async function placeOfMessage(messages: IdentifiedMessages, id: string): Promise<QueuePlace | undefined> {
  const named = parseMessageId(id)
  if (named === undefined) return undefined
  const message = await messages.messageAt(named.position)
  // Another broker's message may lie at the same position of its own commit log.
  if (message === undefined || !message.storeHostBytes.equals(named.storeHost)) return undefined
  const { topic, queueId: partition, queueOffset: offset } = message
  const position = await messages.queue(topic, partition)?.positionOf(offset)
  return position === named.position ? { topic, partition, offset } : undefined
}

/** The id of the message at a place, in upper case; undefined where readers see none, or the marker of a transaction. @throws as {@link placeOfMessage} */
export async function idOfMessage(
  messages: IdentifiedMessages,
  { topic, partition, offset }: QueuePlace,
): Promise<string | undefined> {
  const position = await messages.queue(topic, partition)?.positionOf(offset)
  const message = position === undefined ? undefined : await messages.messageAt(position)
  if (message === undefined || ownPropertyOf(message).marker !== undefined) return undefined
  return messageIdOf(message.storeHostBytes, message.position)
}
