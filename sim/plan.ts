/**
 * What one seed decides about a world before it begins: how its store is set, which faults its disk has, who works in it
 * and how often it crashes. A plan can be narrowed (fewer lives, fewer actors, no faults) without changing the choices of
 * what remains, since each takes its randomness from a stream of its own; that is how a failure is made small.
 */

import { resolveSettings, type Settings } from '../src/core/settings.js'
import { withOrigins } from '../src/core/settings-origin.js'
import { SeededRandomness } from './seeded-randomness.js'

export const actorKinds = ['producers', 'idempotent', 'transactions', 'readers', 'groups', 'topics'] as const
export type ActorKind = (typeof actorKinds)[number]
const writers: readonly ActorKind[] = ['producers', 'idempotent', 'transactions']

export const faultKinds = ['sync', 'thinSync', 'write', 'space', 'read', 'descriptors', 'names', 'close'] as const
export type FaultKind = (typeof faultKinds)[number]

/** How a life of the process ends. */
export const endings = ['power', 'kill', 'close'] as const
export type LifeEnding = (typeof endings)[number]

export interface Narrowing {
  readonly lives?: number
  /** Events of a life, at most. */
  readonly events?: number
  readonly without?: readonly (ActorKind | FaultKind | 'crashes while it recovers')[]
}

export interface TopicPlan {
  readonly name: string
  readonly partitions: number
  readonly config: Readonly<Record<string, string>>
}

export interface Plan {
  readonly seed: number
  readonly settings: Settings
  readonly supportsDsync: boolean
  readonly supportsMapping: boolean
  readonly topics: readonly TopicPlan[]
  readonly lives: number
  readonly eventsPerLife: number
  readonly actors: readonly ActorKind[]
  readonly faults: readonly FaultKind[]
  /** How often a call fails, of those that can fail so. */
  readonly faultRate: number
  readonly crashesWhileRecovering: boolean
  /** A sync takes as long as on a real disk, beside reads from memory: whatever may come in between does. */
  readonly slowSyncs: boolean
  /** Messages are of one size, so that each may take any other's place to the byte. */
  readonly oneSize: boolean
  /** How many messages a producer has under way at most. */
  readonly burst: number
}

const flushTypes = ['SYNC_FLUSH', 'SYNC_FLUSH', 'BATCH_FLUSH', 'ASYNC_FLUSH'] as const

/** The randomness of one part of a world, which no other part uses up. */
export function streamOf(seed: number, ...names: readonly (string | number)[]): SeededRandomness {
  let hash = seed | 0
  for (const character of names.join('/')) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193)
  return new SeededRandomness(hash)
}

export function planOf(seed: number, narrowing: Narrowing = {}): Plan {
  const random = streamOf(seed, 'plan')
  const without = new Set<string>(narrowing.without)
  const faulty = random.once(2)
  const faults = faultKinds.filter(() => faulty && random.once(3))
  const settings = settingsOf(random)
  const topics = topicsOf(random)
  const present = someActors(random)
  return {
    seed,
    settings,
    supportsDsync: !random.once(4),
    supportsMapping: settings['file.engine'] === 'mmap' || !random.once(4),
    topics,
    lives: Math.min(narrowing.lives ?? 8, 3 + random.below(6)),
    eventsPerLife: Math.min(narrowing.events ?? 5000, 200 + random.below(1500)),
    actors: present.filter((kind) => !without.has(kind)),
    faults: faults.filter((kind) => !without.has(kind)),
    faultRate: [0.001, 0.01, 0.05][random.below(3)],
    crashesWhileRecovering: !without.has('crashes while it recovers'),
    slowSyncs: random.once(2),
    oneSize: random.once(4),
    burst: random.once(3) ? 12 : 4,
  }
}

/** All, or only some, which then do more in the time that there is. Somebody always writes. */
function someActors(random: SeededRandomness): readonly ActorKind[] {
  if (random.once(2)) return actorKinds
  const drawn = actorKinds.filter(() => random.once(2))
  const writes = writers.some((kind) => drawn.includes(kind))
  return writes ? drawn : [...drawn, writers[random.below(writers.length)]]
}

/** Far smaller than a user may ask for, so that a few hundred messages pass every border there is. */
function settingsOf(random: SeededRandomness): Settings {
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)]
  const preallocate = pick(['none', 'ahead', 'ahead', 'fallocate', 'zero'] as const)
  const settings: Settings = {
    ...resolveSettings({
      'flush.disk.type': pick(flushTypes),
      'flush.batch.size': pick([1, 3, 100]),
      'flush.interval.ms': pick([1, 20, 100]),
      'flush.commitlog.interval': pick([1, 5, 1000]),
      'file.engine': pick(['disk', 'disk', 'mmap']),
      'file.preallocate': preallocate,
      'file.map.count': pick([0, 2, 256]),
      'offsets.topic.num.partitions': 2,
      'transaction.state.log.num.partitions': 2,
      'log.cleaner.min.cleanable.ratio': 0,
      'log.cleaner.delete.retention.ms': pick([0, 500, 86_400_000]),
      'log.cleaner.backoff.ms': pick([20, 300, 15_000]),
      'log.cleaner.dedupe.buffer.size': 1 << 20,
      'log.cleaner.io.buffer.size': 4096,
      'compression.type': pick(['producer', 'producer', 'lz4', 'gzip', 'uncompressed']),
      'auto.create.topics.enable': false,
    }),
    'log.segment.bytes': pick([600, 1500, 4000, 20_000]),
    'log.roll.ms': pick([30, 300, 604_800_000]),
    'log.index.interval.bytes': pick([0, 100, 4096]),
    'log.index.size.max.bytes': pick([64, 1024, 10_485_760]),
    'log.flush.offset.checkpoint.interval.ms': pick([30, 500, 60_000]),
    'log.retention.check.interval.ms': pick([100, 1000, 300_000]),
    'mapped.file.size.commitlog': pick([2000, 5000, 40_000]),
    'mapped.file.size.consumequeue': pick([40, 100, 1000]),
    'max.hash.slot.num': pick([1, 10, 100]),
    'max.index.num': pick([3, 8, 50]),
  }
  return withOrigins(settings, () => ({ kind: 'code' }))
}

function topicsOf(random: SeededRandomness): TopicPlan[] {
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)]
  const flush = (): Record<string, string> => (random.once(2) ? { 'flush.disk.type': pick(flushTypes) } : {})
  const index = (): Record<string, string> => (random.once(3) ? { 'key.index.enable': 'true' } : {})
  const retention = (): Record<string, string> => {
    if (!random.once(3)) return {}
    return random.once(2) ? { 'retention.bytes': pick(['1000', '5000']) } : { 'retention.ms': pick(['300', '3000']) }
  }
  return [
    { name: 'orders', partitions: 1 + random.below(2), config: { ...flush(), ...index(), ...retention() } },
    { name: 'latest', partitions: 1, config: { ...flush(), ...index(), 'cleanup.policy': 'compact' } },
    { name: 'queue', partitions: 1 + random.below(3), config: { 'storage.layout': 'commitlog' } },
  ]
}
