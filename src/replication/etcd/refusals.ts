/** What is said where a node cannot be one of the cluster that it is set up for. */

import { HoldfastError } from '../../core/errors.js'
import type { Keys } from './records.js'

export function otherCluster(keys: Keys, theirs: string, own: string): HoldfastError {
  return new HoldfastError(
    'INCONSISTENT_CLUSTER_ID',
    `The nodes of "${keys.prefix}" in etcd are the cluster ${theirs}, and this node belongs to ${own}.`,
  )
}

export function leadsNoMore(): HoldfastError {
  return new HoldfastError('NOT_LEADER_OR_FOLLOWER', 'This node does not lead any more.')
}
