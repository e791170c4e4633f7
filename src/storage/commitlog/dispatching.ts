/**
 * What the consume queues and the key index are told of a message, read from its bytes: as RocketMQ's store does for each
 * message it dispatches (CommitLog.checkMessageAndReturnSize, IndexService.buildIndex).
 */

import type { DispatchedMessage } from './dispatch.js'
import { delayLevelsMs, scheduleTopic } from './format.js'
import { javaHashOfBytes, keyHash, pushWordHashes, tagsSeed, topicHash } from './hashes.js'
import type { MessageView } from './message.js'
import { decodeOwn, nothingOwn, type OwnProperty } from './own-property.js'
import { type PropertyCursor, propertiesIn, propertyNames } from './properties.js'

export interface MessageDispatch extends DispatchedMessage {
  /** False of prepared and rolled back messages: their queue offset is 0 and means nothing. */
  readonly hasQueueEntry: boolean
  /** False of rolled back messages; `keyHashes` is empty then. */
  readonly isIndexed: boolean
  /** How many of `keyHashes`, the last ones, an index of RocketMQ 5.3's making lacks: of tags, and of keys that are no property. */
  readonly lateHashes: number
  /** As {@link ownPropertyOf} gives it. */
  readonly own: OwnProperty
}

/** Where the value of a property lies; `start` is -1 where there is none. */
interface Span {
  start: number
  end: number
}

/** Everything of a message's properties that dispatch looks at: of each name the last. */
interface Found {
  readonly tags: Span
  readonly keys: Span
  readonly uniqueKey: Span
  readonly delayLevel: Span
  readonly own: Span
}

export function dispatchOf(view: MessageView): MessageDispatch {
  const { bytes, transactionType, topic } = view
  const found = find(propertiesIn(view))
  const isIndexed = transactionType !== 'rollback'
  const own = found.own.start < 0 ? undefined : decodeOwn(bytes, found.own.start, found.own.end)
  return {
    topic,
    queueId: view.queueId,
    queueOffset: view.queueOffset,
    position: view.position,
    sizeInBytes: view.sizeInBytes,
    tagsCode: deliveryTime(view, topic, found.delayLevel) ?? javaHashOfBytes(bytes, found.tags.start, found.tags.end),
    storeTimestamp: view.storeTimestamp,
    keyHashes: isIndexed ? hashesOf(view, topic, found, own) : [],
    hasQueueEntry: transactionType === 'none' || transactionType === 'commit',
    isIndexed,
    lateHashes: isIndexed ? Number(found.tags.start >= 0) + Number((own?.keyStart ?? -1) >= 0) : 0,
    own: saidBy(view, own),
  }
}

/**
 * What the message's `__HF` says. What it says of a batch holds of messages that we wrote alone: RocketMQ copies properties
 * when it puts a message anew, and what it puts is no part of that batch.
 */
export function ownPropertyOf(view: MessageView): OwnProperty {
  const cursor = propertiesIn(view)
  let own: OwnProperty | undefined
  while (cursor.next()) {
    if (cursor.isNamed(propertyNames.own)) own = decodeOwn(view.bytes, cursor.valueStart, cursor.valueEnd)
  }
  return saidBy(view, own)
}

function saidBy(view: MessageView, own: OwnProperty | undefined): OwnProperty {
  if (own === undefined) return nothingOwn
  return view.isOwn ? own : contentOf(own)
}

/** Without what is said of the batch. */
export function contentOf({ hasNullValue, keyStart, keyEnd, hasNullKey }: OwnProperty): OwnProperty {
  return { ...nothingOwn, hasNullValue, keyStart, keyEnd, hasNullKey }
}

function find(cursor: PropertyCursor): Found {
  const found: Found = { tags: none(), keys: none(), uniqueKey: none(), delayLevel: none(), own: none() }
  while (cursor.next()) {
    if (cursor.isNamed(propertyNames.tags)) take(found.tags, cursor)
    else if (cursor.isNamed(propertyNames.keys)) take(found.keys, cursor)
    else if (cursor.isNamed(propertyNames.uniqueKey)) take(found.uniqueKey, cursor)
    else if (cursor.isNamed(propertyNames.own)) take(found.own, cursor)
    else if (cursor.isNamed(propertyNames.delayLevel)) take(found.delayLevel, cursor)
  }
  return found
}

function none(): Span {
  return { start: -1, end: -1 }
}

function take(span: Span, cursor: PropertyCursor): void {
  span.start = cursor.valueStart
  span.end = cursor.valueEnd
}

/** Of a message that waits in the topic of delayed ones; undefined of any other. */
function deliveryTime(view: MessageView, topic: string, level: Span): number | undefined {
  if (topic !== scheduleTopic || level.start < 0) return undefined
  return deliveryTimeOf(view.bytes.toString('utf8', level.start, level.end), view.storeTimestamp)
}

/** Levels beyond the last count as the last; undefined for what is no level. */
export function deliveryTimeOf(level: string, storeTimestamp: number): number | undefined {
  if (!/^\+?\d{1,10}$/.test(level)) return undefined
  const known = Math.min(Number(level), delayLevelsMs.length)
  return known < 1 ? undefined : storeTimestamp + delayLevelsMs[known - 1]
}

/**
 * The unique key first, then each of the KEYS, then the tags. A key of ours that is no property is found by its hash too, as long as the
 * index is of our making.
 */
function hashesOf(
  view: MessageView,
  topic: string,
  { uniqueKey, keys, tags }: Found,
  own: OwnProperty | undefined,
): readonly number[] {
  const { bytes } = view
  const hashes: number[] = []
  const seed = topicHash(topic)
  if (uniqueKey.start >= 0) hashes.push(javaHashOfBytes(bytes, uniqueKey.start, uniqueKey.end, seed))
  if (keys.start >= 0) pushWordHashes(hashes, seed, bytes, keys.start, keys.end)
  if (tags.start >= 0) hashes.push(javaHashOfBytes(bytes, tags.start, tags.end, tagsSeed(seed)))
  if (own !== undefined && own.keyStart >= 0) hashes.push(keyHash(seed, keyOf(bytes, own)))
  return hashes
}

/** The key that `own` holds. */
export function keyOf(bytes: Buffer, own: OwnProperty): Buffer {
  return Buffer.from(bytes.toString('latin1', own.keyStart, own.keyEnd), 'base64url')
}

/** The time of the record that a message is; ms since 1970. */
export function timestampOf(view: MessageView, { logAppendTime }: OwnProperty): number {
  return logAppendTime ?? view.bornTimestamp
}
