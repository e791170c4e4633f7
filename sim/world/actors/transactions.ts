/** Producers of transactions: they write to several partitions, commit offsets with it, and end it, or die before. */

import type { ProducerIdentity } from '../../../src/broker/contract.js'
import { buildBatch } from '../../../src/records/builder.js'
import type { SeededRandomness } from '../../seeded-randomness.js'
import { outcomeOf, type TransactionAttempt } from '../attempts.js'
import type { TopicModel } from '../model.js'
import { type Actor, answerOf, anyPlace, pause, type Scene } from '../scene.js'
import { someRecords } from './producers.js'

export const transactionalIds = ['t0', 't1']

export const transactions: Actor = async (scene, random) => {
  await Promise.all(transactionalIds.map((id) => produceIn(scene, random, id)))
}

async function produceIn(scene: Scene, random: SeededRandomness, transactionalId: string): Promise<void> {
  let producer: ProducerIdentity | undefined
  const sequences = new Map<object, number>()
  while (!scene.isEnding) {
    if (producer === undefined) {
      const request = { transactionalId, producerId: -1, producerEpoch: -1, transactionTimeoutMs: 60_000 }
      producer = (await answerOf(scene.broker.initProducer(request))).value
      sequences.clear()
    } else if (!(await oneTransaction(scene, random, { transactionalId, ...producer }, sequences))) producer = undefined
    await pause(scene, random)
  }
}

/** False where the producer has to take a new epoch before the next one. */
async function oneTransaction(
  scene: Scene,
  random: SeededRandomness,
  producer: ProducerIdentity & { readonly transactionalId: string },
  sequences: Map<object, number>,
): Promise<boolean> {
  const { broker, model } = scene
  const transaction: TransactionAttempt = { name: model.nextId('x'), commitAsked: false, outcome: 'open', written: [] }
  model.transactions.push(transaction)
  let intact = true
  for (let count = 1 + random.below(4); count > 0 && intact && !scene.isEnding; count--) {
    const place = anyPlace(scene, random)
    if (place === undefined) continue
    const partitions = [{ topic: place.topic.name, partition: place.partition }]
    const added = await answerOf(broker.addPartitionsToTransaction(producer, partitions))
    intact = added.value !== undefined && added.value[0] === undefined
    if (!intact) break
    intact = await write(scene, random, producer, sequences, { ...place, transaction })
    if (random.once(3)) await pause(scene, random)
  }
  if (scene.isEnding && random.once(2)) return false
  const commit = intact && !random.once(3)
  transaction.commitAsked = commit
  const { error } = await answerOf(broker.endTransaction(producer, commit))
  if (error !== undefined) transaction.outcome = 'unknown'
  else {
    transaction.outcome = commit ? 'committed' : 'aborted'
    // What is committed is on the disk, whatever the policy. An abort promises nothing of what it undoes.
    if (commit) for (const { partition, attempt } of transaction.written) partition.firm(attempt)
  }
  return intact && error === undefined
}

async function write(
  scene: Scene,
  random: SeededRandomness,
  producer: ProducerIdentity & { readonly transactionalId: string },
  sequences: Map<object, number>,
  to: { readonly topic: TopicModel; readonly partition: number; readonly transaction: TransactionAttempt },
): Promise<boolean> {
  const { broker, model } = scene
  const { topic, partition, transaction } = to
  const target = topic.partitions[partition]
  const attempt = target.attempt(model.nextId('t'), someRecords(scene, random, topic), transaction)
  const baseSequence = sequences.get(target) ?? 0
  sequences.set(target, baseSequence + attempt.records.length)
  const { producerId, producerEpoch, transactionalId } = producer
  const options = { producerId, producerEpoch, baseSequence, isTransactional: true }
  const { bytes: batch } = buildBatch(attempt.records, options)
  const { value, error } = await answerOf(broker.produce({ topic: topic.name, partition, batch, transactionalId }))
  if (error !== undefined) {
    attempt.outcome = outcomeOf(error)
    return false
  }
  model.acknowledged++
  target.acknowledged(attempt, value.baseOffset, model.strengthOf(topic))
  transaction.written.push({ partition: target, attempt, baseOffset: value.baseOffset })
  return true
}
