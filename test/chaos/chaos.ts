/** One run: load on three nodes through all faults that were planned, and then the judgement of what clients saw. */

import { setTimeout as pause } from 'node:timers/promises'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { dice } from '../crash/seeded.js'
import { check } from '../history/checker.js'
import { readFinal } from '../history/final-log.js'
import type { History, Operation, Send, Violation } from '../history/history.js'
import { drain } from '../history/kill-and-record.js'
import { endTransactionsOf } from '../history/producers.js'
import { type Life, Recorder } from '../history/recorder.js'
import { until } from '../support/until.js'
import { within } from './asking.js'
import { checkEnds } from './check-ends.js'
import { type Failover, failovers, type Happened } from './failovers.js'
import { takesTheLead } from './faults.js'
import { Injecting } from './injecting.js'
import { fetchCommitted, group, type Load, startLoad, startSmallLoad, transactions } from './load.js'
import { plan } from './plan.js'
import { Probes } from './probes.js'
import { type Scene, startAll } from './scene.js'
import { stopAndCompare } from './stopping.js'
import { checkTopics, type MadeTopic, makeTopics, topicsThere } from './topic-maker.js'
import { Watch } from './watch.js'

const topic = 't'
const partitions = 3
const probeTopic = 'probe'
/** In a commit log. */
const queueTopic = 'queues'
const queues = 2
const wholeWithinMs = 90_000
const endsWithinMs = 120_000
const betweenSendsMs = 8

export interface ChaosOptions {
  readonly scene: Scene
  readonly seed: number
  readonly durationMs: number
  readonly hasKcat: boolean
  /** The nodes clean the logs of groups and transactions, each as it likes: their bytes may differ. */
  readonly compacts: boolean
  readonly say: (line: string) => void
}

export interface ChaosResult {
  readonly violations: readonly Violation[]
  readonly history: History
  readonly happened: readonly Happened[]
  readonly failovers: readonly Failover[]
  readonly figures: Readonly<Record<string, number | string>>
}

export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  return new Run(options).run()
}

/** The topic of the probes by itself: no group reads it. */
function checkApart({ operations, final, drained }: History): Violation[] {
  const isProbe = (one: Operation): boolean => 'partition' in one && one.partition === partitions
  const probes = operations.filter(isProbe).map((one) => ({ ...one, partition: 0 }))
  return [
    ...check({ operations: operations.filter((one) => !isProbe(one)), final: final.slice(0, partitions), drained }),
    ...check({ operations: probes, final: final.slice(partitions), drained: [] }),
  ]
}

class Run {
  readonly #options: ChaosOptions
  readonly #watch: Watch
  readonly #recorder = new Recorder()
  readonly #life: Life
  readonly #queueLife: Life
  readonly #violations: Violation[] = []

  constructor(options: ChaosOptions) {
    this.#options = options
    const { scene, say } = options
    this.#watch = new Watch(scene, topic, (leaderId, epoch) => say(`node ${leaderId} leads, epoch ${epoch}`))
    const { bootstrap: address } = scene
    const note = (text: string): void => say(`client: ${text}`)
    this.#life = { address, topic, partitions, recorder: this.#recorder, betweenSendsMs, note, running: true }
    this.#queueLife = { ...this.#life, topic: queueTopic, partitions: queues, recorder: new Recorder() }
  }

