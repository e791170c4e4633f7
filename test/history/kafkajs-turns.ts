/**
 * A consumer of kafkajs whose runner has ended while its fetchers go on asks it again and again without a pause, so that
 * nothing else of the process ever gets its turn. Here such a question costs a pause.
 */

import { createRequire } from 'node:module'
import { pause } from './recorder.js'

interface Runner {
  readonly running: boolean
  fetch(nodeId: string): Promise<readonly unknown[]>
}

const askAgainMs = 50

/** For every consumer of this process; to be called once. */
export function letOthersHaveTheirTurns(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/consumer/runner.js') as {
    readonly prototype: Runner
  }
  const { fetch } = prototype
  prototype.fetch = async function (this: Runner, nodeId) {
    if (!this.running) await pause(askAgainMs)
    return fetch.call(this, nodeId)
  }
}
