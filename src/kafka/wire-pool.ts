/**
 * The connections of one remote broker. Answers of a connection come in order, so whatever may wait long gets one of its
 * own: a Fetch or a JoinGroup that waits must not hold up the answer to a Produce.
 */

import { addressText } from '../core/addresses.js'
import { type ErrorCode, HoldfastError } from '../core/errors.js'
import type { Api, RequestInput, ResponseOf } from './schemas/index.js'
import { type SendOptions, WireClient, type WireClientOptions } from './wire-client.js'

export class WirePool {
  readonly #options: WireClientOptions
  /** The one for requests that are answered soon; pipelined. */
  #shared: WireClient | undefined
  #opening: Promise<WireClient> | undefined
  readonly #idle: WireClient[] = []
  readonly #busy = new Set<WireClient>()
  readonly #ending = new AbortController()
  /** What is said to those who ask once it is closed. */
  #closed: ErrorCode | undefined
  readonly address: string

  constructor(options: WireClientOptions) {
    this.#options = options
    this.address = addressText(options)
  }

  /** Opens the first connection now. @throws CONNECTION_FAILED */
  async connect(): Promise<void> {
    await this.#openShared()
  }

  /** Sends in the order of the calls, on the shared connection; one that was lost is opened anew. */
  send<A extends Api>(api: A, body: RequestInput<A>, options: SendOptions = {}): Promise<ResponseOf<A>> {
    const shared = this.#shared
    // Whoever waits for the connection goes first: all wait for one promise, and are called in their order.
    if (this.#opening === undefined && shared?.isOpen) return shared.send(api, body, options)
    return this.#openShared().then((client) => client.send(api, body, options))
  }

  /** Sends on a connection that nothing else uses until the answer is there. */
  async sendAlone<A extends Api>(api: A, body: RequestInput<A>, options: SendOptions = {}): Promise<ResponseOf<A>> {
    const client = this.#takeIdle() ?? (await this.#open())
    this.#busy.add(client)
    try {
      return await client.send(api, body, options)
    } finally {
      this.#busy.delete(client)
      if (client.isOpen) this.#idle.push(client)
      else client.close()
    }
  }

  /** What is unanswered fails, and so does what is asked from now on, with this code. */
  async close(code: ErrorCode = 'CLOSED'): Promise<void> {
    this.#closed = code
    this.#ending.abort()
    await this.#opening?.catch(() => {})
    this.#shared?.close()
    for (const client of [...this.#idle.splice(0), ...this.#busy]) client.close()
  }

  #takeIdle(): WireClient | undefined {
    for (let client = this.#idle.pop(); client !== undefined; client = this.#idle.pop()) {
      if (client.isOpen) return client
      client.close()
    }
    return undefined
  }

  #openShared(): Promise<WireClient> {
    if (this.#opening !== undefined) return this.#opening
    const opening = this.#open()
    this.#opening = opening
    const opened = (client?: WireClient): void => {
      this.#shared?.closeWhenAnswered()
      this.#shared = client
      this.#opening = undefined
    }
    opening.then(opened, () => opened())
    return opening
  }

  async #open(): Promise<WireClient> {
    this.#throwIfClosed()
    const client = await WireClient.connect({ ...this.#options, signal: this.#ending.signal })
    if (this.#closed !== undefined) client.close()
    this.#throwIfClosed()
    return client
  }

  #throwIfClosed(): void {
    if (this.#closed === undefined) return
    throw new HoldfastError(this.#closed, `The connection to ${this.address} was closed.`)
  }
}
