/**
 * Server-sent events, written to Node's response itself: a stream that nobody writes to costs a socket and little else.
 * There are so many streams in all and for each client; one whose reader is slow gets less, and one whose reader is gone
 * is ended, so that none fills the memory.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Clock, Timer } from '../core/clock.js'
import type { ConsoleContext } from './context.js'
import { ConsoleError } from './refusals.js'
import { securityHeaders } from './security-headers.js'

export interface EventStreamsOptions {
  readonly clock: Clock
  readonly most?: number
  readonly mostPerClient?: number
  readonly heartbeatMs?: number
}

/** What waits for a slow reader at most, beside what the kernel holds. */
const mostWaitingBytes = 256 * 1024

/** One event as it goes over the wire. JSON holds no line break, so it is one line of data. */
export function eventFrame(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

export class EventStream {
  readonly #response: ServerResponse
  readonly #gone = new AbortController()
  #missedHeartbeats = 0

  constructor(response: ServerResponse) {
    this.#response = response
    response.once('close', () => this.#gone.abort())
  }

  /** Aborted when the reader has gone, or the stream was ended. */
  get signal(): AbortSignal {
    return this.#gone.signal
  }

  /** The reader has not taken what it was sent. */
  get isBehind(): boolean {
    return this.#response.writableNeedDrain
  }

  /** False where the reader is so far behind that it does not get this. */
  send(frame: string): boolean {
    if (this.#response.writableEnded || this.#response.writableLength > mostWaitingBytes) return false
    this.#response.write(frame)
    return true
  }

  /** A comment, which no reader sees, keeps proxies from closing the stream; who takes nothing for long is let go. */
  beat(): void {
    this.#missedHeartbeats = this.isBehind ? this.#missedHeartbeats + 1 : 0
    if (this.#missedHeartbeats > 2) this.#response.destroy()
    else if (!this.isBehind) this.send(':\n\n')
  }

  end(): void {
    this.#response.end()
  }
}

export class EventStreams {
  readonly #options: Required<EventStreamsOptions>
  readonly #streams = new Set<EventStream>()
  readonly #perClient = new Map<string, number>()
  #heartbeat: Timer | undefined

  constructor(options: EventStreamsOptions) {
    this.#options = { most: 512, mostPerClient: 64, heartbeatMs: 15_000, ...options }
  }

  get count(): number {
    return this.#streams.size
  }

  /** Answers a request with a stream. @throws TOO_MANY_STREAMS */
  open(c: ConsoleContext, work: (stream: EventStream) => void): Response {
    const { incoming, outgoing } = c.env as { incoming: IncomingMessage; outgoing: ServerResponse }
    const client = incoming.socket.remoteAddress ?? ''
    const { most, mostPerClient } = this.#options
    const ofClient = this.#perClient.get(client) ?? 0
    if (this.#streams.size >= most || ofClient >= mostPerClient) {
      throw new ConsoleError(
        'TOO_MANY_STREAMS',
        `There are ${this.#streams.size} event streams, ${ofClient} of them to you; close some.`,
      )
    }
    const stream = new EventStream(outgoing)
    this.#streams.add(stream)
    this.#perClient.set(client, ofClient + 1)
    stream.signal.addEventListener('abort', () => this.#ended(stream, client), { once: true })
    outgoing.writeHead(200, {
      ...securityHeaders,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Proxies of nginx's kind would gather events otherwise.
      'x-accel-buffering': 'no',
    })
    stream.send('retry: 3000\n\n')
    this.#beatOn()
    work(stream)
    return RESPONSE_ALREADY_SENT
  }

  close(): void {
    this.#heartbeat?.cancel()
    for (const stream of this.#streams) stream.end()
  }

  #ended(stream: EventStream, client: string): void {
    this.#streams.delete(stream)
    const left = (this.#perClient.get(client) ?? 1) - 1
    if (left > 0) this.#perClient.set(client, left)
    else this.#perClient.delete(client)
    if (this.#streams.size > 0) return
    this.#heartbeat?.cancel()
    this.#heartbeat = undefined
  }

  /** One timer for all streams, while there are any. */
  #beatOn(): void {
    this.#heartbeat ??= this.#options.clock.schedule(
      this.#options.heartbeatMs,
      () => {
        this.#heartbeat = undefined
        for (const stream of this.#streams) stream.beat()
        if (this.#streams.size > 0) this.#beatOn()
      },
      { background: true },
    )
  }
}
