/** Serves the console: its pages, its API, metrics and health, over HTTP or HTTPS. */

import { createServer, type Server, type ServerOptions } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { createRequire } from 'node:module'
import { getRequestListener } from '@hono/node-server'
import { type Clock, systemClock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { type Logger, silentLogger } from '../core/logger.js'
import { type Randomness, systemRandomness } from '../core/randomness.js'
import type { Disk } from '../files/disk.js'
import { nodeDisk } from '../files/node-disk.js'
import { consoleApp } from './app.js'
import type { ConsoleBroker, ConsoleTools } from './context.js'
import { EventStreams, type EventStreamsOptions } from './event-streams.js'
import { FlushTrail } from './flush-trail.js'
import type { MetricsText, Monitor } from './monitor.js'
import { loadPages } from './pages.js'
import { type LimitsOptions, QueryLimits } from './query-limits.js'
import { SignIn } from './sign-in.js'
import { Verification } from './verification.js'
import { watchFlushes } from './watching-flushes.js'

export interface ConsoleOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Certificate and key, PEM. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer }
  /** Demanded of everybody where it is given; it must be where the address is not of the loopback. */
  readonly token?: string
  /** Names by which it may be asked, beside addresses and localhost. */
  readonly hosts?: readonly string[]
  /** `host:port` of the Kafka protocol, to be shown. */
  readonly kafkaAddress: string
  readonly monitor: Monitor
  readonly metrics: MetricsText
  readonly logger?: Logger
  readonly clock?: Clock
  readonly randomness?: Randomness
  readonly disk?: Disk
  readonly limits?: Omit<LimitsOptions, 'clock'>
  readonly streams?: Omit<EventStreamsOptions, 'clock'>
}

/** Shorter ones could be guessed by who asks often enough. */
export const leastTokenLength = 16

/** Who connects and says nothing, or reads nothing, is let go. */
const timeouts = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 5_000 }
const idleMs = 60_000
const mostConnections = 2048
const mostHeaderBytes = 16 * 1024

export class ConsoleServer {
  readonly host: string
  readonly port: number
  readonly isSecure: boolean
  readonly #server: Server
  readonly #tools: ConsoleTools
  readonly #unwatch: () => void
  #closing: Promise<void> | undefined

  private constructor(server: Server, tools: ConsoleTools, options: ConsoleOptions, unwatch: () => void) {
    this.#unwatch = unwatch
    this.#server = server
    this.#tools = tools
    this.host = options.host
    this.isSecure = options.tls !== undefined
    const address = server.address()
    this.port = typeof address === 'object' && address !== null ? address.port : options.port
  }

  /**
   * Serves `broker`, which stays the caller's to close, after the server.
   * @throws INVALID_ARGUMENT where another address than the loopback's would be open to everybody, where the token is
   * short, and where the address cannot be listened on; ADDRESS_IN_USE
   */
  static async listen(broker: ConsoleBroker, options: ConsoleOptions): Promise<ConsoleServer> {
    checkAccess(options)
    const { clock = systemClock, randomness = systemRandomness, logger = silentLogger, disk = nodeDisk } = options
    const { monitor, metrics, kafkaAddress, token, hosts = [] } = options
    const tools: ConsoleTools = {
      broker,
      clock,
      logger,
      monitor,
      metrics,
      kafkaAddress,
      version: packageVersion(),
      startedAtMs: clock.now(),
      streams: new EventStreams({ clock, ...options.streams }),
      limits: new QueryLimits({ clock, ...options.limits }),
      flushes: new FlushTrail(),
      verification: new Verification({ stored: broker.stored, clock, logger }),
    }
    const signIn = new SignIn({ token, clock, randomness, isSecure: options.tls !== undefined })
    const names = isWildcard(options.host) ? hosts : [options.host, ...hosts]
    const app = consoleApp(tools, await loadPages(disk), { signIn, hosts: names })
    const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false })
    const settings: ServerOptions = { ...timeouts, maxHeaderSize: mostHeaderBytes, noDelay: true, keepAlive: true }
    const { tls } = options
    const server =
      tls === undefined ? createServer(settings, listener) : createSecureServer({ ...settings, ...tls }, listener)
    server.maxConnections = mostConnections
    server.timeout = idleMs
    await listening(server, options)
    server.on('error', (err) => logger.error({ err }, 'The listening socket of the console failed.'))
    return new ConsoleServer(server, tools, options, watchFlushes(tools.flushes, broker.stored, clock))
  }

  /** `http://host:port`. */
  get url(): string {
    const host = this.host.includes(':') ? `[${this.host}]` : this.host
    return `${this.isSecure ? 'https' : 'http'}://${host}:${this.port}`
  }

  /** Event streams that are open now. */
  get streamCount(): number {
    return this.#tools.streams.count
  }

  /** Takes no more requests, ends streams and what verifies, and closes all connections. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const { streams, verification } = this.#tools
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    streams.close()
    this.#unwatch()
    await verification.close()
    // Queries have their own time limit; a client that does not read its answer has none to lose.
    this.#server.closeAllConnections()
    await stopped
  }
}

/** Whether only this machine reaches the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** @throws INVALID_ARGUMENT */
export function checkAccess({ host, token }: Pick<ConsoleOptions, 'host' | 'token'>): void {
  if (token === undefined && !isLoopback(host)) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      `The console at ${host} would be open to everybody who reaches this machine. Give it a token (--http-token, or HOLDFAST_HTTP_TOKEN, of at least ${leastTokenLength} characters), or serve it on 127.0.0.1.`,
    )
  }
  if (token !== undefined && token.length < leastTokenLength) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      `The token of the console has ${token.length} characters; it must have at least ${leastTokenLength}, so that nobody guesses it. "openssl rand -hex 24" makes one.`,
    )
  }
}

function listening(server: Server, { host, port }: ConsoleOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const address = `${host}:${port}`
      reject(
        cause.code === 'EADDRINUSE'
          ? new HoldfastError(
              'ADDRESS_IN_USE',
              `${address} is taken by another process. Stop that one, or serve the console on another port.`,
              { cause },
            )
          : new HoldfastError('INVALID_ARGUMENT', `The console cannot listen on ${address}: ${cause.message}.`, {
              cause,
            }),
      )
    })
    server.listen(port, host, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
}

function packageVersion(): string {
  return (createRequire(import.meta.url)('../../package.json') as { version: string }).version
}
