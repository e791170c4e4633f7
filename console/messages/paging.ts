/**
 * Turning pages of a topic. What is shown is one stretch of offsets of each partition; a page back or forward is the next
 * stretch of each, so nothing is skipped or shown twice, whatever the messages' timestamps say.
 */

import type { BrowsedMessage, MessagePage } from '../../src/console/api-types.js'
import { apiPath, get } from '../api/client.js'
import { type Browse, requestOf } from './query.js'

/** Above this many partitions one has to be chosen before pages are turned: each costs a request. */
export const mostPartitionsAtOnce = 32
/** How often a stretch in which nothing was found (holes of compaction, other tags) is widened. */
const widenings = 6

export type Position = MessagePage['positions'][number]
type Ask = (partition: number, offset: number, limit: number) => Promise<MessagePage>

export function firstPagePath(topic: string, browse: Browse): string | null {
  const request = requestOf(browse)
  return 'problem' in request ? null : messagesPath(topic, request.query)
}

export async function olderPage(
  topic: string,
  browse: Browse,
  positions: readonly Position[],
  starts: ReadonlyMap<number, number>,
): Promise<MessagePage> {
  const startOf = ({ partition }: Position) => starts.get(partition) ?? 0
  const wanted = positions.filter((position) => position.first > startOf(position))
  const ask = asking(topic, browse)
  const limit = share(browse.limit, wanted.length)
  const pages = await Promise.all(wanted.map((position) => stretchBefore(ask, position, startOf(position), limit)))
  const still = positions.filter((position) => !wanted.includes(position))
  return {
    messages: pages.flatMap(({ messages }) => messages),
    // A partition without older messages shows none on this page, and is before its first one.
    positions: [
      ...pages.flatMap((page) => page.positions),
      ...still.map((position) => ({ ...position, next: position.first })),
    ],
  }
}

export async function newerPage(topic: string, browse: Browse, positions: readonly Position[]): Promise<MessagePage> {
  const wanted = positions.filter(({ next, end }) => next < end)
  const ask = asking(topic, browse)
  const limit = share(browse.limit, wanted.length)
  const pages = await Promise.all(wanted.map(({ partition, next }) => ask(partition, next, limit)))
  const still = positions.filter((position) => !wanted.includes(position))
  return {
    messages: pages.flatMap(({ messages }) => messages),
    positions: [
      ...pages.flatMap((page) => page.positions),
      ...still.map((position) => ({ ...position, first: position.next })),
    ],
  }
}

/** The last messages before a position: read from further and further before it until some are found. */
async function stretchBefore(ask: Ask, position: Position, start: number, limit: number): Promise<MessagePage> {
  const { partition, first, end } = position
  let width = limit
  for (let round = 0; ; round++) {
    const from = Math.max(start, first - width)
    const messages = await between(ask, partition, from, first, limit)
    if (messages.length > 0 || from === start || round === widenings) {
      const kept = messages.slice(-limit)
      const shownFrom = kept.length < messages.length ? kept[0].offset : from
      return { messages: kept, positions: [{ partition, first: shownFrom, next: first, end }] }
    }
    width *= 4
  }
}

async function between(ask: Ask, partition: number, from: number, to: number, limit: number) {
  const found: BrowsedMessage[] = []
  for (let offset = from; offset < to; ) {
    const page = await ask(partition, offset, limit)
    found.push(...page.messages.filter((message) => message.offset < to))
    const next = page.positions[0]?.next ?? to
    if (next <= offset) break
    offset = next
  }
  return found.sort((a, b) => a.offset - b.offset)
}

function asking(topic: string, browse: Browse): Ask {
  return (partition, offset, limit) => {
    const query = new URLSearchParams({
      partition: String(partition),
      offset: String(offset),
      limit: String(limit),
    })
    if (browse.tags !== '') query.set('tags', browse.tags)
    return get<MessagePage>(messagesPath(topic, query))
  }
}

function messagesPath(topic: string, query: URLSearchParams): string {
  return `${apiPath('topics', topic, 'messages')}?${query}`
}

function share(limit: number, partitions: number): number {
  return Math.max(1, Math.ceil(limit / Math.max(1, partitions)))
}

/**
 * By time, without ever turning the order of one partition around: timestamps are the senders' and need not rise with the
 * offsets.
 */
export function oldestFirst(messages: readonly BrowsedMessage[]): BrowsedMessage[] {
  const queues = new Map<number, BrowsedMessage[]>()
  for (const message of messages) {
    const queue = queues.get(message.partition)
    if (queue) queue.push(message)
    else queues.set(message.partition, [message])
  }
  const heads = [...queues.values()].map((queue) => queue.sort((a, b) => b.offset - a.offset))
  const merged: BrowsedMessage[] = []
  while (merged.length < messages.length) {
    let first: BrowsedMessage[] | undefined
    for (const queue of heads) {
      const head = queue[queue.length - 1]
      if (head && (first === undefined || head.timestamp < first[first.length - 1].timestamp)) first = queue
    }
    merged.push(first?.pop() as BrowsedMessage)
  }
  return merged
}

export function newestFirst(messages: readonly BrowsedMessage[]): BrowsedMessage[] {
  return oldestFirst(messages).reverse()
}
