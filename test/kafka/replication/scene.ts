/** A served broker that has replicas, as far as the wire can see, and a link to it. */

import type { TestContext } from 'node:test'
import { systemClock } from '../../../src/core/clock.js'
import type { SettingsInput } from '../../../src/core/settings.js'
import { openReplicaLink } from '../../../src/kafka/replica-link.js'
import type { LeaderLink, ReplicaFetch } from '../../../src/replication/contract.js'
import { type Served, serve } from '../server/served.js'
import { SmallLeader } from './small-leader.js'

export interface Scene extends Served {
  readonly leader: SmallLeader
  link(requestTimeoutMs?: number): LeaderLink
}

/** Node 1 leads, and node 2 follows. */
export function smallLeader(): SmallLeader {
  return new SmallLeader({ clusterId: 'the cluster', leaderId: 1, members: [], inSync: [1, 2] })
}

/** The broker leads, and node 2 follows. Everything ends with the test. */
export async function serveReplicated(t: TestContext, settings: SettingsInput = {}): Promise<Scene> {
  const leader = smallLeader()
  const served = await serve(t, settings, { replication: leader })
  return { ...served, leader, link: (requestTimeoutMs) => linkTo(t, served.server.port, requestTimeoutMs) }
}

export function linkTo(t: TestContext, port: number, requestTimeoutMs = 30_000): LeaderLink {
  const open = openReplicaLink({ replicaId: 2, clientId: 'node 2', requestTimeoutMs, clock: systemClock })
  const link = open({ host: '127.0.0.1', port })
  t.after(() => link.close())
  return link
}

/** A fetch that begins a session, with what is to be otherwise. */
export function replicaFetch(fetch: Partial<ReplicaFetch> = {}): ReplicaFetch {
  return {
    replicaId: 2,
    leaderEpoch: 7,
    sessionId: 0,
    isAhead: false,
    sessionEpoch: 0,
    positions: [],
    forgotten: [],
    maxBytes: 1024 * 1024,
    maxWaitMs: 0,
    ...fetch,
  }
}

export const someReport = {
  member: { nodeId: 2, host: '127.0.0.1', port: 9092, rack: 'b' },
  clusterId: 'the cluster',
  leaderEpoch: 7,
  catalogVersion: 0,
  maxWaitMs: 0,
  wantsToLead: false,
}
