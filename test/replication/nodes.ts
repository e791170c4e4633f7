/** Nodes of one process that reach each other without sockets, each with a directory of its own; a person decides who leads. */

import type { TestContext } from 'node:test'
import type { FetchedPartition, TopicPartition } from '../../src/broker/contract.js'
import { HoldfastError } from '../../src/core/errors.js'
import type { Logger } from '../../src/core/logger.js'
import type { Metrics } from '../../src/core/metrics/metrics.js'
import type { SettingsInput } from '../../src/core/settings.js'
import type { Disk } from '../../src/files/disk.js'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { batchesIn } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import type { LeaderLink, OpenLink, ReplicaService } from '../../src/replication/contract.js'
import { ReplicaNode } from '../../src/replication/node.js'
import { whenEnded } from '../storage/support.js'
import { until } from '../support/until.js'

export class Nodes {
  readonly #directories: TemporaryDirectory[] = []
  readonly #settings: SettingsInput
  readonly #metrics: Metrics | undefined
  readonly #paths = new Map<number, string>()
  readonly #running = new Map<number, ReplicaNode>()
  /** Ways that are cut, as "1>2". */
  readonly cut = new Set<string>()
  /** Called with a node before it takes up a role. */
  onOpened: (node: ReplicaNode) => void = () => {}
  /** Logs that leaders do not have yet when they are asked for them, as "topic-partition": each once. */
  readonly beingMade = new Set<string>()

  /** `metrics`: of node 1. */
  constructor(t: TestContext, settings: SettingsInput = {}, metrics?: Metrics) {
    this.#settings = settings
    this.#metrics = metrics
    whenEnded(t, async () => {
      for (const id of [...this.#running.keys()]) await this.stop(id)
      for (const directory of this.#directories) await directory.remove()
    })
  }

  /** Node 1 begins the cluster; the others follow. */
  async start(id: number, settings: SettingsInput = {}, disk?: Disk): Promise<ReplicaNode> {
    let path = this.#paths.get(id)
    if (path === undefined) {
      const directory = await makeTemporaryDirectory('holdfast-replica-')
      this.#directories.push(directory)
      path = directory.path
      this.#paths.set(id, path)
    }
    const node = await ReplicaNode.open(path, {
      settings: {
        'node.id': id,
        'replication.mode': 'sync',
        'replica.of': id === 1 ? '' : 'node:1',
        'replica.lag.time.max.ms': 1000,
        'replica.fetch.wait.max.ms': 50,
        ...this.#settings,
        ...settings,
      },
      metrics: id === 1 ? this.#metrics : undefined,
      openLink: this.#linkFrom(id),
      disk,
      logger: process.env['HOLDFAST_TEST_LOG'] ? loudLogger(id) : undefined,
    })
    this.onOpened(node)
    this.#running.set(id, node)
    await node.start({ host: 'node', port: id })
    return node
  }

  async stop(id: number): Promise<void> {
    const node = this.#running.get(id)
    this.#running.delete(id)
    await node?.close()
  }

  #linkFrom(from: number): OpenLink {
    return ({ port }) => {
      const ask = async <T>(question: (service: ReplicaService) => Promise<T>): Promise<T> => {
        const lost = () => new HoldfastError('CONNECTION_FAILED', `node ${port} cannot be reached`)
        const node = this.#running.get(port)
        if (node === undefined || this.cut.has(`${from}>${port}`)) throw lost()
        const answer = await question(node.replicated.replicas)
        if (this.cut.has(`${port}>${from}`) || this.#running.get(port) !== node) throw lost()
        return answer
      }
      const link: LeaderLink = {
        fetch: (request) =>
          ask(async (service) => {
            const early = request.positions.filter((place) =>
              this.beingMade.delete(`${place.topic}-${place.partition}`),
            )
            const positions = request.positions.filter((place) => !early.includes(place))
            const { sessionId, partitions } = await service.fetch({ ...request, positions })
            const copied = partitions.map(({ release, records, ...partition }) => {
              const bytes = records.map((each) => Buffer.from(each))
              release?.()
              return { ...partition, records: bytes }
            })
            return { sessionId, partitions: [...copied, ...early.map(unknownThere)] }
          }),
        acknowledge: (acknowledgement) => ask((service) => service.acknowledge(acknowledgement)),
        endOfEpochs: (epoch, questions) => ask((service) => service.endOfEpochs(epoch, questions)),
        report: (report) => ask((service) => service.report(report)),
        close: async () => {},
      }
      return link
    }
  }
}

function unknownThere({ topic, partition }: TopicPartition): FetchedPartition {
  const error = new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION')
  return { topic, partition, error, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, records: [] }
}

export function oneMessage(value: string): Buffer {
  return buildBatch([{ value: Buffer.from(value), timestamp: Date.now() }]).bytes
}

/** The values of a partition as a node holds them, shown or not. */
export async function heldBy(node: ReplicaNode, topic: string, partition = 0, offset = 0): Promise<string[]> {
  const position = { topic, partition, offset, maxBytes: 1 << 20, currentLeaderEpoch: -1 }
  const [fetched] = await node.broker.fetch({ positions: [position], maxBytes: 1 << 20, minBytes: 0, maxWaitMs: 0 })
  if (fetched.error !== undefined) throw fetched.error
  const values: string[] = []
  for (const bytes of fetched.records) {
    for (const batch of batchesIn(bytes)) values.push(`${batch.baseOffset}:${batch.partitionLeaderEpoch}`)
  }
  return values
}

/** Where the partition 0 of a topic begins. */
export async function startOf(node: ReplicaNode, topic: string): Promise<number> {
  const [found] = await node.broker.findOffsets([{ topic, partition: 0, query: 'earliest', currentLeaderEpoch: -1 }])
  if (found.error !== undefined) throw found.error
  return found.offset
}

export async function untilLeads(node: ReplicaNode): Promise<void> {
  await until('the node leads', () => node.leads)
}

export async function untilInSync(node: ReplicaNode, ids: readonly number[]): Promise<void> {
  const wanted = [...ids].sort().join()
  await until(`in sync are ${wanted}`, () => [...node.replicated.describe().inSync].sort().join() === wanted)
}

function loudLogger(id: number): Logger {
  const write = (level: string) => (fields: object, text?: string) => {
    process.stderr.write(
      `[${id}] ${level} ${text ?? ''} ${JSON.stringify(fields, (_, v) => (v instanceof Error ? v.stack : v))}\n`,
    )
  }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') } as Logger
}
