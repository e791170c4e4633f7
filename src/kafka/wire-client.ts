/**
 * The client's end of one connection: requests are sent as they come, answers belong to them in their order.
 *
 * Versions are negotiated once, on connecting: for each API the highest that both sides have. When anything goes wrong
 * with the connection, everything that is unanswered fails with CONNECTION_FAILED and the connection is of no more use.
 */

import type { Socket } from 'node:net'
import { addressText } from '../core/addresses.js'
import type { Clock, Timer } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { FrameReader } from './frames.js'
import { decodeCorrelationId, decodeResponse, encodeRequest } from './messages.js'
import { logIn } from './sasl/log-in.js'
import { type Api, apiVersions, type RequestInput, type ResponseOf } from './schemas/index.js'
import { openSocket, type Security } from './sockets.js'

export interface WireClientOptions {
  readonly host: string
  readonly port: number
  readonly clientId: string
  /** How long an answer may take, beyond what the request itself asks to wait. */
  readonly requestTimeoutMs: number
  readonly clock: Clock
  /** How the broker is spoken to; in the clear and without a name where absent. */
  readonly security?: Security
  /** Ends the connecting. */
  readonly signal?: AbortSignal
}

export interface SendOptions {
  /** Not above this version, whatever the broker has. */
  readonly maxVersion?: number
  /** Not below this version. */
  readonly minVersion?: number
  /** How long the broker may wait before it answers. */
  readonly waitMs?: number
  readonly clientId?: string
  /** Ends the waiting, and the connection with it: what it still answers would stand in the way of the next answer. */
  readonly signal?: AbortSignal
  /** Called when the request goes to the socket: from then on the broker may have heard it, whatever comes after. */
  readonly onSent?: () => void
}

interface Unanswered {
  readonly correlationId: number
  readonly deadlineMs: number
  readonly resolve: (frame: Buffer) => void
  readonly reject: (error: HoldfastError) => void
}

const shortestResponseBytes = 4
const largestResponseBytes = 2 ** 31 - 5
const unsupportedVersion = 35
const afterCorrelationId = 4

export class WireClient {
  readonly #options: WireClientOptions
  readonly #socket: Socket
  readonly #frames = new FrameReader({ minBytes: shortestResponseBytes, maxBytes: largestResponseBytes })
  readonly #unanswered: Unanswered[] = []
  readonly #ranges = new Map<number, readonly [first: number, last: number]>()
  #lastCorrelationId = 0
  #timer: Timer | undefined
  #failure: HoldfastError | undefined
  /** Where the broker wants to hear the password again after a while; a new connection says it. */
  #expiresAtMs = Number.POSITIVE_INFINITY
  #isRetired = false

