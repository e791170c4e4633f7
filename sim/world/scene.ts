/** What those who act in a world stand on while one process of it lives. */

import type { Broker } from '../../src/broker/broker.js'
import { HoldfastError } from '../../src/core/errors.js'
import type { Plan } from '../plan.js'
import type { Scheduler } from '../scheduler.js'
import type { SeededRandomness } from '../seeded-randomness.js'
import type { TopicModel, WorldModel } from './model.js'
import { Violation } from './violation.js'

/** What actors ask of a broker, or of many that are one to them. */
export const questions = [
  'produce',
  'fetch',
  'findOffsets',
  'initProducer',
  'addPartitionsToTransaction',
  'endTransaction',
  'commitOffsets',
  'fetchOffsets',
  'createTopic',
  'createPartitions',
  'deleteTopic',
  'describeTopics',
  'describeConfig',
  'compactTopic',
  'deleteRecords',
] as const
export type AskedBroker = Pick<Broker, (typeof questions)[number]>

export interface Scene {
  readonly broker: AskedBroker
  readonly scheduler: Scheduler
  readonly model: WorldModel
  readonly plan: Plan
  /** Begin nothing more. */
  readonly isEnding: boolean
  /** A sync may have failed: what was acknowledged from the page cache may be gone from it before the process ends. */
  readonly mayForget: boolean
}

export type Actor = (scene: Scene, random: SeededRandomness) => Promise<void>

export type Answer<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: HoldfastError }

/** What came of a call. Only errors of the table are answers. */
export async function answerOf<T>(work: Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await work }
  } catch (error) {
    if (error instanceof Violation) throw error
    if (error instanceof HoldfastError && error.code !== 'UNKNOWN_SERVER_ERROR') return { error }
    throw new Violation('errors are of the table', `${(error as Error).stack} ${(error as Error).cause ?? ''}`)
  }
}

/** Lets some time pass, mostly little. */
export function pause({ scheduler }: Scene, random: SeededRandomness): Promise<void> {
  return scheduler.sleep(random.once(10) ? random.below(200) : random.next() * 2)
}

export function pick<T>(random: SeededRandomness, values: readonly T[]): T {
  return values[random.below(values.length)]
}

/** A partition of a topic that is there; undefined where there is none. */
export function anyPlace(
  { model }: Scene,
  random: SeededRandomness,
): { readonly topic: TopicModel; readonly partition: number } | undefined {
  const present = model.topics.filter(({ state }) => state === 'present')
  if (present.length === 0) return undefined
  const topic = pick(random, present)
  return { topic, partition: random.below(topic.partitions.length) }
}
