/**
 * Clients of all nodes, for whom they are one broker: each question goes to the node that is thought to lead, over the
 * network, once. Who is refused because another leads asks that one next time.
 */

import { HoldfastError } from '../../src/core/errors.js'
import type { Scheduler } from '../scheduler.js'
import type { SeededRandomness } from '../seeded-randomness.js'
import { type AskedBroker, questions } from '../world/scene.js'
import type { Life } from './life.js'
import type { ClusterMember } from './member.js'
import type { Network } from './network.js'

export interface ClientOptions {
  readonly network: Network
  readonly scheduler: Scheduler
  readonly random: SeededRandomness
  /** Of the clients, which do not die. */
  readonly life: Life
  readonly members: readonly ClusterMember[]
  /** All is well: whoever asks gets an answer in the end. */
  readonly isPatient: () => boolean
  /** Asks a node, in its life; undefined where it does not run. */
  readonly asked: <T>(id: number, question: (member: ClusterMember) => Promise<T>) => Promise<T> | undefined
}

const limitMs = 4000
const harmless: ReadonlySet<string> = new Set([
  'fetch',
  'findOffsets',
  'fetchOffsets',
  'describeTopics',
  'describeConfig',
])
const elsewhere: ReadonlySet<string> = new Set([
  'NOT_LEADER_OR_FOLLOWER',
  'NOT_CONTROLLER',
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'CONNECTION_FAILED',
  'CLOSED',
])

export function clientsOf(options: ClientOptions): AskedBroker {
  const { network, scheduler, random, life, members, asked } = options
  let leader = members[0].id
  const ask = async (question: string, args: readonly unknown[]): Promise<unknown> => {
    const answer = await askOnce(question, args)
    const isElsewhere = answer.error instanceof HoldfastError && elsewhere.has(answer.error.code)
    // What changes nothing may be asked again.
    if (isElsewhere && options.isPatient() && harmless.has(question)) return ask(question, args)
    if (answer.value === undefined && answer.error !== undefined) throw answer.error
    return answer.value
  }
  const askOnce = async (question: string, args: readonly unknown[]) => {
    const id = leader
    const serve = () =>
      asked(id, ({ node }) => {
        const broker = node?.broker as unknown as Record<string, (...args: readonly unknown[]) => Promise<unknown>>
        return broker[question](...args)
      })
    let error: unknown
    let value: unknown
    try {
      value = await network.ask({ from: 'clients', to: `node${id}`, life, limitMs, serve })
      error = errorIn(value)
    } catch (thrown) {
      error = thrown
    }
    if (error instanceof HoldfastError && elsewhere.has(error.code)) {
      const told = members.find((member) => member.id === id)?.node?.replicated.describe().leaderId ?? -1
      const others = members.filter((member) => member.id !== id)
      if (leader === id) leader = told >= 0 && told !== id ? told : others[random.below(others.length)].id
      await scheduler.sleep(20 + random.below(200))
    } else await scheduler.sleep(5 + random.below(60))
    return { value, error }
  }
  return Object.fromEntries(
    questions.map((question) => [question, (...args: readonly unknown[]) => ask(question, args)]),
  ) as unknown as AskedBroker
}

/** Of an answer that names many places, the error of the first. */
function errorIn(value: unknown): unknown {
  const first: unknown = Array.isArray(value) ? value[0] : undefined
  return first instanceof HoldfastError ? first : (first as { readonly error?: unknown } | undefined)?.error
}
