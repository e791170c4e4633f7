/** Where the requests of replicas go: to whoever sees to the copies of this broker. */

import { HoldfastError } from '../../core/errors.js'
import type { ReplicaService } from '../../replication/contract.js'
import type { Call } from './handler.js'

/** @throws NOT_LEADER_OR_FOLLOWER where this broker is alone */
export function replicasOf({ replication }: Pick<Call, 'replication'>): ReplicaService {
  if (replication !== undefined) return replication.replicas
  throw new HoldfastError('NOT_LEADER_OR_FOLLOWER', 'This broker has no replicas: its replication.mode is none.')
}
