/** Finds single messages: by key or id, at a time, at an offset. */

import type { BrokerService, FindRequest, MessagePlace } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import { parseMessageId } from '../storage/commitlog/host.js'
import { checkName, checkOptions, refuse, wholeNumber } from './arguments.js'
import { readBounded } from './bounded-read.js'
import { type BytesInput, bytesOf, idHeaderOf, Message, shown } from './message.js'
import { askOffsets } from './start-offset.js'
import { describeTopic } from './topics.js'

/** What to look for: a key, or the id that a message was sent with. */
export type FindTarget = { readonly key: BytesInput } | { readonly id: BytesInput }

/** An offset, or a time: milliseconds since 1970, or a Date. */
export type FindBound = { readonly offset: number } | { readonly time: number | Date }

export interface FindOptions {
  /** All partitions where absent. */
  readonly partition?: number
  /** The first offset or time that counts. */
  readonly from?: FindBound
  /** The first offset or time that does not count any more. */
  readonly to?: FindBound
  /** 100 where absent. */
  readonly limit?: number
}

/** A place, the id that a message was sent with, or a message id of RocketMQ's. */
export type GetTarget = MessagePlace | { readonly topic: string; readonly id: BytesInput } | string

export interface AtOptions {
  /** All partitions where absent. */
  readonly partition?: number
  /** Messages of each partition; 1 where absent. */
  readonly limit?: number
  readonly signal?: AbortSignal
}

export async function findMessages(
  service: BrokerService,
  topic: string,
  target: FindTarget,
  options: FindOptions = {},
): Promise<Message[]> {
  checkName('find', 'topic', topic)
  checkOptions('find', options, ['partition', 'from', 'to', 'limit'])
  const request: FindRequest = {
    topic,
    ...targetOf(target),
    ...partitionOf('find', options.partition),
    ...lowerBound(options.from),
    ...upperBound(options.to),
    limit: wholeNumber('find', 'limit', options.limit, { fallback: 100, min: 1 }),
  }
  if (service.findMessages === undefined) throw unknownToTheWire('find')
  const found = await service.findMessages(request)
  const idHeader = idHeaderOf(service)
  return found.map(({ partition, record }) => new Message(topic, partition, record, idHeader))
}

/** What is found is there for good. */
const isolation = 'committed'

export async function messagesAt(
  service: BrokerService,
  topic: string,
  time: number | Date,
  options: AtOptions = {},
): Promise<Message[]> {
  checkName('at', 'topic', topic)
  checkOptions('at', options, ['partition', 'limit', 'signal'])
  const timestamp = timeOf('at', 'time', time)
  const limit = wholeNumber('at', 'limit', options.limit, { fallback: 1, min: 1 })
  const { partition } = partitionOf('at', options.partition)
  const all = (await describeTopic(service, topic, false)).partitions.map((each) => each.partition)
  const places = (partition === undefined ? all : [partition]).map((each) => ({ topic, partition: each }))
  const offsets = await askOffsets(service, places, timestamp, isolation)
  const read = places.map(async (place, index) => {
    const offset = offsets[index]
    if (offset < 0) return []
    return readBounded(service, { ...place, from: { offset }, limit, isolation, signal: options.signal })
  })
  return (await Promise.all(read)).flat()
}

export async function getMessage(service: BrokerService, target: GetTarget): Promise<Message | undefined> {
  if (typeof target === 'string') return messageOfId(service, target)
  if (typeof target !== 'object' || target === null) {
    refuse(
      `get: what to get is ${shown(target)}; it must be { topic, partition, offset }, { topic, id }, or a message id of RocketMQ's.`,
    )
  }
  // A message, which has an id as well, is a place too.
  if ('offset' in target) return messageAt(service, target)
  checkOptions('get', target, ['topic', 'id'])
  const [newest] = await findMessages(service, target.topic, { id: target.id }, { limit: 1 })
  return newest
}

