/** The queue in a folder, on a served broker, and on several nodes, under one contract. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Broker } from '../../src/broker/broker.js'
import { open } from '../../src/index.js'
import { KafkaServer } from '../../src/kafka/server.js'
import { serveNodes } from '../replication/served-nodes.js'
import { SeveralNodes } from '../support/several-nodes.js'
import { type QueueWorld, queueCases } from './queue.cases.js'
import { remoteWorld } from './queue-worlds.js'

const settings = { 'group.initial.rebalance.delay.ms': 0 }
const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'holdfast-contract-'))

async function folderWorld(): Promise<QueueWorld> {
  const path = await newFolder()
  const mq = await open(path, { settings })
  return {
    name: 'in a folder',
    mq,
    another: async () => mq,
    close: async () => {
      await mq.close()
      await rm(path, { recursive: true })
    },
  }
}

async function servedWorld(count?: number): Promise<QueueWorld> {
  const path = await newFolder()
  const broker = await Broker.open(path, { settings })
  const server = await KafkaServer.listen(broker, { host: '127.0.0.1', port: 0 })
  const nodes = count === undefined ? undefined : await SeveralNodes.start(server.port, count)
  return remoteWorld(`kafka://${nodes?.addresses ?? `127.0.0.1:${server.port}`}`, async () => {
    await nodes?.close()
    await server.close()
    await broker.close()
    await rm(path, { recursive: true })
  })
}

async function replicatedWorld(): Promise<QueueWorld> {
  const served = await serveNodes(2, { ...settings, 'min.insync.replicas': 2 })
  return remoteWorld(`kafka://${served.addresses}`, () => served.close())
}

queueCases('in a folder', folderWorld)
queueCases('on a served broker', () => servedWorld())
queueCases('on three nodes in front of one broker', () => servedWorld(3))
queueCases('on two nodes that hold copies', replicatedWorld)
