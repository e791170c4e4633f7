/** Serves a broker over the Kafka protocol: listens, keeps the connections, and closes them when their answers are out. */

import { createServer, type Server, type Socket } from 'node:net'
import { type Clock, systemClock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { type Logger, silentLogger } from '../core/logger.js'
import { type Metrics, noMetrics } from '../core/metrics/metrics.js'
import type { Replicated } from '../replication/contract.js'
import { AnswerBudget } from './answer-budget.js'
import type { HostAndPort, ServedBroker } from './api/handler.js'
import { Connection, type ConnectionTools } from './connection.js'
import { FrameBuffers } from './frame-buffers.js'
import { RequestBudget } from './request-budget.js'
import { WireMeter } from './wire-meter.js'

export type { ServedBroker } from './api/handler.js'

export interface ListenOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** What clients are told to connect to, where that is not the address that is listened on. */
  readonly advertisedHost?: string
  readonly advertisedPort?: number
  /** The copies of the broker on other nodes; it is alone where absent. */
  readonly replication?: Replicated
  readonly logger?: Logger
  /** Nothing is counted where absent. */
  readonly metrics?: Metrics
  readonly clock?: Clock
}

const defaultDrainMs = 5000

/** Addresses that mean "all of this machine": nobody can connect to them from elsewhere. */
const wildcards: ReadonlySet<string> = new Set(['0.0.0.0', '::', '[::]', ''])

export class KafkaServer {
  readonly #server: Server
  readonly #broker: ServedBroker
  readonly #options: ListenOptions
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #meter: WireMeter
  readonly #tools: ConnectionTools
  readonly #connections = new Set<Connection>()
  #port = 0
  #closing: Promise<void> | undefined
  #onLastClosed: () => void = () => {}

  private constructor(broker: ServedBroker, options: ListenOptions) {
    this.#broker = broker
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#clock = options.clock ?? systemClock
    this.#meter = new WireMeter(options.metrics ?? noMetrics)
    this.#tools = {
      broker,
      replication: options.replication,
      budget: new RequestBudget(broker.settings['queued.max.request.bytes']),
      answers: new AnswerBudget({
        limitBytes: broker.settings['queued.max.response.bytes'],
        leastBytes: broker.settings['message.max.bytes'],
        stallMs: () => broker.settings['frame.timeout.ms'],
        clock: this.#clock,
        logger: this.#logger,
      }),
      buffers: new FrameBuffers(),
      logger: this.#logger,
      clock: this.#clock,
      meter: this.#meter,
      onClosed: (connection) => {
        this.#connections.delete(connection)
        this.#meter.closed()
        if (this.#connections.size === 0) this.#onLastClosed()
      },
    }
    // A client that has sent its last request and closed its half still gets the answer.
    const socketOptions = { noDelay: true, keepAlive: true, allowHalfOpen: true, pauseOnConnect: true }
    this.#server = createServer(socketOptions, (socket) => this.#accept(socket))
  }

  /**
   * Serves `broker`, which stays the caller's to close, after the server.
   * @throws ADDRESS_IN_USE; INVALID_ARGUMENT where the address cannot be listened on
   */
  static async listen(broker: ServedBroker, options: ListenOptions): Promise<KafkaServer> {
    const server = new KafkaServer(broker, options)
    await server.#listen()
    return server
  }

  get host(): string {
    return this.#options.host
  }

  get port(): number {
    return this.#port
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    return this.#connections.size
  }

  /**
   * Takes no more connections and requests, ends what waits (fetches, joins), lets the answers go out for `drainMs` at
   * most, and closes all connections.
   */
  close({ drainMs = defaultDrainMs }: { readonly drainMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(drainMs)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(drainMs: number): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const allClosed = new Promise<void>((resolve) => {
      this.#onLastClosed = resolve
    })
    if (this.#connections.size === 0) this.#onLastClosed()
    for (const connection of this.#connections) connection.endAfterAnswers()
    const timer = this.#clock.schedule(drainMs, () => {
      for (const connection of this.#connections) connection.destroy()
    })
    await allClosed
    timer.cancel()
    await stopped
  }

  #listen(): Promise<void> {
    const { host, port } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(host, port, error)))
      this.#server.listen(port, host, () => {
        const address = this.#server.address()
        this.#port = typeof address === 'object' && address !== null ? address.port : port
        this.#server.on('error', (err) => this.#logger.error({ err }, 'The listening socket failed.'))
        resolve()
      })
    })
  }

  #accept(socket: Socket): void {
    const most = this.#broker.settings['max.connections']
    if (this.#connections.size >= most || this.#closing !== undefined) {
      this.#logger.warn({ client: socket.remoteAddress, 'max.connections': most }, 'A connection too many is closed.')
      socket.destroy()
      return
    }
    this.#meter.opened()
    this.#connections.add(new Connection(socket, this.#endpointFor(socket), this.#tools))
  }

  /** Where the client of this connection reaches this broker. */
  #endpointFor(socket: Socket): HostAndPort {
    const { host, advertisedHost, advertisedPort } = this.#options
    const reached = (socket.localAddress ?? host).replace(/^::ffff:/, '')
    return { host: advertisedHost ?? (wildcards.has(host) ? reached : host), port: advertisedPort ?? this.#port }
  }
}

function cannotListen(host: string, port: number, error: NodeJS.ErrnoException): HoldfastError {
  const address = `${host}:${port}`
  if (error.code === 'EADDRINUSE') {
    return new HoldfastError(
      'ADDRESS_IN_USE',
      `${address} is taken by another process. Stop that one, or listen on another port.`,
      { cause: error },
    )
  }
  return new HoldfastError('INVALID_ARGUMENT', `Cannot listen on ${address}: ${error.message}.`, { cause: error })
}
