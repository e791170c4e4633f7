/**
 * FindCoordinator, versions 0-6: this broker, or the leader of the nodes that copy one another, coordinates every group and every
 * transaction. Share groups (key type 2) are refused with INVALID_REQUEST.
 */

import { HoldfastError } from '../../core/errors.js'
import { type FindCoordinatorRequest, findCoordinator } from '../schemas/index.js'
import { endpoint } from './handler.js'
import { nodesOf } from './nodes.js'
import { noError, refusalOf } from './refusals.js'

const groupKey = 0
const transactionKey = 1
const shareGroupKey = 2
const noNode = { nodeId: -1, host: '', port: -1 }

export const findCoordinatorEndpoint = endpoint({
  api: findCoordinator,
  order: 'alone',
  async handle(request, call) {
    const { keyType } = request
    if (keyType !== groupKey && keyType !== transactionKey) {
      const what = keyType === shareGroupKey ? 'share groups' : `key type ${keyType}`
      const why = `There is no coordinator for ${what} here, only for groups and transactions.`
      throw new HoldfastError('INVALID_REQUEST', why)
    }
    const { leader } = nodesOf(call)
    if (leader === undefined) throw new HoldfastError('COORDINATOR_NOT_AVAILABLE', 'Nobody leads at the moment.')
    const { nodeId, host, port } = leader
    const node = { nodeId, host, port }
    const coordinators = request.coordinatorKeys.map((key) => ({ key, ...node, ...noError }))
    return { ...noError, ...node, coordinators }
  },
  refuse: refuseAll,
})

function refuseAll(request: FindCoordinatorRequest, error: unknown) {
  const refusal = refusalOf(error)
  return { ...refusal, ...noNode, coordinators: request.coordinatorKeys.map((key) => ({ key, ...noNode, ...refusal })) }
}
