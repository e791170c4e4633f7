/** What one seed decides about a world of several nodes: beside what a world of one has, how many there are and what befalls them. */

import type { Settings } from '../../src/core/settings.js'
import { withOrigins } from '../../src/core/settings-origin.js'
import { type Narrowing, type Plan, planOf, streamOf } from '../plan.js'

export const blows = [
  'kill',
  'power',
  'site',
  'stop',
  'pause',
  'cut',
  'apart',
  'etcd',
  'loss',
  'wipe',
  'promote',
] as const
export type Blow = (typeof blows)[number]

const powerFailures: readonly Blow[] = ['power', 'site']

export interface ClusterNarrowing extends Omit<Narrowing, 'without'> {
  readonly without?: readonly string[]
}

export interface ClusterPlan extends Plan {
  readonly nodes: number
  readonly blows: readonly Blow[]
  /** So many befall the nodes, one after the other. */
  readonly times: number
  /** Between two of them, at most. */
  readonly quietMs: number
  readonly leaseMs: number
}

export function clusterPlanOf(seed: number, narrowing: ClusterNarrowing = {}): ClusterPlan {
  const without = new Set(narrowing.without)
  const plan = planOf(seed, narrowing as Narrowing)
  const random = streamOf(seed, 'cluster')
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)]
  const settings = withOrigins(
    {
      ...plan.settings,
      'replication.mode': 'sync',
      // The segments of the transactions' own topic are of 100 MiB, which a simulated disk would have to hold in memory.
      'file.preallocate': 'none',
      'file.engine': 'disk',
      'offsets.topic.segment.bytes': 1024 * 1024,
      'min.insync.replicas': pick([1, 1, 2]),
      'replica.lag.time.max.ms': pick([300, 1000, 3000]),
      'replica.fetch.wait.max.ms': pick([20, 100, 500]),
      'replica.fetch.max.bytes': pick([1024, 20_000, 8_388_608]),
      'replica.read': random.once(3),
    } satisfies Settings,
    () => ({ kind: 'code' }),
  )
  // Who may lose power has to have what it says that it has: that is what the flush policy is for.
  const isSafe = random.below(3) > 0
  const topics = plan.topics.map((topic) => {
    const { 'flush.disk.type': flush, ...config } = topic.config
    return { ...topic, config: flush === undefined || (isSafe && flush === 'ASYNC_FLUSH') ? config : topic.config }
  })
  const safely: Settings =
    isSafe && settings['flush.disk.type'] === 'ASYNC_FLUSH'
      ? { ...settings, 'flush.disk.type': 'SYNC_FLUSH' }
      : settings
  return {
    ...plan,
    settings: withOrigins(safely, () => ({ kind: 'code' })),
    topics,
    nodes: 2 + random.below(2),
    blows: blows.filter((blow) => !without.has(blow) && (isSafe || !powerFailures.includes(blow))),
    times: Math.min(narrowing.lives ?? 100, 2 + random.below(6)),
    quietMs: pick([100, 500, 2000]),
    leaseMs: 2000,
  }
}

/** Of one of its nodes. */
export function settingsOf(settings: Settings, id: number): Settings {
  return withOrigins({ ...settings, 'node.id': id }, () => ({ kind: 'code' }))
}
