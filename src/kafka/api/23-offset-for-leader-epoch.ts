/**
 * OffsetForLeaderEpoch, versions 2-4: where the records of a leader epoch end. A replica (id 0 or greater) asks its leader,
 * up to the end of the leader's log; others learn what readers see.
 */

import type { FoundEpoch } from '../../broker/contract.js'
import { HoldfastError, kafkaCodeOf } from '../../core/errors.js'
import { placeKey } from '../../core/place-key.js'
import { type OffsetForLeaderEpochRequest, offsetForLeaderEpoch } from '../schemas/index.js'
import { type Call, endpoint } from './handler.js'
import { replicasOf } from './replicas.js'

export const offsetForLeaderEpochEndpoint = endpoint({
  api: offsetForLeaderEpoch,
  order: 'alone',
  async handle(request, call) {
    const found = await (request.replicaId < 0 ? foundByReader(request, call) : foundByReplica(request, call))
    let next = 0
    return {
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ index }) => {
          const { error, epoch, endOffset } = found[next++]
          if (error !== undefined) return { index, errorCode: kafkaCodeOf(error) }
          return { index, errorCode: 0, leaderEpoch: epoch, endOffset }
        }),
      })),
    }
  },
  refuse: ({ topics }, error) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ index }) => ({ index, errorCode: kafkaCodeOf(error) })),
    })),
  }),
})

function lookupsOf({ topics }: OffsetForLeaderEpochRequest) {
  return topics.flatMap(({ name, partitions }) =>
    partitions.map(({ index, currentLeaderEpoch, leaderEpoch }) => ({
      topic: name,
      partition: index,
      epoch: leaderEpoch,
      currentLeaderEpoch,
    })),
  )
}

function foundByReader(request: OffsetForLeaderEpochRequest, { broker }: Call): Promise<readonly FoundEpoch[]> {
  return broker.findEpochs(lookupsOf(request))
}

/** All questions of a replica are put to the same leadership. */
async function foundByReplica(request: OffsetForLeaderEpochRequest, call: Call): Promise<readonly FoundEpoch[]> {
  const lookups = lookupsOf(request)
  const questions = lookups.map(({ topic, partition, epoch }) => ({ topic, partition, epoch }))
  const answers = await replicasOf(call).endOfEpochs(lookups[0]?.currentLeaderEpoch ?? -1, questions)
  const byPlace = new Map(answers.map((answer) => [placeKey(answer), answer]))
  return questions.map(({ topic, partition }) => {
    const answer = byPlace.get(placeKey({ topic, partition }))
    if (answer !== undefined) return answer
    return { topic, partition, error: new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION'), epoch: -1, endOffset: -1 }
  })
}
