/** What is said where a node cannot be one of the cluster that it is set up for. */

import type { Member } from '../../broker/replication.js'
import { HoldfastError } from '../../core/errors.js'
import type { Keys } from './records.js'

/** `other`: who has the id of this node, as far as that can be understood. */
export function idInUse(keys: Keys, nodeId: number, other: Member | undefined): HoldfastError {
  const where = other === undefined ? '' : `, which is reached at ${other.host}:${other.port}`
  return new HoldfastError(
    'INVALID_SETTING',
    `node.id=${nodeId} is in use by another process${where}; give each node of "${keys.prefix}" in etcd an id of its own.`,
  )
}

export function otherCluster(keys: Keys, theirs: string, own: string): HoldfastError {
  return new HoldfastError(
    'INCONSISTENT_CLUSTER_ID',
    `The nodes of "${keys.prefix}" in etcd are the cluster ${theirs}, and this node belongs to ${own}.`,
  )
}

export function leadsNoMore(): HoldfastError {
  return new HoldfastError('NOT_LEADER_OR_FOLLOWER', 'This node does not lead any more.')
}
