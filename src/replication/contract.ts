/**
 * What a replica asks its leader for, free of any wire. A leader answers; a link asks one over a socket, or over a
 * simulated network. Every call names the leader epoch that the replica knows: a leader of another epoch refuses with
 * FENCED_LEADER_EPOCH (the replica's is older) or UNKNOWN_LEADER_EPOCH (its own is: it is no leader any more, and learns so).
 */

import type { FetchedPartition, TopicPartition } from '../broker/contract.js'
import type { BrokerReplication, Member } from '../broker/replication.js'
import type { Leadership } from './authority.js'

/** A place in one log: what lies below `offset`, a replica has, or has been given. */
export interface ReplicaPosition extends TopicPartition {
  readonly offset: number
}

/**
 * A fetch of a session (KIP-227): both sides remember the positions, so that a request names only what changed. An answer
 * comes as soon as there is something for one of the positions, and names only partitions with news.
 *
 * A position says where the replica goes on, and what it has, unless it `isAhead`: then some of what it was given is not on
 * its disk yet, only the first position of a partition in a session says what it has, and all else is told by
 * {@link ReplicaService.acknowledge}.
 */
export interface ReplicaFetch {
  readonly replicaId: number
  readonly leaderEpoch: number
  /** 0 begins a session; the answer says which. */
  readonly sessionId: number
  /** Counts the requests of a session from 1 on; 0 begins one. */
  readonly sessionEpoch: number
  /** That are new or have moved since the last request of the session; all where one begins. */
  readonly positions: readonly ReplicaPosition[]
  /** That are not followed any more. */
  readonly forgotten: readonly TopicPartition[]
  readonly isAhead: boolean
  readonly maxBytes: number
  readonly maxWaitMs: number
  /** Ends the waiting early. */
  readonly signal?: AbortSignal
}

/** What a replica has: everything below each position, as its flush policy says. */
export interface ReplicaAcknowledgement {
  readonly replicaId: number
  readonly leaderEpoch: number
  readonly sessionId: number
  /** Of the last fetch of the session before it: of a partition that was named first in a later one it says nothing. */
  readonly sessionEpoch: number
  /** That have moved. */
  readonly positions: readonly ReplicaPosition[]
  readonly signal?: AbortSignal
}

export interface ReplicaFetched {
  readonly sessionId: number
  /** As a consumer gets them, but up to the end of the leader's log. A partition with an error says nothing else. */
  readonly partitions: readonly FetchedPartition[]
}

export interface EpochQuestion extends TopicPartition {
  readonly epoch: number
}

export interface EpochAnswer extends TopicPartition {
  /** The greatest epoch that is at most the one asked for, and where it ends in the leader's log; -1 where there is none. */
  readonly epoch: number
  readonly endOffset: number
}

/** A topic as its leader has it. */
export interface CatalogTopic {
  readonly name: string
  /** 16 bytes. */
  readonly id: Buffer
  readonly partitions: number
  /** What it says for itself. */
  readonly config: Readonly<Record<string, string>>
  /** Its log may hold batches as large as this, where that is more than its settings say; else 0. */
  readonly largestBatchBytes: number
}

/** What a replica tells of itself, from time to time and when it has taken over a catalog. */
export interface ReplicaReport {
  readonly member: Member
  /** Empty where it has followed nobody yet. */
  readonly clusterId: string
  readonly leaderEpoch: number
  /** Of the catalog that it has, durably; 0 where it has none of this leader. */
  readonly catalogVersion: number
  /** How long the leader may wait for news. */
  readonly maxWaitMs: number
  /** It asks to lead in the leader's place. */
  readonly wantsToLead: boolean
  readonly signal?: AbortSignal
}

/** What a leader tells: also where the replica's epoch was another, so that it learns of this one. */
export interface LeaderReport {
  readonly leadership: Leadership
  readonly members: readonly Member[]
  readonly catalogVersion: number
  /** All topics, where the replica's version was another one. */
  readonly catalog?: readonly CatalogTopic[]
  /** The leader has let go of the lead, and this replica has everything: it may take it over. */
  readonly mayLead: boolean
}

/** A leader, as its replicas see it. */
export interface ReplicaService {
  /** @throws NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH */
  fetch(request: ReplicaFetch): Promise<ReplicaFetched>
  /** Of one replica they come one after the other. @throws as {@link fetch} does */
  acknowledge(acknowledgement: ReplicaAcknowledgement): Promise<void>
  /** @throws as {@link fetch} does */
  endOfEpochs(leaderEpoch: number, questions: readonly EpochQuestion[]): Promise<readonly EpochAnswer[]>
  /** @throws NOT_LEADER_OR_FOLLOWER where this node leads nobody; INCONSISTENT_CLUSTER_ID */
  report(report: ReplicaReport): Promise<LeaderReport>
}

/** A way to another node. */
export interface LeaderLink extends ReplicaService {
  close(): Promise<void>
}

/** Finds a way to a node; lazily, so that nothing is thrown here. */
export type OpenLink = (to: { readonly host: string; readonly port: number }) => LeaderLink

/** What a server needs of the replication of the broker that it serves. */
export interface Replicated extends BrokerReplication {
  readonly replicas: ReplicaService
}
