/** What an authority over etcd is opened with, and the times that follow from its lease. */

import type { Member } from '../../broker/replication.js'
import type { Clock } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'
import type { EtcdAccess } from './access.js'
import type { EtcdWire } from './endpoints.js'

export interface EtcdOptions {
  /** "http://host:2379". */
  readonly endpoints: readonly string[]
  /** The name under which the nodes find each other. */
  readonly cluster: string
  /** This node, as others are to reach it. */
  readonly self: Member
  /** Rounded up to seconds; etcd may grant more. */
  readonly leaseMs: number
  readonly clock: Clock
  readonly logger: Logger
  /** Who this node is to etcd. */
  readonly access?: EtcdAccess
  /** HTTP to the endpoints where absent. `limitMs`: for how long an answer is waited for. */
  readonly openWire?: (limitMs: number) => EtcdWire
}

/** How often a lease is prolonged in its time, and how long an endpoint is waited for. */
const roundsPerLease = 3
const limitsPerLease = 4
const longestLimitMs = 5_000
/** How soon a failure is tried again. */
const retriesPerLease = 20
const longestRetryMs = 500

export interface EtcdTimes {
  /** Between two prolongations. */
  readonly roundMs: number
  /** For how long an endpoint is waited for. */
  readonly limitMs: number
  /** Before a failure is tried again. */
  readonly retryMs: number
}

export function timesOf(leaseMs: number): EtcdTimes {
  return {
    roundMs: leaseMs / roundsPerLease,
    limitMs: Math.min(leaseMs / limitsPerLease, longestLimitMs),
    retryMs: Math.min(leaseMs / retriesPerLease, longestRetryMs),
  }
}
