/** `holdfast serve` in a process of its own, and clients that feed it or read from it. */

import { createTopics } from '../src/kafka/schemas/index.js'
import { connectTo, portOf } from '../test/support/connecting.js'
import { type ServedBroker, serve } from '../test/support/served-broker.js'
import { type Bench, closedWith } from './harness/case.js'
import { inChild } from './harness/child.js'
import type { Contender, Options, Spec } from './harness/contender.js'
import { partitionPath } from './holdfast.js'
import { untilPrepared } from './prepared-segments.js'
import { sampleTopic } from './sample-log.js'

/** A topic of one partition. */
export async function createTopic(port: number, name: string, config: Record<string, string> = {}): Promise<void> {
  const client = await connectTo(port, 10_000)
  const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }))
  const { topics } = await client.send(createTopics, {
    topics: [{ name, numPartitions: 1, replicationFactor: 1, configs }],
  })
  client.close()
  const [{ errorCode, errorMessage }] = topics
  if (errorCode !== 0) throw new Error(`${name} cannot be created: error ${errorCode}, ${errorMessage}`)
}

export interface ServedOptions {
  readonly settings?: Readonly<Record<string, string | number>>
  /** The segments are filled before each block, with file.preallocate=zero and segments of this length. */
  readonly preparedBytes?: number
  /** Makes what is served, before it is. */
  readonly fill?: (dataDir: string) => Promise<unknown>
}

/** The served broker, measured by the client that `clientOf` starts. */
export function servedHoldfast(
  { workspace }: Pick<Bench, 'workspace'>,
  label: string,
  options: ServedOptions,
  clientOf: (port: number, broker: ServedBroker) => Promise<Contender>,
): Spec {
  return {
    label,
    role: 'ours',
    async start() {
      const directory = await workspace.directory()
      await options.fill?.(directory.path)
      const broker = await serve(directory.path, { settings: options.settings })
      const stop = async () => {
        await broker.end('SIGTERM')
        await directory.remove()
      }
      try {
        const port = portOf(broker)
        if (options.fill === undefined) await createTopic(port, sampleTopic)
        const client = await clientOf(port, broker)
        return closedWith({ ...client, prepare: () => prepare(directory.path, options, client) }, stop)
      } catch (error) {
        await stop()
        throw error
      }
    },
  }
}

async function prepare(dataDir: string, { preparedBytes }: ServedOptions, client: Contender): Promise<void> {
  await client.prepare?.()
  if (preparedBytes === undefined) return
  await untilPrepared(partitionPath(dataDir, sampleTopic), preparedBytes, () => client.block(1))
}

/** A raw server of `contenders/<kind>.ts`, measured by a pump: each in a process of its own. */
export function servedRaw(
  { workspace }: Pick<Bench, 'workspace'>,
  label: string,
  role: Spec['role'],
  kind: string,
  options: Options,
  pumpOptions: Options,
): Spec {
  return {
    label,
    role,
    async start() {
      const directory = await workspace.directory()
      const server = await inChild(kind, { ...options, directory: directory.path })
      const stop = () => server.close().finally(() => directory.remove())
      try {
        const pump = await inChild('pump', { ...pumpOptions, port: server.info?.['port'] })
        return closedWith({ ...pump, info: server.info, prepare: async () => server.prepare?.() }, stop)
      } catch (error) {
        await stop()
        throw error
      }
    },
  }
}
