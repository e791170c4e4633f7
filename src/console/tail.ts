/**
 * The live tail of a topic: messages as they come, as many as somebody can look at. The log is looked at a few times a
 * second; where more has come than is shown, or the reader is slow, the oldest are passed over and counted, so that a tail
 * never falls behind and holds nothing in memory.
 */

import { readRun } from '../client/bounded-read.js'
import { checkTagExpression } from '../client/consume-options.js'
import { describeTopic } from '../client/topics.js'
import type { Timer } from '../core/clock.js'
import type { TagFilter } from '../storage/partition-log.js'
import type { ConsoleContext, ConsoleTools } from './context.js'
import { type EventStream, eventFrame } from './event-streams.js'
import { numberIn, partOf, textIn } from './parameters.js'
import { invalid } from './refusals.js'
import { browsed } from './shown-messages.js'

const lookEveryMs = 250
/** Of all partitions together, each time. */
const mostAtOnce = 25
const mostBytesAtOnce = 512 * 1024
const mostShownBytes = 4 * 1024
const mostPartitions = 256

interface Cursor {
  readonly partition: number
  next: number
}

export async function followTopic(c: ConsoleContext, tools: ConsoleTools): Promise<Response> {
  const topic = partOf(c, 'topic')
  const partition = numberIn(c, 'partition')
  const tags = checkTagExpression('tail', textIn(c, 'tags'))
  const { partitions } = await describeTopic(tools.broker, topic, false)
  const chosen = partitions.filter((each) => partition === undefined || each.partition === partition)
  if (chosen.length === 0) throw invalid(`Topic ${topic} has no partition ${partition}.`)
  if (chosen.length > mostPartitions) {
    throw invalid(`Topic ${topic} has ${chosen.length} partitions; say which one with partition.`)
  }
  const cursors = chosen.map((each) => ({ partition: each.partition, next: each.highWatermark }))
  return tools.streams.open(c, (stream) => new Tail(tools, stream, topic, cursors, tags).begin())
}

class Tail {
  readonly #tools: ConsoleTools
  readonly #stream: EventStream
  readonly #topic: string
  readonly #cursors: readonly Cursor[]
  readonly #tags: TagFilter | undefined
  #dropped = 0
  #timer: Timer | undefined

  constructor(
    tools: ConsoleTools,
    stream: EventStream,
    topic: string,
    cursors: readonly Cursor[],
    tags: TagFilter | undefined,
  ) {
    this.#tools = tools
    this.#stream = stream
    this.#topic = topic
    this.#cursors = cursors
    this.#tags = tags
  }

  begin(): void {
    this.#stream.signal.addEventListener('abort', () => this.#timer?.cancel(), { once: true })
    this.#plan()
  }

  #plan(): void {
    const { clock, logger } = this.#tools
    if (this.#stream.signal.aborted) return
    const look = async (): Promise<void> => {
      try {
        await this.#look()
        this.#plan()
      } catch (err) {
        // The topic was deleted, or cannot be read: who comes again is told why.
        logger.debug({ topic: this.#topic, err }, 'The tail of a topic ended.')
        this.#stream.end()
      }
    }
    this.#timer = clock.schedule(lookEveryMs, () => void look(), { background: true })
  }

  async #look(): Promise<void> {
    // Who has not taken the last ones gets no more; what comes meanwhile is passed over later.
    if (this.#stream.isBehind) return
    const { stored } = this.#tools.broker
    if (this.#cursors.every(({ partition }) => stored.log(this.#topic, partition)?.isClosed !== false)) {
      // Its topic was deleted.
      this.#stream.end()
      return
    }
    const busy = this.#cursors.flatMap((cursor) => {
      const log = stored.log(this.#topic, cursor.partition)
      return log !== undefined && log.lastStableOffset > cursor.next ? [{ cursor, log, end: log.lastStableOffset }] : []
    })
    const share = Math.max(1, Math.floor(mostAtOnce / Math.max(1, busy.length)))
    for (const { cursor, log, end } of busy) {
      const first = Math.max(cursor.next, log.logStartOffset, end - share)
      this.#dropped += first - cursor.next
      await this.#show(cursor, first, end, share)
      if (this.#stream.signal.aborted) return
    }
    if (this.#dropped === 0) return
    // Where it does not get through either it is told later, with what is passed over by then.
    if (this.#stream.send(eventFrame('dropped', { count: this.#dropped }))) this.#dropped = 0
  }

  async #show(cursor: Cursor, first: number, end: number, limit: number): Promise<void> {
    const { broker } = this.#tools
    const bounds = {
      limit,
      maxBytes: mostBytesAtOnce,
      endOffset: end,
      tags: this.#tags,
      isolation: 'committed',
    } as const
    const place = { topic: this.#topic, partition: cursor.partition, from: { offset: first } }
    const { messages, nextOffset } = await readRun(broker, { ...place, ...bounds, signal: this.#stream.signal })
    cursor.next = Math.max(first, nextOffset)
    for (const message of messages) {
      const isSent = this.#stream.send(eventFrame('message', browsed(message, mostShownBytes)))
      if (!isSent) this.#dropped++
    }
  }
}
