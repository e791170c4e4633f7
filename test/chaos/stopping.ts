/** Stops the nodes and holds what lies on their disks against each other, and against what `holdfast verify` demands. */

import { join } from 'node:path'
import type { Violation } from '../history/history.js'
import { holdfast } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'
import { within } from './asking.js'
import { checkNodes, type NodeLogs, readLogs, readQueues } from './check-nodes.js'
import type { Host, Scene } from './scene.js'

const stopsWithinMs = 30_000
const verifiesWithinMs = 120_000

export interface Stopping {
  readonly scene: Scene
  readonly compacts: boolean
}

export async function stopAndCompare({ scene, compacts }: Stopping, primary: Host | undefined): Promise<Violation[]> {
  const violations: Violation[] = []
  // Who leads comes last, so that nobody has to take over.
  const inTurn = [...scene.hosts].sort((a, b) => Number(a === primary) - Number(b === primary))
  for (const { name, node } of inTurn) {
    try {
      await within(stopsWithinMs, node.end('SIGTERM'))
    } catch (error) {
      violations.push({ rule: 'does-not-stop', what: `node ${name}: ${String(error)}`, operations: [] })
      await node.end('SIGKILL')
    }
  }
  const logs = new Map<string, NodeLogs>()
  for (const { name, nodeId, dataDir } of scene.hosts) {
    const options = { timeoutMs: verifiesWithinMs }
    const verified = await runProgram(process.execPath, [holdfast, 'verify', '--data', dataDir], options)
    if (verified.code !== 0) {
      const told = `${verified.stdout}${verified.stderr}`.slice(-2000)
      const what = `verify of node ${name} ended with ${verified.code}: ${told}`
      violations.push({ rule: 'damaged', what, operations: [] })
    }
    logs.set(name, new Map([...readLogs(join(dataDir, 'log')), ...(await readQueues(dataDir, nodeId))]))
  }
  return [...violations, ...checkNodes(logs, (partition) => compacts && partition.startsWith('__'))]
}
