/** The contract of the library on a real Apache Kafka of three nodes. */

import { queueCases } from '../contract/queue.cases.js'
import { remoteWorld } from '../contract/queue-worlds.js'
import { threeNodes } from './three-nodes.js'
import { withoutKafka } from './with-kafka.js'

queueCases(
  'on an Apache Kafka of three nodes',
  async () => {
    const { cluster, stop } = await threeNodes()
    return remoteWorld(cluster.url, stop)
  },
  withoutKafka,
)
