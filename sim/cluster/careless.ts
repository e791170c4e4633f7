/** Producers for whom it is enough that the leader has a message (acks=1): it may be gone with that leader, and nobody else's place. */

import { buildBatch } from '../../src/records/builder.js'
import { someRecords } from '../world/actors/producers.js'
import { outcomeOf } from '../world/attempts.js'
import { type Actor, answerOf, anyPlace, pause } from '../world/scene.js'

export const careless: Actor = async (scene, random) => {
  const { broker, model } = scene
  while (!scene.isEnding) {
    const place = anyPlace(scene, random)
    if (place !== undefined) {
      const { topic, partition } = place
      const attempt = topic.partitions[partition].attempt(model.nextId('c'), someRecords(scene, random, topic))
      const { bytes: batch } = buildBatch(attempt.records)
      const { error } = await answerOf(broker.produce({ topic: topic.name, partition, batch, acks: 'leader' }))
      attempt.outcome = error === undefined ? 'unknown' : outcomeOf(error)
    }
    await pause(scene, random)
  }
}
