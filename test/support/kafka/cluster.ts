/** An Apache Kafka cluster of several nodes (KRaft, each broker and controller) on loopback, whose nodes can be killed. */

import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../free-ports.js'
import type { Kafka } from './jars.js'
import { type KafkaOptions, type RunningKafka, startKafka } from './server.js'

export interface KafkaCluster {
  /** `kafka://` and all addresses. */
  readonly url: string
  /** By their ids, from 1 on; undefined while it is down. */
  readonly nodes: (RunningKafka | undefined)[]
  /** Kills a node with SIGKILL. */
  kill(id: number): Promise<void>
  /** Starts a node that was killed, with what it has. */
  restart(id: number): Promise<void>
  stop(): Promise<void>
}

export async function startKafkaCluster(
  kafka: Kafka,
  directory: string,
  count: number,
  given: KafkaOptions['properties'] = {},
): Promise<KafkaCluster> {
  const ports = await freePorts(count * 2)
  const clusterId = randomBytes(16).toString('base64url')
  const ids = Array.from({ length: count }, (_, index) => index + 1)
  const voters = ids.map((id) => `${id}@127.0.0.1:${ports[count + id - 1]}`).join(',')
  const copies = Math.min(3, count)
  const properties = {
    'controller.quorum.voters': voters,
    'default.replication.factor': copies,
    'min.insync.replicas': Math.max(1, copies - 1),
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 6,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': Math.max(1, copies - 1),
    'transaction.state.log.num.partitions': 6,
    'group.initial.rebalance.delay.ms': 0,
    ...given,
  }
  const start = (id: number): Promise<RunningKafka> => {
    const own = join(directory, `node-${id}`)
    mkdirSync(own, { recursive: true })
    return startKafka(kafka, own, {
      // Quick to start: nobody is here for long.
      jvm: ['-Xmx512m', '-Xms128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
      ports: [ports[id - 1], ports[count + id - 1]],
      clusterId,
      properties: { ...properties, 'node.id': id },
    })
  }
  const nodes: (RunningKafka | undefined)[] = await Promise.all(ids.map(start))
  return {
    url: `kafka://${ids.map((id) => `127.0.0.1:${ports[id - 1]}`).join(',')}`,
    nodes,
    kill: async (id) => {
      await nodes[id - 1]?.kill()
      nodes[id - 1] = undefined
    },
    restart: async (id) => {
      nodes[id - 1] = await start(id)
    },
    stop: async () => {
      await Promise.all(nodes.map((node) => node?.kill()))
    },
  }
}
