/** The changes that nodes make in etcd, each with what has to hold for it, and how it is told from what etcd has that it was made. */

import type { Member } from '../../broker/replication.js'
import type { Leadership } from '../authority.js'
import type { Change, Condition } from './gateway.js'
import { encodeLeader, encodeLeadership, encodeMember, type Keys, type View } from './records.js'

export interface Step {
  readonly conditions: readonly Condition[]
  readonly changes: readonly Change[]
  /** It was made before, and its answer was lost. */
  readonly isMade: (view: View) => boolean
}

/** The node makes itself known, where its id is free. */
export function joining(keys: Keys, self: Member, lease: string): Step {
  const key = keys.member(self.nodeId)
  return {
    conditions: [{ key, isAbsent: true }],
    changes: [{ put: key, value: encodeMember(self), lease }],
    isMade: ({ members }) => members.get(self.nodeId)?.lease === lease,
  }
}

/** The node begins to lead, where nobody does and the record is the one of `modRevision`. */
export function claiming(keys: Keys, next: Leadership, modRevision: number, lease: string): Step {
  const { leadership, leader } = keys
  return {
    conditions: [
      { key: leadership, modRevision },
      { key: leader, isAbsent: true },
      { key: keys.member(next.leaderId), lease },
    ],
    changes: [
      { put: leadership, value: encodeLeadership(next) },
      { put: leader, value: encodeLeader(next.leaderId, next.epoch), lease },
    ],
    isMade: (view) => view.leaderLease === lease && view.leadership?.epoch === next.epoch,
  }
}

/** The leader replaces the in-sync set. */
export function replacing(keys: Keys, next: Leadership, modRevision: number, lease: string): Step {
  const wanted = encodeLeadership(next)
  return {
    conditions: [
      { key: keys.leadership, modRevision },
      { key: keys.leader, lease },
    ],
    changes: [{ put: keys.leadership, value: wanted }],
    isMade: ({ leadership, leaderLease }) =>
      leaderLease === lease && leadership !== undefined && encodeLeadership(leadership) === wanted,
  }
}

/** The leader lets go of the lead. */
export function lettingGo(keys: Keys, last: Leadership, modRevision: number, lease: string): Step {
  return {
    conditions: [
      { key: keys.leadership, modRevision },
      { key: keys.leader, lease },
    ],
    changes: [{ put: keys.leadership, value: encodeLeadership({ ...last, leaderId: -1 }) }, { remove: keys.leader }],
    isMade: ({ leaderLease }) => leaderLease !== lease,
  }
}
