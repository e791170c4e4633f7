/** An administrator: topics come and go and come again, records are deleted, logs compacted, time is turned. */

import type { SeededRandomness } from '../../seeded-randomness.js'
import type { TopicModel } from '../model.js'
import { type Actor, answerOf, anyPlace, pause, pick, type Scene } from '../scene.js'

type Chore = (scene: Scene, random: SeededRandomness) => Promise<unknown>

const wait: Chore = ({ scheduler }, random) => scheduler.sleep(random.below(random.once(2) ? 300 : 5))
const compact: Chore = ({ broker }) => answerOf(broker.compactTopic('latest'))
const chores: readonly Chore[] = [remove, deleteRecords, deleteRecords, compact, compact, wait, wait, wait, wait]

export const topics: Actor = async (scene, random) => {
  while (!scene.isEnding) {
    await pause(scene, random)
    const missing = scene.model.topics.find(({ state }) => state === 'gone')
    if (missing !== undefined) await create(scene, missing)
    else await pick(random, chores)(scene, random)
  }
}

export async function create(scene: Scene, topic: TopicModel): Promise<void> {
  topic.reset(topic.partitions.length)
  scene.model.groups.forget(topic.name, true)
  await createNow(scene, topic)
}

export async function createNow({ broker }: Pick<Scene, 'broker'>, topic: TopicModel): Promise<void> {
  const { name, config } = topic
  topic.state = 'maybe'
  const { value } = await answerOf(broker.createTopic({ name, partitions: topic.partitions.length, config }))
  if (value !== undefined) topic.state = 'present'
}

export async function deleteNow({ broker, model }: Scene, topic: TopicModel): Promise<void> {
  topic.state = 'maybe'
  model.groups.forget(topic.name, false)
  const { error } = await answerOf(broker.deleteTopic(topic.name))
  if (error === undefined) topic.state = 'gone'
  model.groups.forget(topic.name, false)
}

async function remove(scene: Scene, random: SeededRandomness): Promise<void> {
  const present = scene.model.topics.filter(({ state }) => state === 'present')
  if (present.length > 0) await deleteNow(scene, present[random.below(present.length)])
}

async function deleteRecords(scene: Scene, random: SeededRandomness): Promise<void> {
  const place = anyPlace(scene, random)
  if (place === undefined) return
  const target = place.topic.partitions[place.partition]
  const known = [...target.certain.keys()]
  if (known.length === 0) return
  const offset = known[random.below(known.length)]
  target.deletedBefore = Math.max(target.deletedBefore, offset)
  const name = { topic: place.topic.name, partition: place.partition }
  const { value } = await answerOf(scene.broker.deleteRecords(name, offset))
  if (value !== undefined && place.topic.partitions[place.partition] === target) {
    target.beginsAt = Math.max(target.beginsAt, value)
  }
}
