/** Redis streams, `appendfsync always`: a server of its own beside this client, which pipelines what waits. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Contender, Options } from '../harness/contender.js'
import { type AppendOptions, appending } from './appending.js'
import { peerModule } from './peer-module.js'

interface Client {
  on(event: 'error', listener: () => void): Client
  connect(): Promise<unknown>
  xAdd(stream: string, id: string, fields: Record<string, Buffer>): Promise<unknown>
  destroy(): void
}

interface Redis {
  createClient(options: Record<string, unknown>): Client
}

/** The server reads 16 KiB of a connection a turn, and flushes once a turn: with more of them more share a flush. */
const mostConnections = 16
const readyWithinMs = 10_000

export async function start(given: Options): Promise<Contender> {
  const options = given as unknown as AppendOptions
  const { createClient } = await peerModule<Redis>('redis')
  const socket = join(options.directory, 'redis.sock')
  const server = await startServer(options.directory, socket)
  const clients = await Promise.all(
    Array.from({ length: Math.min(options.callers, mostConnections) }, async () => {
      const client = createClient({ socket: { path: socket, tls: false, reconnectStrategy: false } })
      client.on('error', () => {})
      await client.connect()
      return client
    }),
  )
  let next = 0
  return appending(options, {
    append: (v) => clients[next++ % clients.length].xAdd('bench', '*', { v }),
    async close() {
      for (const client of clients) client.destroy()
      const exited = once(server, 'exit')
      server.kill('SIGTERM')
      await exited
    },
  })
}

async function startServer(directory: string, socket: string): Promise<ChildProcess> {
  const settings = {
    port: '0',
    unixsocket: socket,
    dir: directory,
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
    'no-appendfsync-on-rewrite': 'no',
    'auto-aof-rewrite-percentage': '0',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => server.kill('SIGKILL'))
  const signal = AbortSignal.timeout(readyWithinMs)
  const failed = once(server, 'error', { signal }).then(([error]): never => {
    throw new Error(`redis-server cannot be started (Debian: apt-get install redis-server): ${error.message}`)
  })
  const ready = new Promise<void>((resolve) => {
    server.stdout.on('data', (chunk) => {
      if (String(chunk).includes('eady to accept connections')) resolve()
    })
  })
  await Promise.race([ready, failed])
  failed.catch(() => {})
  return server
}
