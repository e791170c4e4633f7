/**
 * One client's connection: frames in, answers out in the order of their requests.
 *
 * Kafka works on one request of a connection at a time. Here they overlap where nobody can tell, so that many batches
 * share one flush. The rule: a request starts when every earlier one of the connection is done, except that
 *
 * - a Produce does not wait for an earlier Produce: its batches are appended after those of the earlier one;
 * - nothing but a Fetch waits for an earlier Fetch, which changes nothing;
 * - nothing but a request of groups waits for an earlier JoinGroup or SyncGroup, which may take as long as a rebalance.
 *
 * So effects come in arrival order, and a waiting Fetch or JoinGroup delays later answers but not later work.
 *
 * Memory is bounded: past `maxBytesInWork`, past `maxRequestsInWork`, when the budget of all connections is used up, or
 * while the client does not take its answers, the socket is not read and no request starts. Records of answers have a
 * budget of all connections too (answer-budget.ts). Whoever breaks the protocol gets the answers to what came before, and is disconnected.
 *
 * That a client has gone shows only on a socket that is read. So a little is read ahead while a request may not start
 * yet; and where a client said more than that, what waits for long (Fetch, JoinGroup) counts as idle.
 */

import type { Socket } from 'node:net'
import type { Clock, Timer } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { Replicated } from '../replication/contract.js'
import type { AnswerBudget } from './answer-budget.js'
import { isOldProduce, refuseOldProduce } from './api/00-produce-old.js'
import { refuseApiVersions } from './api/18-api-versions.js'
import { maxFetchWaitMs } from './api/fetch-answers.js'
import {
  type Call,
  ClosesConnection,
  type HostAndPort,
  noAnswer,
  type Order,
  type Outcome,
  type ServedBroker,
} from './api/handler.js'
import { endpointByKey } from './api/index.js'
import type { FrameBuffers } from './frame-buffers.js'
import { FrameReader } from './frames.js'
import { Loans } from './loans.js'
import { decodeRequestHeader, type RequestHeader } from './messages.js'
import { Outgoing } from './outgoing.js'
import { receiveInto } from './receiving.js'
import type { BudgetHolder, RequestBudget } from './request-budget.js'
import { apiVersions } from './schemas/index.js'
import type { WireMeter } from './wire-meter.js'

const maxBytesInWork = 16 * 1024 * 1024
const maxRequestsInWork = 1000
/** Behind a request that may not start yet. */
const maxReadAheadBytes = 64 * 1024
/** API key, version and correlation id: what every request has. */
const shortestRequestBytes = 8

/** What all connections of a server share. */
export interface ConnectionTools {
  readonly broker: ServedBroker
  readonly replication?: Replicated
  readonly budget: RequestBudget
  readonly answers: AnswerBudget
  readonly buffers: FrameBuffers
  readonly logger: Logger
  readonly clock: Clock
  readonly meter: WireMeter
  readonly onClosed: (connection: Connection) => void
}

/** A request that has not been started. */
interface Waiting {
  readonly header: RequestHeader
  readonly frame: Buffer
  readonly order: Order
}

/** A request that has been started. */
interface Work {
  readonly order: Order
  readonly requestBytes: number
  readonly loans: Loans
  answerBytes: number
  outcome: Outcome | undefined
}

export class Connection implements BudgetHolder {
  readonly #socket: Socket
  readonly #tools: ConnectionTools
  readonly #endpoint: HostAndPort
  readonly #clientHost: string
  readonly #frames: FrameReader
  readonly #outgoing: Outgoing
  /** Nobody waits for answers any more, or not for long: what waits ends. */
  readonly #hurry = new AbortController()
  /** In the order of their arrival. */
  readonly #works: Work[] = []
  readonly #running: Record<Order, number> = { append: 0, wait: 0, join: 0, group: 0, alone: 0 }
  #next: Waiting | undefined
  /** Of requests, and of answers that wait for earlier ones. */
  #bytesInWork = 0
  /** Of whole requests, as the budget knows them. */
  #budgetBytes = 0
  #waitsForRoom = false
  #takesRequests = true
  /** The client has said its last; what it said is still worked on. */
  #hasHeardAll = false
  /** The socket is closed; what is in work goes on. */
  #isDisposed = false
  /** The last answer has been handed to the socket. */
  #isLeaving = false
  #isReading = true
  #lastHeardMs: number
  #frameTimer: Timer | undefined
  #idleTimer: Timer | undefined

