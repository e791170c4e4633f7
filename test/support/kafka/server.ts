/** An Apache Kafka broker in one process (KRaft), on loopback, with its defaults but for what one node needs. */

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectTo } from '../connecting.js'
import { freePorts } from '../free-ports.js'
import { type ServerProcess, startServer } from '../java/server-process.js'
import type { Kafka } from './jars.js'

export interface RunningKafka extends ServerProcess {
  readonly port: number
  /** The directory of its logs. */
  readonly logPath: string
}

export interface KafkaOptions {
  /** For the JVM: a gibibyte of heap and G1 unless given. */
  readonly jvm?: readonly string[]
  /** Beside what one node on loopback needs. */
  readonly properties?: Readonly<Record<string, string | number>>
}

const readyWithinMs = 60_000

/** In a directory of its own; where it ran there before, it goes on with what it has. */
export async function startKafka(kafka: Kafka, directory: string, options: KafkaOptions = {}): Promise<RunningKafka> {
  const { jvm = ['-Xmx1g', '-Xms1g', '-XX:+UseG1GC'], properties: given = {} } = options
  const [port, controllerPort] = await freePorts(2)
  const logPath = join(directory, 'logs')
  const properties = join(directory, 'server.properties')
  writeFileSync(properties, textOf({ ...propertiesOf(logPath, port, controllerPort), ...given }))
  if (!existsSync(join(logPath, 'meta.properties'))) format(kafka, properties)
  const server = await startServer({
    name: 'Kafka',
    args: [...jvm, ...kafka.options, 'kafka.Kafka', properties],
    directory,
    ready: async () => (await connectTo(port, readyWithinMs)).close(),
  })
  return { ...server, port, logPath }
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
