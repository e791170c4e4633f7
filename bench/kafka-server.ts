/** An Apache Kafka broker in one process (KRaft), on loopback, with its defaults but for what one node needs. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import type { Kafka } from './kafka-jars.js'
import { connectTo } from './served.js'

export interface RunningKafka {
  readonly port: number
  readonly pid: number
  /** From the start of the process to the first answer to ApiVersions. */
  readonly readyAfterMs: number
  stop(): Promise<void>
}

const readyWithinMs = 60_000
const stopWithinMs = 20_000

export async function startKafka(kafka: Kafka, directory: string): Promise<RunningKafka> {
  const [port, controllerPort] = await freePorts(2)
  const properties = join(directory, 'server.properties')
  writeFileSync(properties, propertiesOf(directory, port, controllerPort))
  format(kafka, properties)
  const log = join(directory, 'kafka.out')
  const fd = openSync(log, 'w')
  const started = performance.now()
  const child = spawn('java', ['-Xmx1g', '-Xms1g', '-XX:+UseG1GC', '-cp', kafka.classPath, 'kafka.Kafka', properties], {
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
  return { port, pid: child.pid ?? 0, readyAfterMs, stop: () => stop(child) }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  const kill = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
  child.kill('SIGTERM')
  await exited
  clearTimeout(kill)
}

/** What one node on loopback needs; everything else is Kafka's default. */
function propertiesOf(directory: string, port: number, controllerPort: number): string {
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(directory, 'logs'),
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

function format(kafka: Kafka, properties: string): void {
  const id = randomBytes(16).toString('base64url')
  const args = ['-cp', kafka.classPath, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', properties]
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
