/** A RocketMQ name server and a broker that it knows, on loopback, with their defaults but for what one broker needs. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts, freePortWithAnother } from '../free-ports.js'
import { shortLived } from '../java/maven-jars.js'
import { type ServerProcess, startServer } from '../java/server-process.js'
import { until } from '../until.js'
import type { RocketMq } from './jars.js'

export interface RunningRocketMq extends ServerProcess {
  /** Where clients ask for the broker: address and port. */
  readonly nameServer: string
  /** The broker's. */
  readonly port: number
  /** The directory of its store. */
  readonly storePath: string
}

export interface RocketMqOptions {
  /** For the broker's JVM: a gibibyte of heap and G1 unless given. */
  readonly jvm?: readonly string[]
  /** Of broker.conf, beside what one broker on loopback needs. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>
}

const readyWithinMs = 60_000
/** The broker listens for clients that may not wait on the port that lies so far below its own. */
const fastPortBelow = 2

/** Of the broker: it serves, and the name server knows it. */
const saysSo = (what: string) => (output: () => string) =>
  until(`RocketMQ's ${what}`, () => output().includes('boot success'), readyWithinMs)

/** In a directory of its own; where it ran there before, it goes on with what it has. */
export async function startRocketMq(
  rocketMq: RocketMq,
  directory: string,
  options: RocketMqOptions = {},
): Promise<RunningRocketMq> {
  const { jvm = ['-Xmx1g', '-Xms1g', '-XX:+UseG1GC'], properties = {} } = options
  const [namesPort = 0, highAvailabilityPort = 0] = await freePorts(2)
  const port = await freePortWithAnother(fastPortBelow)
  const storePath = join(directory, 'store')
  mkdirSync(storePath, { recursive: true })
  const common = { directory, env: { ROCKETMQ_HOME: directory } }
  const program = [`-Duser.home=${directory}`, ...rocketMq.options, '-cp', rocketMq.classPath]
  const config = (name: string, values: Readonly<Record<string, string | number | boolean>>): string => {
    const path = join(directory, name)
    const lines = Object.entries(values).map(([key, value]) => `${key}=${value}\n`)
    writeFileSync(path, lines.join(''))
    return path
  }
  const namesConfig = config('namesrv.conf', { listenPort: namesPort, bindAddress: '127.0.0.1' })
  const names = await startServer({
    ...common,
    name: 'RocketMQ name server',
    args: [...shortLived, ...program, 'org.apache.rocketmq.namesrv.NamesrvStartup', '-c', namesConfig],
    ready: saysSo('name server'),
  })
  const nameServer = `127.0.0.1:${namesPort}`
  const brokerConfig = config('broker.conf', {
    ...brokerProperties(storePath, port, nameServer),
    haListenPort: highAvailabilityPort,
    ...properties,
  })
  try {
    const broker = await startServer({
      ...common,
      name: 'RocketMQ broker',
      args: [...jvm, ...program, 'org.apache.rocketmq.broker.BrokerStartup', '-c', brokerConfig],
      ready: saysSo('broker'),
    })
    return {
      ...broker,
      nameServer,
      port,
      storePath,
      stop: () => broker.stop().finally(names.kill),
      kill: () => broker.kill().finally(names.kill),
    }
  } catch (error) {
    await names.kill()
    throw error
  }
}

function brokerProperties(storePath: string, port: number, nameServer: string) {
  return {
    brokerClusterName: 'DefaultCluster',
    brokerName: 'broker-a',
    brokerId: 0,
    brokerIP1: '127.0.0.1',
    bindAddress: '127.0.0.1',
    listenPort: port,
    namesrvAddr: nameServer,
    storePathRootDir: storePath,
    storePathCommitLog: join(storePath, 'commitlog'),
    autoCreateTopicEnable: true,
    timerWheelEnable: false,
    // A disk that is nearly full with other things is none of the broker's business here.
    diskMaxUsedSpaceRatio: 95,
  }
}
