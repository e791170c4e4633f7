/** The console over a real broker in a folder of its own, and a client that says exactly what it is told to. */

import { type IncomingHttpHeaders, request } from 'node:http'
import { Broker } from '../../src/broker/broker.js'
import { Queue } from '../../src/client/queue.js'
import { type ConsoleOptions, ConsoleServer } from '../../src/console/server.js'
import { systemClock } from '../../src/core/clock.js'
import { silentLogger } from '../../src/core/logger.js'
import { MetricsRegistry } from '../../src/core/metrics/registry.js'
import type { Disk } from '../../src/files/disk.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { Sampler } from '../../src/monitoring/sampler.js'
import { watchBroker } from '../../src/monitoring/watching.js'

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
  readonly monitor: Sampler
  readonly metrics: MetricsRegistry
  ask(path: string, asked?: Asked): Promise<Answer>
  /** Changes something, as the pages do. */
  change(method: string, path: string, body?: object): Promise<Answer>
}

export interface WorldOptions extends Partial<ConsoleOptions> {
  readonly settings?: Record<string, string | number | boolean>
  /** Fills the folder before it is opened. */
  readonly prepare?: (dataPath: string, disk: Disk) => Promise<void>
  /** Where the broker keeps its files; the real one where absent. */
  readonly brokerDisk?: Disk
}

export async function openConsole(options: WorldOptions = {}): Promise<ConsoleWorld> {
  const { settings, prepare, brokerDisk = nodeDisk, ...given } = options
  const directory = await makeTemporaryDirectory('holdfast-console-')
  await prepare?.(directory.path, brokerDisk)
  const metrics = new MetricsRegistry()
  const broker = await Broker.open(directory.path, { settings, metrics, disk: brokerDisk })
  const queue = new Queue(broker)
  const tools = { metrics, dataPath: directory.path, disk: brokerDisk, clock: systemClock, logger: silentLogger }
  const monitor = new Sampler(await watchBroker(broker, tools), tools)
  const server = await ConsoleServer.listen(broker, {
    host: '127.0.0.1',
    port: 0,
    kafkaAddress: '127.0.0.1:9092',
    monitor,
    metrics,
    ...given,
  })
  monitor.start()
  const ask = (path: string, asked?: Asked) => askServer(server.port, path, asked)
  return {
    broker,
    queue,
    server,
    dataPath: directory.path,
    monitor,
    metrics,
    ask,
    change: (method, path, body) => ask(path, { method, body, headers: { 'x-holdfast-console': '1' } }),
    async [Symbol.asyncDispose]() {
      await server.close()
      await monitor.close()
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
