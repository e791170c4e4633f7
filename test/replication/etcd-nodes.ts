/** Authorities over a real etcd, as the tests open and close them. */

import type { TestContext } from 'node:test'
import { systemClock } from '../../src/core/clock.js'
import { type Logger, silentLogger } from '../../src/core/logger.js'
import type { EtcdAccess } from '../../src/replication/etcd/access.js'
import { EtcdAuthority } from '../../src/replication/etcd/etcd-authority.js'
import { until } from '../support/until.js'

export const clusterId = 'hVh7mPYKQb2yzHHtSsMXRg'
/** For tests that wait for its end. etcd grants none below two seconds. */
export const leaseMs = 3_000
/** For the others: it does not run out on a slow machine, and nothing is heard in time but by the watch. */
const longLeaseMs = 600_000

export interface NodeOptions {
  readonly cluster: string
  readonly leaseMs?: number
  readonly logger?: Logger
  readonly access?: EtcdAccess
}

/** It is closed after the test, or where there is none, never. */
export async function openNode(
  t: TestContext | undefined,
  nodeId: number,
  endpoints: readonly string[],
  options: NodeOptions,
): Promise<EtcdAuthority> {
  const self = { nodeId, host: `node-${nodeId}`, port: 9092, rack: `rack-${nodeId}` }
  const rest = { leaseMs: longLeaseMs, clock: systemClock, logger: silentLogger, ...options }
  const node = await EtcdAuthority.open({ endpoints, self, ...rest })
  t?.after(() => node.close())
  return node
}

/** Nodes 1 to `count`; the first leads, and all are in sync. */
export async function openNodes(
  t: TestContext,
  count: number,
  endpoints: readonly string[],
  options: NodeOptions,
): Promise<EtcdAuthority[]> {
  const ids = Array.from({ length: count }, (_, index) => index + 1)
  const nodes = await Promise.all(ids.map((id) => openNode(t, id, endpoints, options)))
  await untilLeads(nodes[0])
  await nodes[0].setInSync(ids)
  await until('all have heard of it', () => nodes.every(({ leadership }) => leadership?.inSync.length === count))
  return nodes
}

/** Claims as soon as it may. */
export function untilLeads(node: EtcdAuthority): Promise<void> {
  return until('it leads', async () => node.leads || (node.isVacant && (await node.claim(clusterId, 0))))
}

/** Looks all the time, and at every change, how many lead. */
export function overseer(
  t: TestContext,
  nodes: readonly EtcdAuthority[],
): { readonly most: number; readonly least: number } {
  const seen = { most: 0, least: Number.POSITIVE_INFINITY }
  const look = (): void => {
    const leading = nodes.filter(({ leads }) => leads).length
    seen.most = Math.max(seen.most, leading)
    seen.least = Math.min(seen.least, leading)
  }
  const timer = setInterval(look, 1)
  t.after(() => clearInterval(timer))
  for (const node of nodes) node.onChange(look)
  return seen
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
