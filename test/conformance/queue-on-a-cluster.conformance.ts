/** The library on a real Apache Kafka of three nodes: the contract, and a broker that is killed under load. */

import { test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { queueCases } from '../contract/queue.cases.js'
import { remoteWorld } from '../contract/queue-worlds.js'
import { type KafkaCluster, startKafkaCluster } from '../support/kafka/cluster.js'
import { killUnderLoad } from './killed-broker.js'
import { kafka, withoutKafka } from './with-kafka.js'

async function start(): Promise<{ cluster: KafkaCluster; stop(): Promise<void> }> {
  if (kafka === undefined) throw new Error('Kafka is not there.')
  const directory = await makeTemporaryDirectory('holdfast-cluster-')
  const cluster = await startKafkaCluster(kafka, directory.path, 3).catch(async (error: unknown) => {
    await directory.remove()
    throw error
  })
  return {
    cluster,
    stop: async () => {
      await cluster.stop()
      await directory.remove()
    },
  }
}

queueCases(
  'on an Apache Kafka of three nodes',
  async () => {
    const { cluster, stop } = await start()
    return remoteWorld(cluster.url, stop)
  },
  withoutKafka,
)

test('a broker of three is killed under load and comes back: nothing acknowledged is lost or doubled', {
  skip: withoutKafka,
  timeout: 580_000,
}, async () => {
  const { cluster, stop } = await start()
  try {
    await killUnderLoad(cluster)
  } finally {
    await stop()
  }
})
