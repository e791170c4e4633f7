/** A process that simulates the seeds it is sent, one after the other, and sends back what came of each. */

import type { ClusterNarrowing } from './cluster/plan.js'
import { simulateCluster } from './cluster/simulate.js'
import type { Narrowing } from './plan.js'
import { shrink } from './shrink.js'
import { prepare, simulate } from './simulate.js'

export interface Task {
  readonly seed: number
  readonly narrowing: Narrowing
  /** A world of several nodes, which is told as it is. */
  readonly cluster: boolean
  /** What its nodes say is told too. */
  readonly log: boolean
  /** Make it small where it fails. */
  readonly shrink: boolean
}

await prepare()
process.on('message', async (task: Task) => {
  const { seed, narrowing, log } = task
  const outcome = task.cluster
    ? await simulateCluster(seed, narrowing as ClusterNarrowing, { log })
    : await simulate(seed, narrowing)
  const isWhole = task.cluster || outcome.violation === undefined || !task.shrink
  process.send?.(isWhole ? { outcome, narrowing: task.narrowing } : await shrink(outcome, task.narrowing))
})
process.send?.('ready')
