/** SyncGroup, versions 0-5: the leader hands in the assignment, every member waits for its part. */

import { kafkaCodeOf } from '../../core/errors.js'
import { syncGroup } from '../schemas/index.js'
import { endpoint } from './handler.js'
import { untilClosing } from './until-closing.js'

const nothing = Buffer.alloc(0)

export const syncGroupEndpoint = endpoint({
  api: syncGroup,
  order: 'join',
  async handle(request, { broker, signal }) {
    const { protocolType, protocolName, assignment } = await untilClosing(broker.syncGroup(request), signal)
    return { errorCode: 0, protocolType, protocolName, assignment }
  },
  refuse: (_request, error) => ({ errorCode: kafkaCodeOf(error), assignment: nothing }),
})