  /** `accepted` as {@link receiveInto} wants it. */
  constructor(accepted: Socket, endpoint: HostAndPort, tools: ConnectionTools) {
    this.#tools = tools
    this.#endpoint = endpoint
    this.#clientHost = `/${(accepted.remoteAddress ?? '').replace(/^::ffff:/, '')}`
    this.#lastHeardMs = tools.clock.monotonic()
    this.#frames = new FrameReader({
      minBytes: shortestRequestBytes,
      maxBytes: tools.broker.settings['socket.request.max.bytes'],
      reserve: (bytes) => {
        const isThere = tools.budget.reserve(this, bytes)
        this.#waitsForRoom = !isThere
        return isThere
      },
      buffers: tools.buffers,
    })
    const socket = receiveInto(accepted, this.#frames, () => this.#hear())
    this.#socket = socket
    this.#outgoing = new Outgoing(socket, () => this.#advance())
    socket.on('drain', () => this.#advance())
    socket.on('end', () => this.#hearEnd())
    socket.on('error', (err) => tools.logger.debug({ err, client: this.#clientHost }, 'A connection broke.'))
    socket.on('close', () => this.#dispose())
    this.#watchIdleness(tools.broker.settings['connections.max.idle.ms'])
    socket.resume()
  }

  /** Reads no more; when the requests in work have been answered, closes. What waits is ended early. */
  endAfterAnswers(): void {
    this.#takeNoMore()
    this.#regulate()
    this.#endIfAnswered()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  roomMayBeThere(): void {
    this.#waitsForRoom = false
    this.#advance()
  }

  #hear(): void {
    this.#lastHeardMs = this.#tools.clock.monotonic()
    if (this.#takesRequests) this.#advance()
  }

  #hearEnd(): void {
    this.#hasHeardAll = true
    this.#hurry.abort()
    this.#advance()
  }

  /** Starts what may start, and reads on or not. */
  #advance(): void {
    try {
      while (this.#takesRequests && this.#hasNext() && this.#mayStart(this.#next as Waiting)) {
        const next = this.#next as Waiting
        this.#next = undefined
        this.#start(next)
      }
    } catch (error) {
      this.#disconnect(error)
    }
    this.#regulate()
    if (this.#takesRequests && this.#hasHeardAll && this.#mayTakeMore) this.endAfterAnswers()
  }

  /** No request waits, and there is room for more. */
  get #mayTakeMore(): boolean {
    return this.#next === undefined && !this.#isFull && !this.#waitsForRoom
  }

  /** A request waits for an earlier one, and that is all that keeps from reading. */
  get #mayReadAhead(): boolean {
    return (
      this.#next !== undefined && !this.#isFull && !this.#waitsForRoom && this.#frames.unreadBytes < maxReadAheadBytes
    )
  }

  #hasNext(): boolean {
    if (this.#isFull) return false
    if (this.#next !== undefined) return true
    const frame = this.#frames.next()
    if (frame === undefined) return false
    this.#forgetFrameTimer()
    this.#budgetBytes += frame.length
    this.#tools.budget.becameRequest(this, frame.length)
    const header = decodeRequestHeader(frame)
    const order = header.supported ? (endpointByKey(header.apiKey)?.order ?? 'alone') : 'alone'
    this.#next = { header, frame, order }
    return true
  }

  get #isFull(): boolean {
    return this.#outgoing.isFull || this.#bytesInWork >= maxBytesInWork || this.#works.length >= maxRequestsInWork
  }

  #mayStart({ order }: Waiting): boolean {
    const running = this.#running
    if (running.alone > 0 || running.group > 0) return false
    if (order === 'append') return true
    if (running.append > 0) return false
    if (order === 'wait') return running.wait === 0
    return order === 'alone' || running.join === 0
  }

  #start({ header, frame, order }: Waiting): void {
    const loans = new Loans(this.#tools.logger)
    const outcome = this.#run(header, frame, loans)
    const work: Work = { order, requestBytes: frame.length, loans, answerBytes: 0, outcome: undefined }
    this.#works.push(work)
    this.#running[order]++
    this.#bytesInWork += work.requestBytes
    outcome.then(
      (done) => this.#finish(work, done),
      (error: unknown) => {
        this.#finish(work, noAnswer)
        this.#disconnect(error)
      },
    )
  }

  /** @throws INVALID_REQUEST, UNSUPPORTED_VERSION where Kafka closes the connection */
  #run(header: RequestHeader, frame: Buffer, loans: Loans): Promise<Outcome> {
    const { apiKey, apiVersion } = header
    const endpoint = endpointByKey(apiKey)
    const call = this.#callOf(header, frame, loans)
    if (endpoint !== undefined) this.#tools.meter.took(endpoint.api.name)
    if (header.supported && endpoint !== undefined) return endpoint.start(header, frame, call)
    if (apiKey === apiVersions.key) return refuseApiVersions(header)
    if (isOldProduce(header)) return refuseOldProduce(header, frame)
    const what = endpoint === undefined ? `an API of key ${apiKey}` : `version ${apiVersion} of ${endpoint.api.name}`
    throw new HoldfastError('UNSUPPORTED_VERSION', `The client asks for ${what}, which is not advertised here.`)
  }

  #callOf(header: RequestHeader, frame: Buffer, loans: Loans): Call {
    const { broker, replication, logger, buffers, answers } = this.#tools
    return {
      broker,
      replication,
      logger,
      version: header.apiVersion,
      clientId: header.clientId ?? '',
      clientHost: this.#clientHost,
      endpoint: this.#endpoint,
      signal: this.#hurry.signal,
      loans,
      room: () => answers.roomFor(this.#outgoing),
      recycleFrame: () => buffers.put(frame),
    }
  }

  #finish(work: Work, outcome: Outcome): void {
    work.outcome = outcome
    if (this.#isDisposed) {
      // Its bytes were in memory until now, whoever was still there.
      this.#tools.budget.release(work.requestBytes)
      work.loans.giveBack()
    }
    if (this.#socket.destroyed) return
    if (outcome !== noAnswer) for (const chunk of outcome) work.answerBytes += chunk.length
    this.#bytesInWork += work.answerBytes
    // A Fetch goes on to count until its answer is with the socket, so that there is never a second one in memory.
    if (work.order !== 'wait') this.#running[work.order]--
    this.#sendReady()
    this.#advance()
  }

  /** Sends the answers that have no unanswered request before them. */
  #sendReady(): void {
    let releasedBytes = 0
    while (this.#works.length > 0 && this.#works[0].outcome !== undefined) {
      const work = this.#works.shift() as Work
      if (work.order === 'wait') this.#running.wait--
      this.#bytesInWork -= work.requestBytes + work.answerBytes
      releasedBytes += work.requestBytes
      if (work.outcome === noAnswer) work.loans.giveBack()
      else this.#outgoing.write(work.outcome as readonly Buffer[], work.loans)
    }
    this.#budgetBytes -= releasedBytes
    if (releasedBytes > 0) this.#tools.budget.release(releasedBytes)
    this.#endIfAnswered()
  }

  /** Closes when the answers are with the client; one that does not take them has as long as for a frame. */
  #endIfAnswered(): void {
    if (this.#takesRequests || this.#works.length > 0 || this.#isLeaving) return
    this.#isLeaving = true
    this.#socket.destroySoon()
    const { broker, clock } = this.#tools
    this.#idleTimer?.cancel()
    this.#idleTimer = clock.schedule(broker.settings['frame.timeout.ms'], () => this.destroy(), { background: true })
  }

  /** The client broke the protocol, or it has to notice that a request without an answer failed. */
  #disconnect(error: unknown): void {
    if (!this.#takesRequests) return
    const { logger, meter } = this.#tools
    meter.refused(error)
    const client = this.#clientHost
    if (error instanceof HoldfastError || error instanceof ClosesConnection) {
      logger.warn({ client, reason: error.message }, 'A client is disconnected.')
    } else {
      logger.error({ client, err: error }, 'A client is disconnected after an unexpected failure.')
    }
    this.endAfterAnswers()
  }

  /** Reads from the socket only when what comes could be taken; watches the time that a frame takes while it reads. */
  #regulate(): void {
    // Once it is ending, what still comes is read and thrown away, so that its end is noticed.
    const shouldRead = !this.#takesRequests || this.#mayTakeMore || this.#mayReadAhead
    if (shouldRead !== this.#isReading) {
      this.#isReading = shouldRead
      if (shouldRead) this.#socket.resume()
      else this.#socket.pause()
    }
    if (this.#takesRequests && this.#mayTakeMore && this.#frames.isMidFrame) this.#frameTimer ??= this.#watchFrame()
    else this.#forgetFrameTimer()
  }

  #forgetFrameTimer(): void {
    this.#frameTimer?.cancel()
    this.#frameTimer = undefined
  }

  #watchFrame(): Timer {
    const timeoutMs = this.#tools.broker.settings['frame.timeout.ms']
    const expire = (): void =>
      this.#disconnect(new HoldfastError('INVALID_REQUEST', `A request frame was not whole after ${timeoutMs} ms.`))
    return this.#tools.clock.schedule(timeoutMs, expire, { background: true })
  }

  #watchIdleness(waitMs: number): void {
    this.#idleTimer = this.#tools.clock.schedule(
      waitMs,
      () => {
        const idleMs = this.#tools.clock.monotonic() - this.#lastHeardMs
        const maxIdleMs = this.#tools.broker.settings['connections.max.idle.ms']
        if (this.#works.length > 0 && !this.#waitsUnread) return this.#watchIdleness(maxIdleMs)
        const limitMs = this.#works.length > 0 ? maxIdleMs + maxFetchWaitMs : maxIdleMs
        if (idleMs < limitMs) return this.#watchIdleness(limitMs - idleMs)
        this.#tools.logger.debug({ client: this.#clientHost, idleMs }, 'An idle connection is closed.')
        this.destroy()
      },
      { background: true },
    )
  }

  /** Nothing is worked on but what may wait for long, and the socket is not read: whether anybody is there is unknown. */
  get #waitsUnread(): boolean {
    const { append, group, alone } = this.#running
    return !this.#isReading && append + group + alone === 0
  }

  #takeNoMore(): void {
    this.#takesRequests = false
    this.#frames.close()
    this.#hurry.abort()
    this.#next = undefined
  }

  #dispose(): void {
    this.#takeNoMore()
    this.#isLeaving = true
    this.#isDisposed = true
    let unsettledBytes = 0
    for (const { outcome, requestBytes, loans } of this.#works) {
      if (outcome === undefined) unsettledBytes += requestBytes
      else loans.giveBack()
    }
    this.#works.length = 0
    this.#forgetFrameTimer()
    this.#idleTimer?.cancel()
    const { budget, onClosed } = this.#tools
    budget.release(this.#budgetBytes - unsettledBytes)
    this.#budgetBytes = 0
    budget.leave(this, this.#frames.reservedBytes)
    onClosed(this)
  }
}
