/** The other doors of a broker, opened for real: the console's port and the control socket; and the arguments of the command line. */

import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { Broker } from '../../src/broker/broker.js'
import { listenForControl } from '../../src/cli/control-socket.js'
import { parseTime } from '../../src/cli/message-lines.js'
import { parseAddress, wholeNumber } from '../../src/cli/target.js'
import { ConsoleServer } from '../../src/console/server.js'
import { systemClock } from '../../src/core/clock.js'
import { silentLogger } from '../../src/core/logger.js'
import { MetricsRegistry } from '../../src/core/metrics/registry.js'
import { Sampler } from '../../src/monitoring/sampler.js'
import { watchBroker } from '../../src/monitoring/watching.js'
import { Broken, type Target } from '../target.js'

interface Doors {
  close(): Promise<void>
  readonly port: number
  readonly socket: string
}

let doors: Promise<Doors> | undefined

async function open(): Promise<void> {
  doors ??= opened()
  await doors
}

/** So that a process which fuzzed can end. */
export async function closeDoors(): Promise<void> {
  await (await doors)?.close()
}

/** One broker for all inputs, on a disk in memory, with a topic. */
async function opened(): Promise<Doors> {
  const disk = new MemoryDisk()
  const metrics = new MetricsRegistry()
  const broker = await Broker.open('/data', { metrics, disk })
  await broker.createTopic({ name: 't', partitions: 2 })
  const tools = { metrics, dataPath: '/data', disk, clock: systemClock, logger: silentLogger }
  const monitor = new Sampler(await watchBroker(broker, tools), tools)
  const kafkaAddress = '127.0.0.1:9092'
  const server = await ConsoleServer.listen(broker, { host: '127.0.0.1', port: 0, kafkaAddress, monitor, metrics })
  const directory = mkdtempSync(join(tmpdir(), 'fuzz-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  const control = await listenForControl(broker, directory, { disk, logger: silentLogger, monitor })
  const close = async (): Promise<void> => {
    await control.close()
    await server.close()
    await broker.close()
  }
  return { port: server.port, socket: join(directory, 'control.sock'), close }
}

/** Sends all of `bytes`, says that this is all, and gives back what comes until the other side ends, or `enough` of it. */
function asked(to: { port: number } | { path: string }, bytes: Buffer, enough: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = createConnection('port' in to ? { ...to, host: '127.0.0.1' } : to)
    socket.setEncoding('latin1')
    socket.on('data', (piece: string) => {
      text += piece
      if (enough.test(text)) socket.destroy()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
    socket.on('close', () => resolve(text))
    socket.end(bytes)
  })
}

const change = 'x-holdfast-console: 1\r\ncontent-type: application/json\r\n'

function request(line: string, body?: string): Buffer {
  const more = body === undefined ? '' : `${change}content-length: ${body.length}\r\n`
  return Buffer.from(`${line} HTTP/1.1\r\nhost: 127.0.0.1\r\n${more}\r\n${body ?? ''}`)
}

/** Requests to the console's port, down to the bytes: no answer says that something went wrong which nobody foresaw. */
export const httpPort: Target = {
  name: 'http-port',
  files: ['src/console/'],
  seeds: [
    ...[
      '/api/topics?search=t&offset=0&limit=5',
      '/api/topics/t/partitions/0/messages?offset=0&limit=5',
      '/metrics',
      '/health',
    ].map((path) => request(`GET ${path}`)),
    ...[
      '/api/overview',
      '/api/history?from=1',
      '/api/trace?topic=t&partition=0&offset=0',
      '/api/storage/t/0',
      '/api/settings',
      '/api/groups',
      '/api/storage',
      '/api/topics/t',
      '/api/groups/g',
      '/x',
    ].map((path) => request(`GET ${path}`)),
    request('POST /api/topics', '{"name":"u","partitions":1}'),
    request('POST /api/topics/t/messages', '{"key":"a","value":"b","partition":0}'),
    request('DELETE /api/topics/u', '{}'),
    request('POST /api/topics/t/partitions', '{"count":3}'),
    request('PATCH /api/topics/t/config', '{"set":{"segment.bytes":"1048576"}}'),
    request('POST /api/groups/g/reset', '{"topic":"t","to":"earliest"}'),
    request('POST /api/session', '{"token":"x"}'),
  ],
  words: [
    '%00',
    '%2f',
    '..%2f',
    '%',
    '?',
    '&',
    'limit=',
    'offset=',
    '\r\n',
    '{"',
    'null',
    '[[[[',
    '-1',
    '9007199254740993',
    '__proto__',
    'transfer-encoding: chunked\r\n',
  ],
  allows: () => false,
  isSlow: true,
  prepare: open,
  async run(bytes) {
    const { port } = await (doors as Promise<Doors>)
    const answer = await asked({ port }, bytes, /\r\n\r\n/)
    if (/^HTTP\/1\.1 500/.test(answer)) throw new Broken(`it is answered with ${answer.slice(0, 30)}`)
  },
}

/** Lines to the control socket: each is answered, or was no line. */
export const controlSocket: Target = {
  name: 'control-socket',
  files: ['src/cli/control-socket'],
  seeds: ['{"command":"advice"}\n', '{"command":"backup","target":"","keep":2}\n', 'null\n', '{}\n', '[]\n'].map(
    (text) => Buffer.from(text),
  ),
  words: ['null', '"command":', '"advice"', '"backup"', '"target":', '\n', '[[[['],
  allows: () => false,
  isSlow: true,
  prepare: open,
  async run(bytes) {
    if (!bytes.includes(10)) return
    const { socket } = await (doors as Promise<Doors>)
    const answer = await asked({ path: socket }, bytes, /\n/)
    if (!answer.endsWith('\n')) throw new Broken('a line is not answered')
    if (answer.includes('"UNKNOWN_SERVER_ERROR"')) throw new Broken(answer)
  },
}

/** What the command line takes: times, addresses, numbers. */
export const commandArguments: Target = {
  name: 'command-arguments',
  files: ['src/cli/message-lines', 'src/cli/target'],
  seeds: ['2026-11-26T10:00:00Z', '1700000000000', '127.0.0.1:9092', '[::1]:9092', '-1', '42'].map((text) =>
    Buffer.from(text),
  ),
  words: [':', '[', ']', '-', '9007199254740993', '65536', 'T', 'Z'],
  longest: 256,
  allows: (error) => error instanceof InvalidArgumentError,
  run(bytes) {
    const text = bytes.toString('utf8')
    parseTime(text)
    let refusal: unknown
    for (const parse of [parseAddress, wholeNumber(0)]) {
      try {
        const value = parse(text)
        if (
          typeof value === 'number'
            ? String(value) !== text.replace(/^-(?=0+$)/, '').replace(/^(-?)0+(?=\d)/, '$1')
            : value.port > 65_535
        ) {
          throw new Broken(`${text} is taken for ${JSON.stringify(value)}`)
        }
      } catch (error) {
        if (error instanceof Broken || !(error instanceof InvalidArgumentError)) throw error
        refusal = error
      }
    }
    if (refusal !== undefined) throw refusal
  },
}
