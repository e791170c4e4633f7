/** Readers: each fetch begins somewhere, and whatever it shows has to stay. */

import { fetchFrom } from '../reading.js'
import { type Actor, answerOf, anyPlace, pause } from '../scene.js'
import { holds } from '../violation.js'

export const readers: Actor = async (scene, random) => {
  while (!scene.isEnding) {
    await pause(scene, random)
    const place = anyPlace(scene, random)
    if (place === undefined) continue
    const { topic, partition } = place
    const target = topic.partitions[partition]
    const isolation = random.once(2) ? 'committed' : 'uncommitted'
    const known = [...target.certain.keys()]
    // Who reads at the end is the first to see what is not certain yet.
    const from = random.once(2) ? known.length - 1 : random.below(known.length)
    const offset = known[from] ?? 0
    const maxBytes = random.once(2) ? 1 + random.below(2000) : 100_000
    const read = fetchFrom(scene.broker, { topic: topic.name, partition }, offset, isolation, maxBytes)
    const { value, error } = await answerOf(read)
    holds(
      error?.code !== 'CORRUPT_MESSAGE' || scene.mayForget,
      'a message keeps its bytes',
      () => `${target.name}: ${error?.message}`,
    )
    if (value === undefined || topic.partitions[partition] !== target) continue
    let next = offset
    for (const one of value.found) {
      const inOrder = topic.isCompacted || isolation === 'committed' ? one.offset >= next : one.offset === next
      holds(inOrder, 'offsets have no holes', () => `${target.name}: a reader gets ${one.offset} after ${next - 1}`)
      next = one.offset + 1
      target.seen(one, scene.model.strengthOf(topic))
      if (isolation === 'committed') target.seenCommitted(one)
    }
  }
}
