/** Topics come, grow, lose records and go. A name is used once: a deletion that nobody answered may still be under way. */

import type { SeededRandomness } from '../seeded-randomness.js'
import { createNow, deleteNow } from '../world/actors/topics.js'
import { TopicModel } from '../world/model.js'
import { type Actor, answerOf, anyPlace, pause, pick, type Scene } from '../world/scene.js'

const mostTopics = 12
const mostAtOnce = 4

type Chore = (scene: Scene, random: SeededRandomness) => Promise<unknown>
const rest: Chore = ({ scheduler }, random) => scheduler.sleep(random.below(500))
const compact: Chore = ({ broker }) => answerOf(broker.compactTopic('latest'))
const chores: readonly Chore[] = [make, make, remove, grow, deleteRecords, compact, rest, rest, rest, rest]

export const administrator: Actor = async (scene, random) => {
  while (!scene.isEnding) {
    await pause(scene, random)
    await pick(random, chores)(scene, random)
  }
}

async function make(scene: Scene, random: SeededRandomness): Promise<void> {
  const { topics } = scene.model
  if (topics.length >= mostTopics || topics.filter(({ state }) => state === 'present').length >= mostAtOnce) return
  const layout = random.once(2) ? 'commitlog' : 'segments'
  const topic = new TopicModel(`topic${topics.length}`, 1 + random.below(2), { 'storage.layout': layout })
  topics.push(topic)
  await createNow(scene, topic)
}

async function remove(scene: Scene, random: SeededRandomness): Promise<void> {
  const { topics } = scene.model
  const present = topics.filter(({ state, isCompacted }) => state === 'present' && !isCompacted)
  if (present.length > 0) await deleteNow(scene, pick(random, present))
}

async function grow(scene: Scene, random: SeededRandomness): Promise<void> {
  const place = anyPlace(scene, random)
  if (place === undefined || place.topic.partitions.length > 4 || place.topic.isCompacted) return
  const { topic } = place
  const wanted = topic.partitions.length + 1
  const { error } = await answerOf(scene.broker.createPartitions(topic.name, wanted))
  // The model has no partitions that may be there or not: those that nobody answered for nobody uses.
  if (error === undefined && topic.partitions.length === wanted - 1) topic.grow()
}

async function deleteRecords(scene: Scene, random: SeededRandomness): Promise<void> {
  const place = anyPlace(scene, random)
  if (place === undefined) return
  const target = place.topic.partitions[place.partition]
  const known = [...target.certain.keys()]
  if (known.length === 0) return
  const offset = known[random.below(known.length)]
  target.deletedBefore = Math.max(target.deletedBefore, offset)
  await answerOf(scene.broker.deleteRecords({ topic: place.topic.name, partition: place.partition }, offset))
}
