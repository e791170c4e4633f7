/** HTTP to an etcd of several endpoints: each request has a time limit, and goes to the next endpoint where one fails. */

import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Clock } from '../../core/clock.js'
import { HoldfastError, reasonOf } from '../../core/errors.js'
import { type EtcdAccess, Login, LoginNeeded, refusalOf, secureAgent } from './access.js'

/** What an answer is before anybody has looked at it. */
export type Json = Readonly<Record<string, unknown>>

/** What carries questions to an etcd. */
export interface EtcdWire {
  /** The endpoint that is asked first. */
  readonly current: number
  /** @throws LeaseNotFound; INVALID_SETTING where this user may not; REPLICATION_UNAVAILABLE where whether it was carried out is not known */
  post(path: string, body: Json): Promise<Json>
  /** What is told, answer by answer, until it ends or `signal` is aborted. Fails as the connection does. */
  stream(path: string, body: Json, signal: AbortSignal): AsyncGenerator<Json>
  close(): void
}

/** etcd knows no such lease: it has run out, or was given back. */
export class LeaseNotFound extends Error {
  override readonly name = 'LeaseNotFound'
}

/** @throws INVALID_SETTING where one of them is no http or https URL of a host alone, or there is none */
export function parseEndpoints(endpoints: readonly string[]): URL[] {
  if (endpoints.length === 0) throw new HoldfastError('INVALID_SETTING', 'replication.etcd names no endpoint.')
  return endpoints.map((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined
    const isPlain = url !== undefined && url.pathname === '/' && url.search === '' && url.username === ''
    if (isPlain && (url.protocol === 'http:' || url.protocol === 'https:')) return url
    throw new HoldfastError(
      'INVALID_SETTING',
      `replication.etcd: ${JSON.stringify(text)} is no endpoint of etcd; write it as "http://host:2379".`,
    )
  })
}

export interface EndpointsOptions {
  readonly clock: Clock
  /** For how long one endpoint is waited for. */
  readonly limitMs: number
  readonly access?: EtcdAccess
}

export class Endpoints implements EtcdWire {
  readonly #urls: readonly URL[]
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #agent = new Agent({ keepAlive: true })
  readonly #secureAgent: Agent
  readonly #login: Login
  #current = 0
  /** Of the etcd that answered first. Another one's record would be another decision. */
  #etcdId: unknown

  constructor(urls: readonly URL[], { clock, limitMs, access = {} }: EndpointsOptions) {
    this.#urls = urls
    this.#clock = clock
    this.#limitMs = limitMs
    this.#secureAgent = secureAgent(access)
    this.#login = new Login(access)
  }

  /** The endpoint that is asked first. */
  get current(): number {
    return this.#current
  }

  /**
   * Asks one endpoint after the other until one answers. So a request may have been carried out although another endpoint
   * then refuses it.
   * @throws LeaseNotFound; INVALID_SETTING where etcd does not let this user; REPLICATION_UNAVAILABLE where none has answered: whether it was carried out is not known then
   */
  async post(path: string, body: Json): Promise<Json> {
    const reasons: string[] = []
    for (let tries = 0; tries < this.#urls.length; tries++) {
      const endpoint = this.#current
      try {
        return await this.#askLoggedIn(endpoint, path, body)
      } catch (error) {
        if (error instanceof LeaseNotFound || error instanceof HoldfastError) throw error
        reasons.push(`${this.#urls[endpoint].origin}: ${reasonOf(error)}`)
        this.#leave(endpoint)
      }
    }
    throw new HoldfastError('REPLICATION_UNAVAILABLE', `etcd does not answer (${reasons.join('; ')}).`)
  }

