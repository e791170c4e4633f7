/**
 * A cluster as a client sees it: its brokers, with the connections to each, and who leads what. Whoever asks says whom
 * the question is for: whichever broker answers, all of them, the controller, or the leader of a partition.
 *
 * What is known is learned from every Metadata answer, and asked for anew when somebody finds it wrong. One broker is
 * enough to begin with, and each may go later. A single broker is a cluster of one.
 */

import type { TopicPartition } from '../../broker/contract.js'
import { type Address, addressText } from '../../core/addresses.js'
import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import { throwIfRefused } from '../remote-broker-errors.js'
import { metadata, type RequestInput, type ResponseOf } from '../schemas/index.js'
import type { SendOptions, WireClientOptions } from '../wire-client.js'
import { WirePool } from '../wire-pool.js'
import { type Leader, Leaders } from './leaders.js'
import { Patience } from './pauses.js'
import { isConnectionFailure } from './staleness.js'

export interface ClusterOptions extends Omit<WireClientOptions, 'host' | 'port'> {
  /** How long what fails for a reason that passes is tried again; with 0 it is tried once. */
  readonly retryMs: number
}

type Metadata = ResponseOf<typeof metadata>

/** Leader epochs; null asks for all topics, an empty list for none. */
const leastVersion = { minVersion: 7 }

export class Cluster {
  readonly clock: Clock
  readonly requestTimeoutMs: number
  readonly retryMs: number
  readonly leaders = new Leaders()
  readonly #options: ClusterOptions
  /** By address; those of the first list stay, since they may be all that is left. */
  readonly #pools = new Map<string, WirePool>()
  readonly #seeds: readonly string[]
  /** Addresses of the brokers, by their ids. */
  #nodes = new Map<number, string>()
  #controllerId = -1
  /** Who answered last: asking one broker as long as it answers means that what was seen is not unseen again. */
  #favourite: string
  readonly #refreshing = new Map<string, Promise<void>>()
  clusterId = ''

  private constructor(seeds: readonly Address[], options: ClusterOptions) {
    this.#options = options
    this.clock = options.clock
    this.requestTimeoutMs = options.requestTimeoutMs
    this.retryMs = options.retryMs
    for (const seed of seeds) this.#poolAt(seed)
    this.#seeds = seeds.map(addressText)
    this.#favourite = this.#seeds[0]
  }

  /** @throws CONNECTION_FAILED where none of `seeds` answers */
  static async connect(seeds: readonly Address[], options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(seeds, options)
    try {
      await cluster.refresh([])
      return cluster
    } catch (error) {
      await cluster.close()
      throw error
    }
  }

