/** Manual replica assignments: on a single node each can only say what is so anyway. */

import { HoldfastError } from '../../core/errors.js'

/** Refuses a list of replicas that is not this node alone. @throws INVALID_REPLICA_ASSIGNMENT */
export function requireThisNode(replicas: readonly number[], nodeId: number): void {
  if (replicas.length === 1 && replicas[0] === nodeId) return
  throw new HoldfastError(
    'INVALID_REPLICA_ASSIGNMENT',
    `A partition is assigned to the brokers [${replicas.join(', ')}]; there is broker ${nodeId} alone.`,
  )
}

/** Refuses partitions that are not 0, 1, 2 … each once. @throws INVALID_REPLICA_ASSIGNMENT */
export function requireConsecutive(partitions: readonly number[]): void {
  const sorted = [...partitions].sort((one, other) => one - other)
  if (sorted.every((partition, at) => partition === at)) return
  throw new HoldfastError(
    'INVALID_REPLICA_ASSIGNMENT',
    `The assigned partitions are ${sorted.join(', ')}; they must be 0 to ${sorted.length - 1}, each once.`,
  )
}