async function messageOfId(service: BrokerService, id: string): Promise<Message | undefined> {
  if (parseMessageId(id) === undefined) {
    refuse(`get: ${JSON.stringify(id)} is no message id of RocketMQ's; such are 32 or 56 hexadecimal digits.`)
  }
  if (service.placeOfMessage === undefined) throw unknownToTheWire('get by message id')
  const place = await service.placeOfMessage(id)
  return place && messageAt(service, place)
}

export async function messageIdAt(service: BrokerService, place: MessagePlace): Promise<string | undefined> {
  const { topic, partition, offset } = checkPlace('messageId', place)
  if (service.messageIdOf === undefined) throw unknownToTheWire('messageId')
  return service.messageIdOf({ topic, partition, offset })
}

async function messageAt(service: BrokerService, place: MessagePlace): Promise<Message | undefined> {
  const { topic, partition, offset } = checkPlace('get', place)
  try {
    const [message] = await readBounded(service, { topic, partition, from: { offset }, limit: 1, isolation })
    return message?.offset === offset ? message : undefined
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'OFFSET_OUT_OF_RANGE') return undefined
    throw error
  }
}

function checkPlace(call: string, { topic, partition, offset }: MessagePlace): MessagePlace {
  checkName(call, 'topic', topic)
  return {
    topic,
    partition: wholeNumber(call, 'partition', partition, { fallback: 0 }),
    offset: wholeNumber(call, 'offset', offset, { fallback: 0 }),
  }
}

function unknownToTheWire(call: string): HoldfastError {
  return new HoldfastError(
    'UNSUPPORTED_OVER_WIRE',
    `${call}: the Kafka protocol has no request for it; open the folder itself, or consume the topic and compare.`,
  )
}

function targetOf(target: unknown): Pick<FindRequest, 'key' | 'id'> {
  checkOptions('find', target, ['key', 'id'])
  const { key, id } = (target ?? {}) as { key?: BytesInput | null; id?: BytesInput | null }
  if ((key === undefined) === (id === undefined)) refuse('find: give { key } or { id }, one of them.')
  const bytes = bytesOf(key ?? id, key === undefined ? 'id' : 'key')
  if (bytes === null)
    return refuse('find: messages without a key are not indexed; the key or id must be bytes or a text.')
  return key === undefined ? { id: bytes } : { key: bytes }
}

function partitionOf(call: string, partition: number | undefined): { partition?: number } {
  return partition === undefined ? {} : { partition: wholeNumber(call, 'partition', partition, { fallback: 0 }) }
}

function lowerBound(from: FindBound | undefined): Pick<FindRequest, 'minOffset' | 'minTimestamp'> {
  if (from === undefined) return {}
  const bound = boundOf('from', from)
  return 'offset' in bound ? { minOffset: bound.offset } : { minTimestamp: bound.time }
}

function upperBound(to: FindBound | undefined): Pick<FindRequest, 'endOffset' | 'endTimestamp'> {
  if (to === undefined) return {}
  const bound = boundOf('to', to)
  return 'offset' in bound ? { endOffset: bound.offset } : { endTimestamp: bound.time }
}

function boundOf(name: string, bound: unknown): { offset: number } | { time: number } {
  if (typeof bound === 'object' && bound !== null) {
    if ('offset' in bound && Number.isSafeInteger(bound.offset) && Number(bound.offset) >= 0) {
      return { offset: Number(bound.offset) }
    }
    if ('time' in bound) return { time: timeOf('find', name, bound.time) }
  }
  return refuse(`find: ${name} is ${shown(bound)}; it must be { offset } or { time }.`)
}

function timeOf(call: string, name: string, time: unknown): number {
  const isTime = typeof time === 'number' || time instanceof Date
  if (isTime && Number.isSafeInteger(Number(time))) return Number(time)
  return refuse(`${call}: ${name} is ${shown(time)}; it must be milliseconds since 1970, or a Date.`)
}
