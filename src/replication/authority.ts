/**
 * Who decides which node leads. Never code of ours by itself: etcd decides, or a person by `holdfast promote`. What was
 * decided is one small record, and whoever changes it says which record it knew: so of two that change it at a time one
 * wins, and the other looks again.
 *
 * What makes it safe: only a node of the in-sync set may become the leader, the leader shows and acknowledges (acks=all)
 * only what every node of that set has, and it takes a node out of the set only by changing the record. So a leader that
 * nobody can reach any more cannot acknowledge what its successor lacks, whatever its clock says. The lease is for
 * readers: a leader whose lease has run out, by its own monotonic clock, answers nobody.
 */

import type { Member } from '../broker/replication.js'

/** What was decided. */
export interface Leadership {
  /** Of the nodes together: a node whose directory belongs to another cluster has no business here. */
  readonly clusterId: string
  /** Grows with each beginning of a leadership, also of the same node. */
  readonly epoch: number
  /** -1 where the last leader has let go of it. */
  readonly leaderId: number
  /** The nodes that have everything that was acknowledged; never empty. */
  readonly inSync: readonly number[]
}

export interface Authority {
  /** What is known here of what was decided; undefined while nothing was, or nothing is known yet. */
  readonly leadership: Leadership | undefined
  /** Nodes that were heard of lately, this one among them. */
  readonly members: readonly Member[]
  /**
   * This node leads, and nobody can have begun to lead since: looked at for each request, so it costs a comparison with a
   * monotonic clock and no more.
   */
  readonly leads: boolean
  /** Nobody leads now, as far as is known here, so that {@link claim} may succeed. */
  readonly isVacant: boolean

  /** This node is one of its cluster's, and no other process has its id: before that it may copy nobody under that id. */
  readonly mayFollow: boolean

  /** Why what decides cannot be asked at the moment, where that is so. */
  readonly trouble?: string

  /** Calls `listener` after each change of the above, until the returned call. */
  onChange(listener: () => void): () => void

  /**
   * Tries to lead: with the next epoch, which is also greater than `aboveEpoch` (of its logs), and with this node alone in the
   * in-sync set. Resolves with whether it does. Where nothing was ever decided any node may, and gives the cluster
   * `clusterId`; else only one of the in-sync set, while nobody leads. Does not throw where somebody else was faster or
   * has to be waited for.
   * @throws REPLICATION_UNAVAILABLE where what decides cannot be reached; INCONSISTENT_CLUSTER_ID where the record is of
   * another cluster
   */
  claim(clusterId: string, aboveEpoch: number): Promise<boolean>

  /**
   * As the leader: replaces the in-sync set, of which this node is one; it is decided when this resolves.
   * @throws NOT_LEADER_OR_FOLLOWER where this node does not lead any more; REPLICATION_UNAVAILABLE where the outcome is unknown,
   * until {@link onChange} tells of one
   */
  setInSync(inSync: readonly number[]): Promise<void>

  /** As the leader: lets go of the lead, so that one of the in-sync set may claim it at once. */
  letGo(): Promise<void>

  /** Lets go of everything that this node holds, and ends. */
  close(): Promise<void>
}
