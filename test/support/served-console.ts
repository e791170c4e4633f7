/** `holdfast serve --http` in a process of its own, and requests to it as the pages make them. */

import { type ServedBroker, type ServeOptions, serve } from './served-broker.js'

export interface ServedConsole {
  readonly broker: ServedBroker
  /** `http://127.0.0.1:…/` */
  readonly url: string
  get<T>(path: string): Promise<T>
  /** Throws what the broker says where it refuses. */
  post<T>(path: string, body: unknown): Promise<T>
}

export async function serveConsole(
  dataDir: string,
  options: ServeOptions & { http?: string } = {},
): Promise<ServedConsole> {
  const { http = '127.0.0.1:0', args = [] } = options
  const broker = await serve(dataDir, { ...options, args: ['--http', http, ...args] })
  const url = `http://${String(broker.ready['http']).replace(/^https?:\/\//, '')}`.replace(/\/*$/, '/')
  const send = async <T>(path: string, init: RequestInit): Promise<T> => {
    const response = await fetch(new URL(path, url), {
      ...init,
      headers: { 'x-holdfast-console': '1', 'content-type': 'application/json' },
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${init.method} ${path}: ${response.status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
  return {
    broker,
    url,
    get: (path) => send(path, { method: 'GET' }),
    post: (path, body) => send(path, { method: 'POST', body: JSON.stringify(body) }),
  }
}
