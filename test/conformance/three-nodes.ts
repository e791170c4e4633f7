/** An Apache Kafka of three nodes in a directory that goes away with it. */

import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { type KafkaCluster, startKafkaCluster } from '../support/kafka/cluster.js'
import { kafka } from './with-kafka.js'

export async function threeNodes(): Promise<{ readonly cluster: KafkaCluster; stop(): Promise<void> }> {
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
