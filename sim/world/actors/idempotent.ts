/**
 * A producer with sequence numbers: it has several batches under way, and sends again whatever was not acknowledged, in
 * order and with the same numbers, also to the process that comes after a crash. Where it is told that its numbers do not
 * fit it begins anew, and what it had not been told of stays unknown.
 */

import { buildBatch } from '../../../src/records/builder.js'
import type { SeededRandomness } from '../../seeded-randomness.js'
import { type Attempt, afterAnother, outcomeOf } from '../attempts.js'
import type { TopicModel, WorldModel } from '../model.js'
import { type Actor, answerOf, anyPlace, pause, type Scene } from '../scene.js'
import { someRecords } from './producers.js'

interface Unanswered {
  readonly attempt: Attempt
  readonly sequence: number
}

interface Session {
  readonly producerId: number
  readonly producerEpoch: number
  readonly topic: TopicModel
  readonly partition: number
  /** The model that the partition had: a topic that was made anew is another one. */
  readonly target: TopicModel['partitions'][number]
  nextSequence: number
  unanswered: Unanswered[]
}

/** Outlives the processes. */
const sessions = new WeakMap<WorldModel, Session>()

export const idempotent: Actor = async (scene, random) => {
  while (!scene.isEnding) {
    const session = sessions.get(scene.model) ?? (await begin(scene, random))
    if (session !== undefined) await work(scene, random, session)
    await pause(scene, random)
  }
}

async function begin(scene: Scene, random: SeededRandomness): Promise<Session | undefined> {
  const place = anyPlace(scene, random)
  if (place === undefined) return undefined
  const request = { transactionalId: null, producerId: -1, producerEpoch: -1 }
  const { value } = await answerOf(scene.broker.initProducer(request))
  if (value === undefined) return undefined
  const target = place.topic.partitions[place.partition]
  const session: Session = { ...value, ...place, target, nextSequence: 0, unanswered: [] }
  sessions.set(scene.model, session)
  return session
}

async function work(scene: Scene, random: SeededRandomness, session: Session): Promise<void> {
  const { topic, partition, target } = session
  if (topic.state === 'gone' || topic.partitions[partition] !== target || random.once(40)) {
    sessions.delete(scene.model)
    return
  }
  while (session.unanswered.length < 1 + random.below(3)) {
    const attempt = target.attempt(scene.model.nextId('i'), someRecords(scene, random, topic))
    session.unanswered.push({ attempt, sequence: session.nextSequence })
    session.nextSequence += attempt.records.length
  }
  const answers = await Promise.all(session.unanswered.map((one) => send(scene, session, one)))
  const first = answers.findIndex((answer) => answer !== 'acknowledged')
  if (answers.includes('out of order')) sessions.delete(scene.model)
  session.unanswered = first < 0 ? [] : session.unanswered.filter((_, i) => answers[i] !== 'acknowledged')
}

async function send(
  { broker, model }: Scene,
  { producerId, producerEpoch, topic, partition, target }: Session,
  { attempt, sequence }: Unanswered,
): Promise<'acknowledged' | 'out of order' | 'refused'> {
  attempt.goneFrom = undefined
  const built = buildBatch(attempt.records, { producerId, producerEpoch, baseSequence: sequence })
  const { value, error } = await answerOf(broker.produce({ topic: topic.name, partition, batch: built.bytes }))
  if (value !== undefined) {
    model.acknowledged++
    target.acknowledged(attempt, value.baseOffset, model.strengthOf(topic))
    return 'acknowledged'
  }
  attempt.outcome = afterAnother(attempt.outcome, outcomeOf(error))
  return attempt.outcome === 'refused' || error.retriable ? 'refused' : 'out of order'
}
