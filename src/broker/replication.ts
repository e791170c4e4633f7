/** What a broker asks of those who see to its copies on other nodes. A broker that is alone asks nobody. */

/** A node as others reach it. */
export interface Member {
  readonly nodeId: number
  /** Where clients and replicas connect to. */
  readonly host: string
  readonly port: number
  /** Where it stands; empty where it does not say. */
  readonly rack: string
}

/** The nodes that hold one another's messages, as clients are told of them. All partitions have the same leader. */
export interface ClusterDescription {
  readonly clusterId: string
  /** -1 while nobody leads. */
  readonly leaderId: number
  readonly members: readonly Member[]
  /** The nodes that have everything that was acknowledged with acks=all. */
  readonly inSync: readonly number[]
}

export interface BrokerReplication {
  /** Readers see only what all in-sync replicas have. */
  readonly holdsBack: boolean
  /** The leader among them. */
  readonly inSyncCount: number
  /** Of all partitions. */
  readonly leaderEpoch: number
  /** Looked at by each request. @throws NOT_LEADER_OR_FOLLOWER while another node may lead */
  assertLeads(): void
  /** For reads alone, which a replica may answer too. @throws NOT_LEADER_OR_FOLLOWER */
  assertReads(): void
  describe(): ClusterDescription
}