  async run(): Promise<ChaosResult> {
    const { scene, seed, durationMs, hasKcat, say } = this.#options
    startAll(scene)
    await this.#begin()
    const endsOf = { topic, partitions }
    const probing = { scene, recorder: this.#recorder, sendTopic: probeTopic, historyPartition: partitions, endsOf }
    const probes = new Probes(probing)
    const load = startLoad(this.#life, hasKcat)
    const small = startSmallLoad(this.#queueLife)
    const injecting = new Injecting(scene, this.#watch, say)
    const others = Promise.all([this.#changeMembers(load), this.#lookAtOffsets()])
    const topics = makeTopics(this.#life, seed)
    await injecting.run(plan(seed, durationMs))
    say('all faults are over')
    await this.#whole()
    // Some load on a whole cluster.
    await pause(2000)
    await probes.stop()
    const final = await this.#end(load, others)
    await this.#endQueues(small)
    const made = await this.#lookAtTopics(topics)
    say('the clients have ended')
    await this.#whole()
    await this.#watch.stop()
    this.#violations.push(...(await stopAndCompare(this.#options, this.#watch.primary)))
    const history: History = {
      operations: this.#recorder.operations,
      final,
      drained: final.length === 0 ? [] : [group],
    }
    return this.#judge(history, probes, load, { happened: injecting.happened, made })
  }

  #judge(
    history: History,
    probes: Probes,
    load: Load,
    { happened, made }: { happened: readonly Happened[]; made: readonly MadeTopic[] },
  ): ChaosResult {
    const sends = history.operations.filter((one): one is Send => one.op === 'send')
    if (history.final.length > 0) this.#violations.push(...checkApart(history))
    this.#violations.push(...checkEnds(probes.ends, sends))
    const acknowledged = sends.filter(({ outcome }) => typeof outcome === 'object')
    const unexpected = this.#options.scene.hosts.flatMap(({ node, etcd }) => [
      ...node.unexpectedEnds,
      ...etcd.unexpectedEnds,
    ])
    return {
      violations: this.#violations,
      history,
      happened,
      failovers: failovers(happened, probes.acknowledged, takesTheLead),
      figures: {
        faults: happened.length,
        sends: sends.length,
        acknowledged: acknowledged.length,
        deliveries: history.operations.filter(({ op }) => op === 'deliver').length,
        commits: history.operations.filter((one) => one.op === 'commit' && one.outcome === 'acked').length,
        leaders: this.#watch.leaders,
        'topics made': made.filter(({ created }) => created === 'acked').length,
        'ends asked for': probes.ends.length,
        'consumers that began anew': load.restarts.length,
        'why they did': [...new Set(load.restarts)].slice(0, 5).join(' | '),
        'programs that ended by themselves': unexpected.join(', '),
      },
    }
  }

  async #begin(): Promise<void> {
    const { scene, say } = this.#options
    await until('the first leader makes topics', () => this.#makeTopics(), wholeWithinMs)
    await until('all nodes are in sync', () => this.#watch.isWhole, wholeWithinMs)
    say(`the cluster is whole; node ${this.#watch.primary?.nodeId} of ${scene.hosts.length} leads`)
  }

  async #makeTopics(): Promise<boolean> {
    try {
      const service = await RemoteBroker.connect(this.#life.address, { requestTimeoutMs: 5000, retryMs: 5000 })
      try {
        const there = new Set((await service.describeTopics(null)).map(({ name }) => name))
        if (!there.has(topic)) await service.createTopic({ name: topic, partitions })
        if (!there.has(probeTopic)) await service.createTopic({ name: probeTopic, partitions: 1 })
        const config = { 'storage.layout': 'commitlog' }
        if (!there.has(queueTopic)) await service.createTopic({ name: queueTopic, partitions: queues, config })
        return true
      } finally {
        await service.close()
      }
    } catch {
      await pause(200)
      return false
    }
  }

  /** Without faults everybody comes back into the in-sync set. */
  async #whole(): Promise<void> {
    try {
      await until('all nodes are in sync again', () => this.#watch.isWhole, wholeWithinMs)
    } catch (error) {
      this.#violate('not-whole-again', `${String(error)}: ${this.#watch.describe()}`)
    }
  }

  #violate(rule: string, what: string): void {
    this.#violations.push({ rule, what, operations: [] })
    this.#options.say(`${rule}: ${what}`)
  }

  async #try<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await within(endsWithinMs, work())
    } catch (error) {
      this.#violate('does-not-end', `${what}: ${String(error)}`)
      return undefined
    }
  }

  async #changeMembers(load: Load): Promise<void> {
    const luck = dice(this.#options.seed)
    while (this.#life.running) {
      await pause(luck.between(5000, 15_000))
      if (load.members.count < 3) load.members.join()
      else load.members.leave()
    }
  }

  async #lookAtOffsets(): Promise<void> {
    while (this.#life.running) {
      await fetchCommitted(this.#life, partitions).catch(() => {})
      await pause(2000)
    }
  }

  async #endQueues({ senders, readers }: Pick<Load, 'senders' | 'readers'>): Promise<void> {
    const { address, recorder } = this.#queueLife
    await this.#try('the producer of the commit log', () => senders)
    const final = await this.#try('reading the commit log', () => readFinal(address, queueTopic, queues))
    await this.#try('the reader of the commit log', () => readers)
    if (final === undefined) return
    const broken = check({ operations: recorder.operations, final, drained: [] })
    this.#violations.push(...broken.map((one) => ({ ...one, what: `in the commit log, ${one.what}` })))
  }

  async #lookAtTopics(making: Promise<readonly MadeTopic[]>): Promise<readonly MadeTopic[]> {
    const made = (await this.#try('making topics', () => making)) ?? []
    const there = await this.#try('reading what was made', () => topicsThere(this.#life.address))
    if (there !== undefined) this.#violations.push(...checkTopics(made, there))
    return made
  }

  /** Ends the clients; what all partitions hold then, nothing where that cannot be read. */
  async #end(load: Load, others: Promise<unknown>): Promise<History['final']> {
    this.#life.running = false
    this.#queueLife.running = false
    await this.#try('the producers', () => load.senders)
    await this.#try('what transactions left open', () => endTransactionsOf(this.#life.address, transactions))
    const final = await this.#try('reading all', async () => [
      ...(await readFinal(this.#life.address, topic, partitions)),
      ...(await readFinal(this.#life.address, probeTopic, 1)),
    ])
    // The group has nothing to do with the probes.
    if (final !== undefined)
      await this.#try('what the group has still to read', () => drain(this.#recorder, final.slice(0, partitions)))
    await this.#try('a last look at the offsets', () => fetchCommitted(this.#life, partitions))
    await this.#try('the members', () => load.members.close())
    await this.#try('the readers', () => load.readers)
    await this.#try('what goes on beside', () => others)
    return final ?? []
  }
}
