/**
 * What clients of a broker saw, one operation after another. Stamps come from one counter of the recording process: an
 * operation with `end` below another's `begin` was over before the other one started.
 */

export type ProducerKind = 'plain' | 'idempotent' | 'transactional'

export interface Send {
  readonly op: 'send'
  readonly begin: number
  /** Infinity where no answer came. */
  readonly end: number
  readonly producer: string
  readonly kind: ProducerKind
  /** Place among the sends of its producer, in the order in which they were handed over. */
  readonly sequence: number
  readonly transaction?: string
  readonly partition: number
  readonly payload: string
  /** `unknown`: it may be stored or not. */
  readonly outcome: 'unknown' | 'refused' | { readonly offset: number }
}

export interface EndOfTransaction {
  readonly op: 'end'
  readonly transaction: string
  readonly outcome: 'committed' | 'aborted' | 'unknown'
}

/** A message in the hands of a consumer; deliveries of one session stand in the order in which they came. */
export interface Delivery {
  readonly op: 'deliver'
  readonly at: number
  readonly group: string
  /** One member between two assignments. */
  readonly session: string
  readonly isolation: 'read_committed' | 'read_uncommitted'
  readonly partition: number
  readonly offset: number
  readonly payload: string
}

export interface Assignment {
  readonly op: 'assign'
  readonly at: number
  readonly group: string
  readonly generation: number
  readonly member: string
  readonly session: string
  readonly partitions: readonly number[]
}

export interface OffsetCommit {
  readonly op: 'commit'
  readonly begin: number
  readonly end: number
  readonly group: string
  readonly partition: number
  readonly offset: number
  readonly outcome: 'acked' | 'refused' | 'unknown'
}

export interface CommittedFetch {
  readonly op: 'fetch'
  readonly begin: number
  readonly end: number
  readonly group: string
  readonly partition: number
  /** undefined: the group has committed nothing. */
  readonly offset: number | undefined
}

/** The broker was killed; what was on its way to it is gone. */
export interface Kill {
  readonly op: 'kill'
  readonly at: number
}

export type Operation = Send | EndOfTransaction | Delivery | Assignment | OffsetCommit | CommittedFetch | Kill

export interface StoredRecord {
  readonly offset: number
  /** undefined: the marker that ends a transaction. */
  readonly payload: string | undefined
  /** Whether one who reads only what is committed gets it. */
  readonly committed: boolean
}

export interface FinalPartition {
  /** Below it everything was deleted by policy. */
  readonly start: number
  readonly records: readonly StoredRecord[]
}

export interface History {
  readonly operations: readonly Operation[]
  /** By partition. */
  readonly final: readonly FinalPartition[]
  /** Groups that read until nothing was left. */
  readonly drained: readonly string[]
}

export interface Violation {
  readonly rule: string
  readonly what: string
  readonly operations: readonly Operation[]
}
