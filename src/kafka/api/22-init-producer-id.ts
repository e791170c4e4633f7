/**
 * InitProducerId, versions 0-5: an id for an idempotent producer. A transactional id is refused by the broker while there
 * are no transactions.
 */

import { HoldfastError, kafkaCodeOf } from '../../core/errors.js'
import { initProducerId } from '../schemas/index.js'
import { endpoint } from './handler.js'

export const initProducerIdEndpoint = endpoint({
  api: initProducerId,
  order: 'alone',
  async handle({ transactionalId, producerId, producerEpoch }, { broker }) {
    if (producerId === -1 ? producerEpoch !== -1 : producerEpoch === -1) {
      throw new HoldfastError('INVALID_REQUEST', 'A producer has both an id and an epoch, or neither.')
    }
    return { errorCode: 0, ...(await broker.initProducer({ transactionalId, producerId, producerEpoch })) }
  },
  refuse: (_request, error) => ({ errorCode: kafkaCodeOf(error), producerId: -1, producerEpoch: -1 }),
})
