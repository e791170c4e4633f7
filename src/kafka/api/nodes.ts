/** Who the nodes are and which of them leads, as answers tell it: of a broker that is alone, itself. */

import type { Call } from './handler.js'

export interface Node {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

export interface Nodes {
  readonly clusterId: string
  /** Those that were heard of lately, in the order of their ids. */
  readonly brokers: readonly Node[]
  /** Of all partitions; undefined while nobody leads. */
  readonly leader: Node | undefined
  /** The ids of all that hold the messages. */
  readonly replicas: readonly number[]
  readonly inSync: readonly number[]
  /** In-sync replicas that were not heard of lately. */
  readonly offline: readonly number[]
}

/** This node is told of where the client has reached it. */
export function nodesOf({ broker, replication, endpoint }: Pick<Call, 'broker' | 'replication' | 'endpoint'>): Nodes {
  const own: Node = { nodeId: broker.nodeId, ...endpoint, rack: null }
  if (replication === undefined) {
    const ids = [own.nodeId]
    return { clusterId: broker.clusterId, brokers: [own], leader: own, replicas: ids, inSync: ids, offline: [] }
  }
  const { clusterId, leaderId, members, inSync } = replication.describe()
  const live = new Map<number, Node>([[own.nodeId, own]])
  for (const { nodeId, host, port, rack } of members) {
    const address = nodeId === own.nodeId ? endpoint : { host, port }
    live.set(nodeId, { nodeId, ...address, rack: rack === '' ? null : rack })
  }
  const replicas = inOrder([...live.keys(), ...inSync])
  return {
    clusterId,
    brokers: inOrder(live.keys()).map((id) => live.get(id) as Node),
    // One that is not heard of cannot be reached either.
    leader: live.get(leaderId),
    replicas,
    inSync: inOrder(inSync),
    offline: replicas.filter((id) => !live.has(id)),
  }
}

function inOrder(ids: Iterable<number>): readonly number[] {
  return [...new Set(ids)].sort((one, other) => one - other)
}
