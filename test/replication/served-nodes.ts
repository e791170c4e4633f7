/** Nodes of one process that reach each other, and are reached, over sockets; each copies the first. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/core/clock.js'
import type { SettingsInput } from '../../src/core/settings.js'
import { openReplicaLink } from '../../src/kafka/replica-link.js'
import { KafkaServer } from '../../src/kafka/server.js'
import { ReplicaNode } from '../../src/replication/node.js'
import { untilInSync, untilLeads } from './nodes.js'

export interface ServedNodes {
  readonly nodes: readonly ReplicaNode[]
  /** Of all, with commas between. */
  readonly addresses: string
  close(): Promise<void>
}

/** All in sync when this resolves. */
export async function serveNodes(
  count: number,
  settings: SettingsInput | ((nodeId: number) => SettingsInput),
): Promise<ServedNodes> {
  const nodes: ReplicaNode[] = []
  const servers: KafkaServer[] = []
  const paths: string[] = []
  const close = async (): Promise<void> => {
    for (const server of servers) await server.close()
    for (const node of [...nodes].reverse()) await node.close()
    for (const path of paths) await rm(path, { recursive: true })
  }
  try {
    for (let nodeId = 1; nodeId <= count; nodeId++) {
      const path = await mkdtemp(join(tmpdir(), 'holdfast-served-node-'))
      paths.push(path)
      const node = await ReplicaNode.open(path, {
        settings: {
          'node.id': nodeId,
          'replication.mode': 'sync',
          'replica.of': nodeId === 1 ? '' : `127.0.0.1:${servers[0].port}`,
          ...(typeof settings === 'function' ? settings(nodeId) : settings),
        },
        openLink: openReplicaLink({
          replicaId: nodeId,
          clientId: `replica-${nodeId}`,
          requestTimeoutMs: 10_000,
          clock: systemClock,
        }),
      })
      nodes.push(node)
      const server = await KafkaServer.listen(node.broker, {
        host: '127.0.0.1',
        port: 0,
        replication: node.replicated,
      })
      servers.push(server)
      await node.start({ host: '127.0.0.1', port: server.port })
      if (nodeId === 1) await untilLeads(node)
    }
    await untilInSync(
      nodes[0],
      nodes.map((_, i) => i + 1),
    )
    return { nodes, addresses: servers.map(({ port }) => `127.0.0.1:${port}`).join(), close }
  } catch (error) {
    await close()
    throw error
  }
}
