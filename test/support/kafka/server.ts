/** An Apache Kafka broker in one process (KRaft), on loopback, with its defaults but for what one node needs. */

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
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
  /** Its own and its controller's; free ones where absent. */
  readonly ports?: readonly [broker: number, controller: number]
  /** A random one where absent. */
  readonly clusterId?: string
  /** Users that may log in by SCRAM. */
  readonly scram?: readonly { readonly mechanism: string; readonly username: string; readonly password: string }[]
  /** Beside what one node on loopback needs. */
  readonly properties?: Readonly<Record<string, string | number>>
}

/** Several nodes that start together wait for each other, and a busy machine for all of them. */
const readyWithinMs = 240_000
const execute = promisify(execFile)

/** In a directory of its own; where it ran there before, it goes on with what it has. */
export async function startKafka(kafka: Kafka, directory: string, options: KafkaOptions = {}): Promise<RunningKafka> {
  const { jvm = ['-Xmx1g', '-Xms1g', '-XX:+UseG1GC'], properties: given = {} } = options
  const [port, controllerPort] = options.ports ?? (await freePorts(2))
  const logPath = join(directory, 'logs')
  const properties = join(directory, 'server.properties')
  writeFileSync(properties, textOf({ ...propertiesOf(logPath, port, controllerPort), ...given }))
  if (!existsSync(join(logPath, 'meta.properties'))) await format(kafka, properties, options)
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

async function format(kafka: Kafka, properties: string, { clusterId, scram = [] }: KafkaOptions): Promise<void> {
  const id = clusterId ?? randomBytes(16).toString('base64url')
  const users = scram.flatMap(({ mechanism, username, password }) => [
    '--add-scram',
    `${mechanism}=[name="${username}",password="${password}"]`,
  ])
  const args = [...kafka.options, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', properties, ...users]
  await execute('java', args).catch((error: { stderr?: string; stdout?: string }) => {
    const said = `${error.stderr?.slice(-500)} ${error.stdout?.slice(-500)}`
    throw new Error(`Kafka's storage cannot be formatted: ${said}`)
  })
}