  /** What one endpoint tells, answer by answer, until it ends or `signal` is aborted. Fails as the connection does. */
  async *stream(path: string, body: Json, signal: AbortSignal): AsyncGenerator<Json> {
    const endpoint = this.#current
    await this.#logIn(endpoint)
    // Ends the stream where this member of etcd has lost the others.
    const request = this.#request(endpoint, path, { 'grpc-metadata-hasleader': 'true' })
    const end = (): void => void request.destroy()
    signal.addEventListener('abort', end)
    const limit = this.#limit(request)
    try {
      request.end(JSON.stringify(body))
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve).on('error', reject)
      })
      let rest = ''
      for await (const chunk of response.setEncoding('utf8')) {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) {
          limit.cancel()
          yield this.#understand(line)
        }
      }
    } catch (error) {
      if (!signal.aborted) this.#leave(endpoint)
      throw error
    } finally {
      limit.cancel()
      signal.removeEventListener('abort', end)
      request.destroy()
    }
  }

  close(): void {
    this.#agent.destroy()
    this.#secureAgent.destroy()
  }

  async #askLoggedIn(endpoint: number, path: string, body: Json): Promise<Json> {
    await this.#logIn(endpoint)
    try {
      return await this.#askOnce(endpoint, path, body)
    } catch (error) {
      if (!(error instanceof LoginNeeded)) throw error
    }
    // Nothing was carried out: the token has run out, or etcd was told to ask for users since.
    this.#login.forget()
    await this.#logIn(endpoint)
    return this.#askOnce(endpoint, path, body)
  }

  async #logIn(endpoint: number): Promise<void> {
    await this.#login.renew((path, body) => this.#askOnce(endpoint, path, body))
  }

  async #askOnce(endpoint: number, path: string, body: Json): Promise<Json> {
    return this.#understand(await this.#ask(endpoint, path, body))
  }

  #leave(endpoint: number): void {
    if (this.#current === endpoint) this.#current = (endpoint + 1) % this.#urls.length
  }

  #request(endpoint: number, path: string, headers: Record<string, string> = {}): ClientRequest {
    const url = new URL(path, this.#urls[endpoint])
    const all = { 'content-type': 'application/json', ...this.#login.headers, ...headers }
    const options = { method: 'POST', headers: all }
    return url.protocol === 'https:'
      ? requestHttps(url, { ...options, agent: this.#secureAgent })
      : requestHttp(url, { ...options, agent: this.#agent })
  }

  #limit(request: ClientRequest): { cancel(): void } {
    return this.#clock.schedule(this.#limitMs, () => {
      request.destroy(new Error(`no answer within ${Math.round(this.#limitMs)} ms`))
    })
  }

  #ask(endpoint: number, path: string, body: Json): Promise<string> {
    return new Promise((resolve, reject) => {
      const request = this.#request(endpoint, path)
      const limit = this.#limit(request)
      request.on('error', reject).once('close', () => limit.cancel())
      request.once('response', (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        response.on('error', reject).once('end', () => resolve(text))
      })
      request.end(JSON.stringify(body))
    })
  }

  /** The answer without its wrapping. Throws what the endpoint says is wrong. */
  #understand(text: string): Json {
    const outer = parseObject(text)
    const answer = (outer['result'] ?? outer) as Json
    const header = answer['header'] as Json | undefined
    if (header === undefined) {
      const error = (outer['error'] ?? outer) as Json | string
      const message = typeof error === 'string' ? error : error['message']
      if (typeof message !== 'string') throw notEtcd(text)
      if (/lease not found/.test(message)) throw new LeaseNotFound(message)
      throw refusalOf(message, this.#login.user)
    }
    this.#etcdId ??= header['cluster_id']
    if (header['cluster_id'] !== this.#etcdId) throw new Error('this is another etcd than the one that answered first')
    return answer
  }
}

function parseObject(text: string): Json {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Json
  } catch {
    throw notEtcd(text)
  }
  throw notEtcd(text)
}

function notEtcd(text: string): Error {
  return new Error(
    `this is no etcd with an HTTP gateway of version 3.4 or later; it says ${JSON.stringify(text.slice(0, 100))}`,
  )
}
