/** ReplicaAcknowledge, version 0: a replica tells what of its copies is on its disk. Not advertised, as ReplicaReport is not. */

import { replicaAcknowledge } from '../schemas/index.js'
import { endpoint } from './handler.js'
import { noError, refusalOf } from './refusals.js'
import { replicasOf } from './replicas.js'

export const replicaAcknowledgeEndpoint = endpoint({
  api: replicaAcknowledge,
  order: 'alone',
  async handle({ topics, ...acknowledgement }, call) {
    const positions = topics.flatMap(({ name, partitions }) =>
      partitions.map(({ index, offset }) => ({ topic: name, partition: index, offset })),
    )
    await replicasOf(call).acknowledge({ ...acknowledgement, positions })
    return noError
  },
  refuse: (_request, error) => refusalOf(error),
})
