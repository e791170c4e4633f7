/** One member of a group: what it told about itself, what it was assigned, and the request it waits with. */

import type { Timer } from '../../core/clock.js'
import type { JoinResult, ProtocolOffer, SyncResult } from './contract.js'
import type { Waiter } from './waiter.js'

/** What a join says about the member; replaced as a whole by the member's next join. */
export interface Subscription {
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocols: readonly ProtocolOffer[]
}

export const noAssignment = Buffer.alloc(0)

/** `subscription` with bytes of its own, so that it does not keep a whole request frame in memory. */
export function detached(subscription: Subscription): Subscription {
  const { clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs } = subscription
  const protocols = subscription.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) }))
  return { clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols }
}

export class Member {
  memberId: string
  readonly groupInstanceId: string | null
  subscription: Subscription
  assignment: Buffer = noAssignment
  /** It has had no answer to a join yet. It cannot beat, so its session runs out even while its join waits. */
  isNew = false
  /** Written by the group alone, which counts them. */
  join: Waiter<JoinResult> | undefined
  sync: Waiter<SyncResult> | undefined
  session: Timer | undefined

  constructor(memberId: string, groupInstanceId: string | null, subscription: Subscription) {
    this.memberId = memberId
    this.groupInstanceId = groupInstanceId
    this.subscription = subscription
  }

  /** The member's metadata for a protocol; empty for one that it does not support. */
  metadata(protocolName: string | null): Buffer {
    return this.subscription.protocols.find(({ name }) => name === protocolName)?.metadata ?? noAssignment
  }

  /** The same protocols in the same order with the same metadata. */
  offers(protocols: readonly ProtocolOffer[]): boolean {
    const mine = this.subscription.protocols
    return (
      mine.length === protocols.length &&
      mine.every(({ name, metadata }, i) => name === protocols[i].name && metadata.equals(protocols[i].metadata))
    )
  }
}