  private constructor(socket: Socket, options: WireClientOptions) {
    this.#socket = socket
    this.#options = options
    socket.on('data', (chunk: Buffer) => this.#hear(chunk))
    socket.on('error', (error) => this.#fail(`the connection broke: ${error.message}`, error))
    socket.on('close', () => this.#fail('the connection was closed'))
  }

  /** Connects, negotiates and logs in. @throws CONNECTION_FAILED, SASL_AUTHENTICATION_FAILED, UNSUPPORTED_SASL_MECHANISM */
  static async connect(options: WireClientOptions): Promise<WireClient> {
    const client = new WireClient(await openSocket(options), options)
    const stop = (): void => client.close()
    options.signal?.addEventListener('abort', stop)
    try {
      await client.#negotiate()
      const { sasl } = options.security ?? {}
      if (sasl !== undefined) client.#expiresAtMs = options.clock.monotonic() + (await logIn(client, sasl))
      return client
    } catch (error) {
      client.close()
      throw error
    } finally {
      options.signal?.removeEventListener('abort', stop)
    }
  }

  get isOpen(): boolean {
    return this.#failure === undefined && this.#options.clock.monotonic() < this.#expiresAtMs
  }

  /** Another connection takes over: this one ends with its last answer. */
  closeWhenAnswered(): void {
    this.#isRetired = true
    if (this.#unanswered.length === 0) this.close()
  }

  close(): void {
    this.#fail('it was closed here')
  }

  /** The version that {@link send} takes. @throws UNSUPPORTED_VERSION where both sides have none in common */
  versionOf(api: Api, { minVersion = 0, maxVersion = api.versions[1] }: SendOptions = {}): number {
    // What is private is not negotiated: who is asked is one of ours, or hangs up.
    const [first, last] = this.#ranges.get(api.key) ?? (api.isPrivate ? api.versions : [0, -1])
    const version = Math.min(maxVersion, api.versions[1], last)
    if (version >= Math.max(first, minVersion, api.versions[0])) return version
    throw new HoldfastError(
      'UNSUPPORTED_VERSION',
      last < 0
        ? `The broker at ${this.#address} does not offer ${api.name}.`
        : `The broker at ${this.#address} offers ${api.name} ${first} to ${last}, none of which is usable here.`,
    )
  }

  /** Sends a request; resolves with the body of its answer, whatever errors that holds. @throws CONNECTION_FAILED */
  async send<A extends Api>(api: A, body: RequestInput<A>, options: SendOptions = {}): Promise<ResponseOf<A>> {
    const version = this.versionOf(api, options)
    const { signal } = options
    if (signal?.aborted) throw takenBack()
    const stop = (): void => this.#fail('the question was taken back')
    signal?.addEventListener('abort', stop)
    try {
      const frame = await this.#exchange(api, version, body, options)
      return decodeResponse(api, version, frame).body
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  get #address(): string {
    return addressText(this.#options)
  }

  async #negotiate(): Promise<void> {
    const body = { clientSoftwareName: 'holdfast', clientSoftwareVersion: '0' }
    let answer = await this.#askVersions(3, body)
    if (answer.errorCode === unsupportedVersion) answer = await this.#askVersions(0, body)
    if (answer.errorCode !== 0) {
      throw new HoldfastError('CONNECTION_FAILED', `${this.#address} refused ApiVersions with ${answer.errorCode}.`)
    }
    for (const { apiKey, minVersion, maxVersion } of answer.apiKeys) this.#ranges.set(apiKey, [minVersion, maxVersion])
  }

  /** A broker that lacks the version answers in version 0. */
  async #askVersions(version: number, body: RequestInput<typeof apiVersions>): Promise<ResponseOf<typeof apiVersions>> {
    const frame = await this.#exchange(apiVersions, version, body, {})
    const isRefused =
      frame.length >= afterCorrelationId + 2 && frame.readInt16BE(afterCorrelationId) === unsupportedVersion
    return decodeResponse(apiVersions, isRefused ? 0 : version, frame).body
  }

  #exchange<A extends Api>(api: A, version: number, body: RequestInput<A>, options: SendOptions): Promise<Buffer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const correlationId = this.#lastCorrelationId
    this.#lastCorrelationId = (correlationId + 1) & 0x7fffffff
    const chunks = encodeRequest(
      api,
      version,
      { correlationId, clientId: options.clientId ?? this.#options.clientId },
      body,
    )
    const deadlineMs = this.#options.clock.monotonic() + this.#options.requestTimeoutMs + (options.waitMs ?? 0)
    return new Promise((resolve, reject) => {
      this.#unanswered.push({ correlationId, deadlineMs, resolve, reject })
      this.#watch()
      options.onSent?.()
      this.#socket.cork()
      for (const chunk of chunks) this.#socket.write(chunk)
      this.#socket.uncork()
    })
  }

  #hear(chunk: Buffer): void {
    this.#frames.push(chunk)
    try {
      for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) this.#answer(frame)
    } catch (error) {
      this.#fail(`its answer makes no sense: ${(error as Error).message}`, error)
    }
  }

  #answer(frame: Buffer): void {
    const correlationId = decodeCorrelationId(frame)
    const oldest = this.#unanswered.shift()
    if (oldest?.correlationId !== correlationId) {
      if (oldest !== undefined) this.#unanswered.unshift(oldest)
      throw new HoldfastError('INVALID_REQUEST', `an answer to request ${correlationId} came out of turn`)
    }
    oldest.resolve(frame)
    if (this.#isRetired && this.#unanswered.length === 0) this.close()
  }

  /** One timer for all: it looks at the oldest request, and again when that one's time may be up. */
  #watch(): void {
    if (this.#timer !== undefined) return
    const { clock } = this.#options
    const leftMs = Math.max(1, this.#unanswered[0].deadlineMs - clock.monotonic())
    this.#timer = clock.schedule(
      leftMs,
      () => {
        this.#timer = undefined
        if (this.#unanswered.length === 0) return
        if (this.#unanswered[0].deadlineMs <= clock.monotonic()) this.#fail('it did not answer in time')
        else this.#watch()
      },
      { background: true },
    )
  }

  #fail(why: string, cause?: unknown): void {
    if (this.#failure !== undefined) return
    const failure = new HoldfastError('CONNECTION_FAILED', `Lost the broker at ${this.#address}: ${why}.`, { cause })
    this.#failure = failure
    this.#timer?.cancel()
    this.#socket.destroy()
    for (const { reject } of this.#unanswered.splice(0)) reject(failure)
  }
}

/** What somebody hears who asked and does not want to know any more. */
export function takenBack(): HoldfastError {
  return new HoldfastError('CLOSED', 'The question was taken back before it was answered.')
}