  /** The ids of the brokers, in their order. */
  get nodeIds(): readonly number[] {
    return [...this.#nodes.keys()].sort((one, other) => one - other)
  }

  /** The connections to a broker; undefined where there is none of that id. */
  node(id: number): WirePool | undefined {
    const address = this.#nodes.get(id)
    return address === undefined ? undefined : this.#pools.get(address)
  }

  /**
   * Asks a broker that can be reached, `first` where it is; the next one where it is lost before it answers, so only what may be
   * asked twice.
   * @throws CONNECTION_FAILED where nobody can be reached
   */
  async any<T>(ask: (wire: WirePool) => Promise<T>, first = this.#favourite): Promise<T> {
    const failures: HoldfastError[] = []
    const candidates = new Set([first, this.#favourite, ...this.#nodes.values(), ...this.#seeds])
    for (const address of candidates) {
      const pool = this.#pools.get(address)
      if (pool === undefined) continue
      try {
        const answer = await ask(pool)
        this.#favourite = address
        return answer
      } catch (error) {
        if (!isConnectionFailure(error)) throw error
        failures.push(error)
      }
    }
    throw noneAnswers(failures)
  }

  /** Asks every broker, each once it is there. @throws what one of them is refused with, after trying for a while */
  async each<T>(ask: (wire: WirePool) => Promise<T>): Promise<T[]> {
    const answers = new Map<number, T>()
    const patience = this.patience()
    for (;;) {
      const failures: unknown[] = []
      const missing = this.nodeIds.filter((id) => !answers.has(id))
      const askOne = async (id: number): Promise<void> => {
        const wire = this.node(id)
        if (wire !== undefined) answers.set(id, await ask(wire))
      }
      await Promise.all(missing.map((id) => askOne(id).catch((error: unknown) => failures.push(error))))
      const fatal = failures.find((error) => !isConnectionFailure(error))
      if (fatal !== undefined) throw fatal
      if (failures.length === 0) return [...answers.values()]
      if (patience.isOver) throw failures[0]
      await patience.pause()
      // A broker that is gone for longer is in no list of brokers any more.
      await this.refresh([]).catch(() => {})
    }
  }

  /**
   * Asks the controller, or a broker that passes the question on to it. It is asked again only where it is certain that
   * nobody has heard it.
   */
  async controller<T>(ask: (wire: WirePool, options: SendOptions) => Promise<T>): Promise<T> {
    const patience = this.patience()
    for (;;) {
      const failures: HoldfastError[] = []
      const first = this.#nodes.get(this.#controllerId) ?? this.#favourite
      for (const address of new Set([first, ...this.#nodes.values(), ...this.#seeds])) {
        const pool = this.#pools.get(address)
        if (pool === undefined) continue
        let wasSent = false
        try {
          return await ask(pool, { onSent: () => (wasSent = true) })
        } catch (error) {
          const isElsewhere = error instanceof HoldfastError && error.code === 'NOT_CONTROLLER'
          if (!isElsewhere && (wasSent || !isConnectionFailure(error))) throw error
          failures.push(error)
          if (isElsewhere) {
            this.turnToAnother()
            break
          }
        }
      }
      if (patience.isOver) throw noneAnswers(failures)
      await patience.pause()
      await this.refresh([]).catch(() => {})
    }
  }

  /** The connections to whoever is to be asked about a partition; undefined where nobody leads it at present. */
  async leaderOf({ topic, partition }: TopicPartition): Promise<{ wire: WirePool; leader: Leader } | undefined> {
    if (this.leaders.of(topic, partition) === undefined) await this.refresh([topic])
    return this.knownLeaderOf({ topic, partition })
  }

  /** As {@link leaderOf}, without asking anybody. What nobody has heard of any broker can say. */
  knownLeaderOf({ topic, partition }: TopicPartition): { wire: WirePool; leader: Leader } | undefined {
    const leader = this.leaders.of(topic, partition)
    const wire = leader === undefined ? this.#pools.get(this.#favourite) : this.node(leader.nodeId)
    return wire === undefined ? undefined : { wire, leader: leader ?? { nodeId: -1, epoch: -1 } }
  }

  /** Asks who leads these topics, and who the brokers are; those who ask the same at the same time share the answer. */
  refresh(topics: readonly string[]): Promise<void> {
    const key = topics.join(',')
    const underWay = this.#refreshing.get(key)
    if (underWay !== undefined) return underWay
    const refreshing = this.askMetadata(
      { topics: topics.map((name) => ({ name })), allowAutoTopicCreation: false },
      leastVersion,
    ).then(() => {})
    this.#refreshing.set(key, refreshing)
    const done = (): void => {
      this.#refreshing.delete(key)
    }
    refreshing.then(done, done)
    return refreshing
  }

  /** A Metadata request, whose answer is learned from. One that may create topics goes to the controller, which can. */
  askMetadata(body: RequestInput<typeof metadata>, options: SendOptions): Promise<Metadata> {
    const first = body.allowAutoTopicCreation === false ? undefined : this.#nodes.get(this.#controllerId)
    return this.any(async (wire) => {
      const answer = await wire.send(metadata, body, options)
      throwIfRefused(answer.errorCode)
      this.#learn(answer, wire)
      return answer
    }, first)
  }

  /**
   * Another broker is asked from now on, where there is one: the one that answered so far may be cut off from the others,
   * and will never hear of what they agreed on.
   */
  turnToAnother(): void {
    const addresses = [...new Set([...this.#nodes.values(), ...this.#seeds])]
    this.#favourite = addresses[(addresses.indexOf(this.#favourite) + 1) % addresses.length]
  }

  patience(): Patience {
    return new Patience(this.clock, this.retryMs)
  }

  /** What is unanswered fails. */
  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()))
  }

  #learn({ brokers, clusterId, controllerId, topics }: Metadata, from: WirePool): void {
    this.clusterId = clusterId ?? ''
    this.#controllerId = controllerId
    // The only one is whoever answered, even where it says of itself that it is elsewhere: it was reached here.
    const nodes = brokers.map(
      (broker) => [broker.nodeId, brokers.length === 1 ? from.address : this.#poolAt(broker).address] as const,
    )
    if (nodes.length > 0) this.#nodes = new Map(nodes)
    for (const topic of topics) this.leaders.learn(topic)
    this.#dropOthers()
  }

  #poolAt(address: Address): WirePool {
    const key = addressText(address)
    let pool = this.#pools.get(key)
    if (pool === undefined) {
      pool = new WirePool({ ...this.#options, host: address.host, port: address.port })
      this.#pools.set(key, pool)
    }
    return pool
  }

  /** Of brokers that are gone; who still waits for an answer of theirs is told that it was lost. */
  #dropOthers(): void {
    const kept = new Set([...this.#nodes.values(), ...this.#seeds])
    for (const [address, pool] of this.#pools) {
      if (kept.has(address)) continue
      this.#pools.delete(address)
      void pool.close('CONNECTION_FAILED')
    }
  }
}

function noneAnswers(failures: readonly HoldfastError[]): HoldfastError {
  if (failures.length === 1) return failures[0]
  const reasons = failures.map(({ message }) => message).join(' ')
  return new HoldfastError('CONNECTION_FAILED', `No broker of the cluster can be reached. ${reasons}`)
}
