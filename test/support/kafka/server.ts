/** An Apache Kafka broker in one process (KRaft), on loopback, with its defaults but for what one node needs. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { connectTo } from '../connecting.js'
import type { Kafka } from './jars.js'

export interface RunningKafka {
  readonly port: number
  readonly pid: number
  /** From the start of the process to the first answer to ApiVersions. */
  readonly readyAfterMs: number
  /** The directory of its logs. */
  readonly logPath: string
  stop(): Promise<void>
  kill(): Promise<void>
}

export interface KafkaOptions {
  /** For the JVM: a gibibyte of heap and G1 unless given. */
  readonly jvm?: readonly string[]
  /** Beside what one node on loopback needs. */
  readonly properties?: Readonly<Record<string, string | number>>
}

const readyWithinMs = 60_000
const stopWithinMs = 20_000

/** In a directory of its own; where it ran there before, it goes on with what it has. */
export async function startKafka(kafka: Kafka, directory: string, options: KafkaOptions = {}): Promise<RunningKafka> {
  const { jvm = ['-Xmx1g', '-Xms1g', '-XX:+UseG1GC'], properties: given = {} } = options
  const [port, controllerPort] = await freePorts(2)
  const logPath = join(directory, 'logs')
  const properties = join(directory, 'server.properties')
  writeFileSync(properties, textOf({ ...propertiesOf(logPath, port, controllerPort), ...given }))
  if (!existsSync(join(logPath, 'meta.properties'))) format(kafka, properties)
  const log = join(directory, 'kafka.out')
  const fd = openSync(log, 'w')
  const started = performance.now()
  const child = spawn('java', [...jvm, ...kafka.options, 'kafka.Kafka', properties], {
    stdio: ['ignore', fd, fd],
    cwd: directory,
  })
  const killAtExit = () => child.kill('SIGKILL')
  process.once('exit', killAtExit)
  child.once('exit', () => process.off('exit', killAtExit))
  try {
    const ended = once(child, 'exit').then(([code]): never => {
      throw new Error(`Kafka ended with ${code}: ${readFileSync(log, 'utf8').slice(-1000)}`)
    })
    const client = await Promise.race([connectTo(port, readyWithinMs), ended])
    ended.catch(() => {})
    client.close()
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  const readyAfterMs = performance.now() - started
  const pid = child.pid ?? 0
  return { port, pid, readyAfterMs, logPath, stop: () => end(child, 'SIGTERM'), kill: () => end(child, 'SIGKILL') }
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  const kill = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
  child.kill(signal)
  await exited
  clearTimeout(kill)
}

/** What one node on loopback needs; everything else is Kafka's default. */
function propertiesOf(logPath: string, port: number, controllerPort: number): Record<string, string | number> {
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': logPath,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
  }
}

function textOf(properties: Readonly<Record<string, string | number>>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

function format(kafka: Kafka, properties: string): void {
  const id = randomBytes(16).toString('base64url')
  const args = [...kafka.options, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', properties]
  const { status, stdout, stderr } = spawnSync('java', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`Kafka's storage cannot be formatted: ${stderr.slice(-500)} ${stdout.slice(-500)}`)
}

/** All at the same time, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
