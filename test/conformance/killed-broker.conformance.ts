/** The library on a real Apache Kafka of three nodes, of which one is killed under load. */

import { test } from 'node:test'
import { killUnderLoad } from './killed-broker.js'
import { threeNodes } from './three-nodes.js'
import { withoutKafka } from './with-kafka.js'

test('a broker of three is killed under load and comes back: nothing acknowledged is lost or doubled', {
  skip: withoutKafka,
  timeout: 580_000,
}, async () => {
  const { cluster, stop } = await threeNodes()
  try {
    await killUnderLoad(cluster)
  } finally {
    await stop()
  }
})
