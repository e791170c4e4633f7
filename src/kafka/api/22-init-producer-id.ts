/**
 * InitProducerId, versions 0-5: an id for an idempotent producer, and for a transactional one an epoch with which every
 * earlier instance is fenced. What such an instance left open is aborted before the answer.
 */

import { HoldfastError } from '../../core/errors.js'
import { initProducerId } from '../schemas/index.js'
import { endpoint } from './handler.js'
import { transactionCode } from './refusals.js'

export const initProducerIdEndpoint = endpoint({
  api: initProducerId,
  order: 'alone',
  async handle({ transactionalId, transactionTimeoutMs, producerId, producerEpoch }, { broker }) {
    if (producerId === -1 ? producerEpoch !== -1 : producerEpoch === -1) {
      throw new HoldfastError('INVALID_REQUEST', 'A producer has both an id and an epoch, or neither.')
    }
    const request = { transactionalId, transactionTimeoutMs, producerId, producerEpoch }
    return { errorCode: 0, ...(await broker.initProducer(request)) }
  },
  refuse: (_request, error, version) => ({
    errorCode: transactionCode(error, { knowsFenced: version >= 4, knowsAbortable: version >= 5 }),
    producerId: -1,
    producerEpoch: -1,
  }),
})
