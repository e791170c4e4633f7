/** Groups without members, each of which commits offsets one after the other, and fetches them back. */

import { type Actor, answerOf, anyPlace, pause, pick } from '../scene.js'

export const groups: Actor = async (scene, random) => {
  const { broker, model, plan } = scene
  const strength = plan.settings['flush.disk.type'] === 'ASYNC_FLUSH' ? 'cache' : 'disk'
  while (!scene.isEnding) {
    await pause(scene, random)
    const place = anyPlace(scene, random)
    if (place === undefined) continue
    const [topic, partition] = [place.topic.name, place.partition]
    const commit = { group: pick(random, ['one', 'two']), topic, partition, offset: random.below(1_000_000) }
    const member = { groupId: commit.group, memberId: '', groupInstanceId: null, generationId: -1 }
    model.groups.sent(commit)
    const offsets = [{ topic, partition, offset: commit.offset, leaderEpoch: -1, metadata: '' }]
    const { value } = await answerOf(broker.commitOffsets({ ...member, offsets }))
    if (value !== undefined && value[0] === undefined) model.groups.committed(commit, strength)
  }
}
