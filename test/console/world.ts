/** The console over a real broker in a folder of its own, and a client that says exactly what it is told to. */

import { type IncomingHttpHeaders, request } from 'node:http'
import { Broker } from '../../src/broker/broker.js'
import { Queue } from '../../src/client/queue.js'
import type { LiveTick } from '../../src/console/api-types.js'
import type { MetricsText, Monitor } from '../../src/console/monitor.js'
import { type ConsoleOptions, ConsoleServer } from '../../src/console/server.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body, parsed. */
  readonly json: unknown
}

export interface Asked {
  readonly method?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string | object
}

export interface ConsoleWorld extends AsyncDisposable {
  readonly broker: Broker
  readonly queue: Queue
  readonly server: ConsoleServer
  readonly dataPath: string
  readonly monitor: QuietMonitor
  ask(path: string, asked?: Asked): Promise<Answer>
  /** Changes something, as the pages do. */
  change(method: string, path: string, body?: object): Promise<Answer>
}

/** Figures that a test gives. */
export class QuietMonitor implements Monitor {
  now: LiveTick | null = null
  readonly advice = []
  readonly disk = {
    path: '/data',
    totalBytes: 100,
    freeBytes: 50,
    usedRatio: 0.5,
    storeBytes: 10,
    growthBytesPerHour: 0,
    fullAtMs: null,
  }
  readonly listeners = new Set<(tick: LiveTick) => void>()
  history = () => []
  lagOverTime = () => []
  onTick(listener: (tick: LiveTick) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
  onAdvice = () => () => {}
}

const noMetrics: MetricsText = { contentType: async () => 'text/plain', text: async () => '' }

export async function openConsole(
  options: Partial<ConsoleOptions> & { readonly settings?: Record<string, string | number | boolean> } = {},
): Promise<ConsoleWorld> {
  const { settings, ...given } = options
  const directory = await makeTemporaryDirectory('holdfast-console-')
  const broker = await Broker.open(directory.path, { settings })
  const queue = new Queue(broker)
  const monitor = new QuietMonitor()
  const server = await ConsoleServer.listen(broker, {
    host: '127.0.0.1',
    port: 0,
    kafkaAddress: '127.0.0.1:9092',
    monitor,
    metrics: noMetrics,
    ...given,
  })
  const ask = (path: string, asked?: Asked) => askServer(server.port, path, asked)
  return {
    broker,
    queue,
    server,
    dataPath: directory.path,
    monitor,
    ask,
    change: (method, path, body) => ask(path, { method, body, headers: { 'x-holdfast-console': '1' } }),
    async [Symbol.asyncDispose]() {
      await server.close()
      await queue.close()
      await directory.remove()
    },
  }
}

export function askServer(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: Asked = {},
): Promise<Answer> {
  const bytes = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        agent: false,
        headers: {
          ...(bytes !== undefined && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(bytes),
          }),
          ...headers,
        },
      },
      (incoming) => {
        let text = ''
        incoming.setEncoding('utf8')
        incoming.on('data', (piece: string) => {
          text += piece
        })
        incoming.on('error', reject)
        incoming.on('end', () => {
          const { statusCode: status = 0, headers: answered } = incoming
          resolve({
            status,
            headers: answered,
            text,
            get json() {
              return JSON.parse(text) as unknown
            },
          })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(bytes)
  })
}
