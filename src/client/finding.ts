/** Finds single messages: by key or id, at a time, at an offset. */

import type { BrokerService, FindRequest } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import { checkName, checkOptions, refuse, wholeNumber } from './arguments.js'
import { readBounded } from './bounded-read.js'
import { type BytesInput, bytesOf, idHeaderOf, Message, type Receipt, shown } from './message.js'
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

/** Where a message lies, as a receipt or a message says it. */
export type Place = Pick<Receipt, 'topic' | 'partition' | 'offset'>

/** A place, or the id that a message was sent with. */
export type GetTarget = Place | { readonly topic: string; readonly id: BytesInput }

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
  if (service.findMessages === undefined) {
    throw new HoldfastError(
      'UNSUPPORTED_OVER_WIRE',
      'find: the Kafka protocol has no request for it; open the folder itself, or consume the topic and compare.',
    )
  }
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
  if (typeof target !== 'object' || target === null) {
    refuse(`get: what to get is ${shown(target)}; it must be { topic, partition, offset } or { topic, id }.`)
  }
  // A message, which has an id as well, is a place too.
  if ('offset' in target) return messageAt(service, target)
  checkOptions('get', target, ['topic', 'id'])
  const [newest] = await findMessages(service, target.topic, { id: target.id }, { limit: 1 })
  return newest
}

async function messageAt(service: BrokerService, { topic, partition, offset }: Place): Promise<Message | undefined> {
  checkName('get', 'topic', topic)
  const place = {
    topic,
    partition: wholeNumber('get', 'partition', partition, { fallback: 0 }),
    from: { offset: wholeNumber('get', 'offset', offset, { fallback: 0 }) },
  }
  try {
    const [message] = await readBounded(service, { ...place, limit: 1, isolation })
    return message?.offset === offset ? message : undefined
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'OFFSET_OUT_OF_RANGE') return undefined
    throw error
  }
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
