/** A store that is led, with an authority that does as it is told, and replicas that say where they are. */

import type { TestContext } from 'node:test'
import { ManualClock } from '../../sim/manual-clock.js'
import { HoldfastError } from '../../src/core/errors.js'
import { silentLogger } from '../../src/core/logger.js'
import type { SettingsInput } from '../../src/core/settings.js'
import type { Authority, Leadership } from '../../src/replication/authority.js'
import type { ReplicaFetched } from '../../src/replication/contract.js'
import { Leader } from '../../src/replication/leader/leader.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { batchOf, settingsWith, temporaryDirectory, turns, whenEnded } from '../storage/support.js'

/** What becomes of a change of the in-sync set: the answer to who asks, and whether it was made although nobody knows. */
export type Outcome = 'accepted' | 'lost' | 'made and not known'

export class ScriptedAuthority implements Authority {
  leadership: Leadership = { clusterId: 'c', epoch: 1, leaderId: 1, inSync: [1] }
  /** As it was decided, whether the leader knows or not. */
  decided: readonly number[] = [1]
  readonly members = []
  leads = true
  readonly isVacant = false
  readonly mayFollow = true
  outcome: Outcome = 'accepted'
  /** Changes wait until it resolves. */
  gate: Promise<void> = Promise.resolve()
  /** Each set that was asked for. */
  readonly asked: (readonly number[])[] = []

  onChange(): () => void {
    return () => {}
  }

  async claim(): Promise<boolean> {
    return false
  }

  async setInSync(inSync: readonly number[]): Promise<void> {
    this.asked.push(inSync)
    await this.gate
    const { outcome } = this
    if (outcome !== 'lost') this.decided = inSync
    if (outcome !== 'accepted') throw new HoldfastError('REPLICATION_UNAVAILABLE', 'scripted')
    this.leadership = { ...this.leadership, inSync }
  }

  async letGo(): Promise<void> {
    this.leads = false
  }

  async close(): Promise<void> {}
}

export const lagMaxMs = 10_000

export class LedStore {
  readonly clock = new ManualClock()
  readonly authority = new ScriptedAuthority()
  readonly store: MessageStore
  readonly leader: Leader
  readonly #deposed: string[] = []

  private constructor(store: MessageStore, lead: (led: LedStore) => Leader) {
    this.store = store
    this.leader = lead(this)
  }

  /** With a topic `orders` of as many partitions. */
  static async open(t: TestContext, partitions = 1, given: SettingsInput = {}): Promise<LedStore> {
    const settings = settingsWith({
      'replication.mode': 'sync',
      'replica.lag.time.max.ms': lagMaxMs,
      'log.cleaner.enable': false,
      ...given,
    })
    let leader: Leader | undefined
    const elsewhere = {
      shownUpTo: (own: PartitionLog) => leader?.shownUpTo(own) ?? 0,
      isCopy: false,
      epochOfNewLogs: 0,
      topicsChanged: async () => leader?.topicsChanged(),
    }
    const store = await MessageStore.open(await temporaryDirectory(t), { settings, elsewhere })
    whenEnded(t, () => store.close())
    await store.createTopic({ name: 'orders', partitions, config: {} })
    const led = new LedStore(store, ({ clock, authority }) => {
      leader = new Leader({
        store,
        leadership: authority.leadership,
        self: { nodeId: 1, host: 'node', port: 1, rack: '' },
        authority,
        settings,
        clock,
        logger: silentLogger,
        onReported: () => {},
        onDeposed: () => led.#deposed.push('deposed'),
      })
      return leader
    })
    led.leader.wake()
    whenEnded(t, async () => led.leader.stop(new HoldfastError('NOT_LEADER_OR_FOLLOWER')))
    return led
  }

  /** Lets time pass, and everything settle. */
  async pass(ms: number): Promise<void> {
    await this.clock.run(ms)
    await turns()
  }

  log(partition = 0, topic = 'orders') {
    const log = this.store.heldBack(topic, partition)
    if (log === undefined) throw new Error(`there is ${topic}-${partition}`)
    return log
  }

  /** Resolves when this copy has the message; the receipt tells of the others. */
  async append(partition = 0) {
    const receipt = this.log(partition).append(batchOf(['m']))
    await receipt.stored
    return receipt
  }
}

/** A replica that does nothing but tell where it is. */
export class FakeReplica {
  readonly #led: LedStore
  readonly nodeId: number
  #session = { id: 0, epoch: 0 }
  catalogVersion = 0

  constructor(led: LedStore, nodeId = 2) {
    this.#led = led
    this.nodeId = nodeId
  }

  /** Tells that it has the topics as they are, or as it last had them. */
  async report({ takesOver = true, clusterId = 'c' } = {}): Promise<void> {
    const report = (catalogVersion: number) =>
      this.#led.leader.report({
        member: { nodeId: this.nodeId, host: 'node', port: this.nodeId, rack: '' },
        clusterId,
        leaderEpoch: 1,
        catalogVersion,
        maxWaitMs: 0,
        wantsToLead: false,
      })
    const answer = await report(this.catalogVersion)
    if (!takesOver || answer.catalogVersion === this.catalogVersion) return
    this.catalogVersion = answer.catalogVersion
    await report(this.catalogVersion)
  }

  /** Tells that it has what lies below these offsets, by partition of `orders`, and goes on there. */
  async fetch(offsets: Readonly<Record<number, number>> = {}, options: FetchOptions = {}): Promise<ReplicaFetched> {
    return this.#fetch(offsets, options, false)
  }

  /** Tells what it has, as of `requests` of its session. */
  async acknowledge(
    offsets: Readonly<Record<number, number>>,
    { topic = 'orders', requests = this.#session.epoch }: FetchOptions = {},
  ): Promise<void> {
    await this.#led.leader.acknowledge({
      replicaId: this.nodeId,
      leaderEpoch: 1,
      sessionId: this.#session.id,
      sessionEpoch: requests - 1,
      positions: positionsOf(topic, offsets),
    })
    await turns()
  }

  /** Goes on at these offsets, and says nothing of what it has. */
  fetchAhead(offsets: Readonly<Record<number, number>> = {}, options: FetchOptions = {}): Promise<ReplicaFetched> {
    return this.#fetch(offsets, options, true)
  }

  /** The next fetch begins a session. */
  beginAnew(): void {
    this.#session = { id: 0, epoch: 0 }
  }

  async #fetch(
    offsets: Readonly<Record<number, number>>,
    options: FetchOptions,
    isAhead: boolean,
  ): Promise<ReplicaFetched> {
    const { topic = 'orders', forgotten = [], maxBytes = 1 << 20 } = options
    const answer = await this.#led.leader.fetch({
      replicaId: this.nodeId,
      leaderEpoch: 1,
      sessionId: this.#session.id,
      sessionEpoch: this.#session.epoch,
      positions: positionsOf(topic, offsets),
      forgotten,
      isAhead,
      maxBytes,
      maxWaitMs: 0,
    })
    for (const { release } of answer.partitions) release?.()
    this.#session = { id: answer.sessionId, epoch: this.#session.epoch + 1 }
    await turns()
    return answer
  }
}

export interface FetchOptions {
  readonly topic?: string
  readonly forgotten?: readonly { readonly topic: string; readonly partition: number }[]
  readonly maxBytes?: number
  /** So many were answered when it acknowledged. */
  readonly requests?: number
}

function positionsOf(topic: string, offsets: Readonly<Record<number, number>>) {
  return Object.entries(offsets).map(([partition, offset]) => ({ topic, partition: Number(partition), offset }))
}
