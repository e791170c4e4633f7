/** The network to one etcd: answers get lost, requests arrive late, streams fall silent. */

import { once } from 'node:events'
import { createServer, request as requestHttp, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * lose: etcd does what it is asked for, and its answer gets lost. hold: the request is under way until it is let go, and
 * nobody gets an answer. break: the connection breaks before etcd has the request.
 */
export type Fate = 'pass' | 'lose' | 'hold' | 'break'

export class Gate {
  /** What becomes of a request. */
  fate: (path: string, body: string) => Fate = () => 'pass'
  /** What becomes of an answer. */
  rewrite: (path: string, answer: string) => string = (_, answer) => answer
  /** Watches that are open say nothing any more; new ones do. */
  readonly #silent = new Set<ServerResponse>()
  readonly #watches = new Set<ServerResponse>()
  readonly #held: (() => Promise<void>)[] = []
  readonly #server: Server
  readonly #seen = new Map<string, number>()
  #upstream: string

  private constructor(upstream: string) {
    this.#upstream = upstream
    this.#server = createServer(async (incoming, response) => {
      let body = ''
      for await (const chunk of incoming.setEncoding('utf8')) body += chunk
      await this.#pass(incoming.url ?? '', body, response)
    })
  }

  static async open(upstream: string): Promise<Gate> {
    const gate = new Gate(upstream)
    gate.#server.listen(0, '127.0.0.1')
    await once(gate.#server, 'listening')
    return gate
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** How many requests there were. */
  seen(path: string): number {
    return this.#seen.get(path) ?? 0
  }

  get heldCount(): number {
    return this.#held.length
  }

  /** What was held arrives now, in its order. */
  async release(): Promise<void> {
    for (const send of this.#held.splice(0)) await send()
  }

  silenceWatches(): void {
    for (const watch of this.#watches) this.#silent.add(watch)
  }

  breakWatches(): void {
    for (const watch of this.#watches) watch.destroy()
  }

  moveTo(upstream: string): void {
    this.#upstream = upstream
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await once(this.#server.close(), 'close')
  }

  async #pass(path: string, body: string, response: ServerResponse): Promise<void> {
    this.#seen.set(path, this.seen(path) + 1)
    const fate = this.fate(path, body)
    if (fate === 'hold') this.#held.push(() => this.#forward(path, body))
    else if (fate === 'break') response.destroy()
    else if (fate === 'lose') {
      await this.#forward(path, body)
      response.destroy()
    } else await this.#forward(path, body, response)
  }

  #forward(path: string, body: string, response?: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const onward = requestHttp(new URL(path, this.#upstream), { method: 'POST' }, (answer) => {
        const isWatch = path === '/v3/watch'
        if (isWatch && response !== undefined) this.#watches.add(response)
        response?.writeHead(answer.statusCode ?? 500, { 'content-type': 'application/json' })
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          if (response !== undefined && !this.#silent.has(response)) response.write(this.rewrite(path, chunk))
        })
        answer.once('end', () => response?.end())
        answer.once('error', () => response?.destroy())
        answer.once('close', resolve)
      })
      onward.on('error', () => {
        response?.destroy()
        resolve()
      })
      response?.once('close', () => {
        this.#watches.delete(response)
        onward.destroy()
      })
      onward.end(body)
    })
  }
}
