/** Heartbeat, versions 0-4: a member is there; REBALANCE_IN_PROGRESS tells it to join again. */

import { kafkaCodeOf } from '../../core/errors.js'
import { heartbeat } from '../schemas/index.js'
import { endpoint } from './handler.js'

export const heartbeatEndpoint = endpoint({
  api: heartbeat,
  order: 'group',
  async handle(request, { broker }) {
    await broker.heartbeat(request)
    return { errorCode: 0 }
  },
  refuse: (_request, error) => ({ errorCode: kafkaCodeOf(error) }),
})
