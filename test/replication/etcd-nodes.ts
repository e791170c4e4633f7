/** Authorities over a real etcd, as the tests open and close them. */

import { systemClock } from '../../src/core/clock.js'
import { silentLogger } from '../../src/core/logger.js'
import { EtcdAuthority } from '../../src/replication/etcd/etcd-authority.js'
import { until } from '../support/until.js'

export const clusterId = 'hVh7mPYKQb2yzHHtSsMXRg'
/** The shortest that etcd grants, for tests that wait for its end. */
export const leaseMs = 2_000
/** For the others: it does not run out on a slow machine, and nothing is heard in time but by the watch. */
const longLeaseMs = 600_000

export interface NodeOptions {
  readonly cluster: string
  readonly leaseMs?: number
}

/** What ends what a test has begun. */
const endings: (() => Promise<void> | void)[] = []

export async function openNode(
  nodeId: number,
  endpoints: readonly string[],
  options: NodeOptions,
): Promise<EtcdAuthority> {
  const self = { nodeId, host: `node-${nodeId}`, port: 9092, rack: `rack-${nodeId}` }
  const rest = { leaseMs: longLeaseMs, clock: systemClock, logger: silentLogger, ...options }
  const node = await EtcdAuthority.open({ endpoints, self, ...rest })
  endings.push(() => node.close())
  return node
}

/** After each test, however it ended. */
export async function closeNodes(): Promise<void> {
  await Promise.all(endings.splice(0).map((end) => end()))
}

/** Nodes 1 to `count`; the first leads, and all are in sync. */
export async function openNodes(
  count: number,
  endpoints: readonly string[],
  options: NodeOptions,
): Promise<EtcdAuthority[]> {
  const ids = Array.from({ length: count }, (_, index) => index + 1)
  const nodes = await Promise.all(ids.map((id) => openNode(id, endpoints, options)))
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
export function overseer(nodes: readonly EtcdAuthority[]): { readonly most: number; readonly least: number } {
  const seen = { most: 0, least: Number.POSITIVE_INFINITY }
  const look = (): void => {
    const leading = nodes.filter(({ leads }) => leads).length
    seen.most = Math.max(seen.most, leading)
    seen.least = Math.min(seen.least, leading)
  }
  const timer = setInterval(look, 1)
  const offs = nodes.map((node) => node.onChange(look))
  endings.unshift(() => {
    clearInterval(timer)
    for (const off of offs) off()
  })
  return seen
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
