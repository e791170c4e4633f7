/** A process that simulates the seeds it is sent, one after the other, and sends back what came of each. */

import type { Narrowing } from './plan.js'
import { shrink } from './shrink.js'
import { prepare, simulate } from './simulate.js'

export interface Task {
  readonly seed: number
  readonly narrowing: Narrowing
  /** Make it small where it fails. */
  readonly shrink: boolean
}

await prepare()
process.on('message', async (task: Task) => {
  const outcome = await simulate(task.seed, task.narrowing)
  const isWhole = outcome.violation === undefined || !task.shrink
  process.send?.(isWhole ? { outcome, narrowing: task.narrowing } : await shrink(outcome, task.narrowing))
})
process.send?.('ready')
