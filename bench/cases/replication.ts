/**
 * What a second copy costs: the served broker alone, and with one replica of its own beside it on the same machine and
 * disk, which it waits for (sync) or not (async). A second machine would have processors and a disk of its own.
 */

import { metadata } from '../../src/kafka/schemas/index.js'
import { connectTo, portOf } from '../../test/support/connecting.js'
import { serve } from '../../test/support/served-broker.js'
import { type Bench, type Case, closedWith, compare } from '../harness/case.js'
import { inChild } from '../harness/child.js'
import type { Spec } from '../harness/contender.js'
import type { Level, Row } from '../harness/rows.js'
import { sampleTopic } from '../sample-log.js'
import { createTopic, servedHoldfast } from '../served.js'

const sizes = [
  { name: '1 KiB x 100', frameBytes: 1 << 10, window: 100 },
  { name: '1 KiB x 1000', frameBytes: 1 << 10, window: 1000 },
  { name: '128 KiB x 16', frameBytes: 128 << 10, window: 16 },
] as const
const levels: readonly Level[] = ['D2', 'D1']
const policies = { D2: 'SYNC_FLUSH', D1: 'ASYNC_FLUSH', '-': 'ASYNC_FLUSH' } as const
const patienceMs = 30_000

function withReplica(
  { workspace }: Pick<Bench, 'workspace'>,
  mode: 'sync' | 'async',
  level: Level,
  pump: (port: number) => ReturnType<typeof inChild>,
): Spec {
  return {
    label: `with a replica, ${mode}`,
    role: 'ours',
    async start() {
      const directories = [await workspace.directory(), await workspace.directory()]
      const settings = { 'replication.mode': mode, 'flush.disk.type': policies[level] }
      const primary = await serve(directories[0].path, { settings })
      const replica = await serve(directories[1].path, {
        settings: { ...settings, 'node.id': 2, 'replica.of': primary.address },
      })
      const stop = async () => {
        await primary.end('SIGTERM')
        await replica.end('SIGTERM')
        for (const directory of directories) await directory.remove()
      }
      try {
        await createTopic(portOf(primary), sampleTopic)
        await untilInSync(portOf(primary))
        return closedWith(await pump(portOf(primary)), stop)
      } catch (error) {
        await stop()
        throw error
      }
    },
  }
}

async function untilInSync(port: number): Promise<void> {
  const client = await connectTo(port, 10_000)
  const end = performance.now() + patienceMs
  for (;;) {
    const { topics } = await client.send(metadata, { topics: [{ name: sampleTopic }] })
    if (topics[0]?.partitions[0]?.inSyncReplicas.length === 2) break
    if (performance.now() > end) throw new Error('The replica does not come into the in-sync set.')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  client.close()
}

export const replication: Case = {
  name: 'replication',
  about: 'a primary with a replica, against a broker that is alone',
  quick: false,
  async run(bench) {
    const rows: Row[] = []
    for (const { name, frameBytes, window } of sizes) {
      for (const level of levels) {
        const pump = (port: number) => inChild('pump', { what: 'produce', frameBytes, window, counted: 'sent', port })
        rows.push(
          ...(await compare(bench, {
            name: `a second copy, ${name} in flight`,
            level,
            metrics: [{ unit: 'MB/s', better: 'higher' }],
            plan: level === 'D1' ? { settle: bench.workspace.path } : {},
            specs: [
              {
                ...servedHoldfast(bench, 'alone', { settings: { 'flush.disk.type': policies[level] } }, pump),
                role: 'floor',
              },
              withReplica(bench, 'sync', level, pump),
              withReplica(bench, 'async', level, pump),
            ],
            shown: ['p50Ms', 'p99Ms', 'p999Ms', 'clientCpuCores'],
          })),
        )
      }
    }
    return rows
  },
}
