/** What `holdfast serve` serves: a broker that is alone, or one of the nodes that hold copies of the same logs. */

import { Broker, type BrokerOptions } from '../broker/broker.js'
import type { Address } from '../core/addresses.js'
import { systemClock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { type Logger, silentLogger } from '../core/logger.js'
import { originOf, resolveSettings, type Settings } from '../core/settings.js'
import type { Replicated } from '../replication/contract.js'
import type { ReplicaNode } from '../replication/node.js'
import { etcdAccess } from './etcd-access.js'

export interface Served {
  readonly broker: Broker
  readonly replication?: Replicated
  readonly node?: ReplicaNode
  /** It can be reached, there. */
  start(address: Address): Promise<void>
  close(): Promise<void>
}

/** @throws what {@link Broker.open} throws; INVALID_SETTING for settings of replication that do not go together */
export async function openServed(path: string, options: BrokerOptions): Promise<Served> {
  const settings = resolveSettings(options.settings)
  if (settings['replication.mode'] === 'none') {
    for (const name of ['replica.of', 'replication.etcd'] as const) {
      if (settings[name] === '') continue
      throw new HoldfastError(
        'INVALID_SETTING',
        `${name} says whom to copy; replication.mode must be async or sync then.`,
      )
    }
    const broker = await Broker.open(path, options)
    return { broker, start: async () => {}, close: () => broker.close() }
  }
  return openNode(path, settings, options)
}

/** @throws INVALID_SETTING where others would be told an address that means "all of this machine" */
export function checkReachable({ host }: Address, settings: Settings): void {
  if (settings['replication.mode'] === 'none' || !['0.0.0.0', '::', ''].includes(host)) return
  throw new HoldfastError(
    'INVALID_SETTING',
    'The other nodes have to reach this one: say where with --advertise HOST:PORT, or listen on one address.',
  )
}

async function openNode(path: string, settings: Settings, options: BrokerOptions): Promise<Served> {
  const { logger = silentLogger } = options
  if (settings['replication.etcd'] !== '' && originOf(settings, 'node.id').kind === 'default') {
    throw new HoldfastError('INVALID_SETTING', 'Each node needs a number of its own: --set node.id=N.')
  }
  const [{ ReplicaNode }, { openReplicaLink }, { EtcdAuthority }] = await Promise.all([
    import('../replication/node.js'),
    import('../kafka/replica-link.js'),
    import('../replication/etcd/etcd-authority.js'),
  ])
  const nodeId = settings['node.id']
  const node = await ReplicaNode.open(path, {
    ...options,
    openLink: openReplicaLink({
      replicaId: nodeId,
      clientId: `holdfast-replica-${nodeId}`,
      requestTimeoutMs: linkTimeoutMs(settings),
      clock: systemClock,
    }),
    openAuthority: authorityOf(settings, logger, EtcdAuthority),
  })
  const { broker, replicated } = node
  return { broker, replication: replicated, node, start: (address) => node.start(address), close: () => node.close() }
}

/** A leader that is cut off without a word is given up about as soon as another may lead. */
function linkTimeoutMs(settings: Settings): number {
  return Math.max(1000, Math.min(settings['replication.lease.ms'], settings['replica.lag.time.max.ms']) / 2)
}

type EtcdAuthorityClass = typeof import('../replication/etcd/etcd-authority.js').EtcdAuthority
type OpenAuthority = Parameters<typeof ReplicaNode.open>[1]['openAuthority']

function authorityOf(settings: Settings, logger: Logger, Etcd: EtcdAuthorityClass): OpenAuthority {
  const endpoints = settings['replication.etcd']
  if (endpoints === '') return undefined
  return async (self) =>
    Etcd.open({
      access: await etcdAccess(settings),
      endpoints: endpoints.split(',').map((endpoint) => endpoint.trim()),
      cluster: settings['replication.cluster'],
      self,
      leaseMs: settings['replication.lease.ms'],
      clock: systemClock,
      logger,
    })
}
