/** Producers without memory: each message is sent once, and whatever is answered is believed. */

import { buildBatch } from '../../../src/records/builder.js'
import type { RecordInput } from '../../../src/records/record.js'
import type { SeededRandomness } from '../../seeded-randomness.js'
import { type Attempt, outcomeOf } from '../attempts.js'
import type { TopicModel } from '../model.js'
import { type Actor, answerOf, anyPlace, pause, pick, type Scene } from '../scene.js'

const codecs = ['none', 'none', 'none', 'gzip', 'lz4', 'snappy'] as const
const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

export const producers: Actor = async (scene, random) => {
  const waiting = new Set<Promise<void>>()
  while (!scene.isEnding) {
    const place = anyPlace(scene, random)
    if (place !== undefined) {
      for (let count = 1 + random.below(scene.plan.burst); count > 0; count--) {
        const sent: Promise<void> = sendOnce(scene, random, place.topic, place.partition).finally(() =>
          waiting.delete(sent),
        )
        waiting.add(sent)
        sent.catch(() => {})
      }
    }
    if (random.once(2)) await Promise.all(waiting)
    await pause(scene, random)
  }
  await Promise.all(waiting)
}

async function sendOnce(scene: Scene, random: SeededRandomness, topic: TopicModel, partition: number): Promise<void> {
  const { broker, model } = scene
  const target = topic.partitions[partition]
  const attempt = target.attempt(model.nextId('p'), someRecords(scene, random, topic))
  const { bytes: batch } = buildBatch(attempt.records, { codec: pick(random, codecs) })
  const durable = random.once(6)
  const strength = durable ? 'disk' : model.strengthOf(topic)
  const { value, error } = await answerOf(broker.produce({ topic: topic.name, partition, batch, durable }))
  if (value !== undefined) {
    model.acknowledged++
    target.acknowledged(attempt, value.baseOffset, strength)
  } else settleRefused(attempt, outcomeOf(error), durable && model.strengthOf(topic) === 'cache')
}

/** A flush that failed behind an append leaves the message where it was: it may be served. */
function settleRefused(attempt: Attempt, outcome: Attempt['outcome'], mayBeThere: boolean): void {
  attempt.outcome = outcome === 'refused' && mayBeThere ? 'unknown' : outcome
}

/** Records with the time that it is, sizes from nothing to more than a segment, and in compacted topics with keys. */
export function someRecords(
  { scheduler, plan: { oneSize } }: Scene,
  random: SeededRandomness,
  { isCompacted }: TopicModel,
): RecordInput[] {
  const timestamp = scheduler.now()
  return Array.from({ length: 1 + random.below(random.once(5) ? 12 : 3) }, (_, index) => {
    // Messages of one size may take each other's place to the byte, and so bring back what was behind them.
    const bytes = oneSize ? 40 : random.once(30) ? random.below(3000) : random.once(2) ? 40 : random.below(120)
    const value = isCompacted && random.once(6) ? null : Buffer.alloc(bytes, 'x')
    const key = isCompacted || (!oneSize && random.once(2)) ? Buffer.from(pick(random, keys)) : null
    return { key, value, timestamp: timestamp + index }
  })
}
