/** Queues on a cluster, under the contract of the library. */

import { open, type Queue } from '../../src/index.js'
import type { QueueWorld } from './queue.cases.js'

/** @param stop ends what is served at `url`, after all queues on it */
export async function remoteWorld(url: string, stop: () => Promise<void>): Promise<QueueWorld> {
  const queues: Queue[] = []
  const another: QueueWorld['another'] = async (options) => {
    const mq = await open(url, { compression: 'auto', ...options })
    queues.push(mq)
    return mq
  }
  const mq = await another()
  return {
    name: url,
    mq,
    another,
    close: async () => {
      for (const queue of queues) await queue.close()
      await stop()
    },
  }
}
