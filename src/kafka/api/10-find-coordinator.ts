/**
 * FindCoordinator, versions 0-6: this broker coordinates every group. Transactions (key type 1) and share groups (2) are
 * not there yet and refused with INVALID_REQUEST.
 */

import { HoldfastError } from '../../core/errors.js'
import { type FindCoordinatorRequest, findCoordinator } from '../schemas/index.js'
import { endpoint } from './handler.js'
import { noError, refusalOf } from './refusals.js'

const groupKey = 0
const keyTypeNames: Readonly<Record<number, string>> = { 1: 'a transaction', 2: 'a share group' }
const noNode = { nodeId: -1, host: '', port: -1 }

export const findCoordinatorEndpoint = endpoint({
  api: findCoordinator,
  order: 'alone',
  async handle(request, { broker, endpoint: address }) {
    if (request.keyType !== groupKey) {
      const what = keyTypeNames[request.keyType] ?? `key type ${request.keyType}`
      throw new HoldfastError('INVALID_REQUEST', `There is no coordinator for ${what} here, only for groups.`)
    }
    const node = { nodeId: broker.nodeId, ...address }
    const coordinators = request.coordinatorKeys.map((key) => ({ key, ...node, ...noError }))
    return { ...noError, ...node, coordinators }
  },
  refuse: refuseAll,
})

function refuseAll(request: FindCoordinatorRequest, error: unknown) {
  const refusal = refusalOf(error)
  return { ...refusal, ...noNode, coordinators: request.coordinatorKeys.map((key) => ({ key, ...noNode, ...refusal })) }
}
