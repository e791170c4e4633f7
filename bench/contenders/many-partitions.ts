/** Ten thousand partitions: created, one message written to each, closed; with the descriptors that took at most. */

import { readdirSync } from 'node:fs'
import type { Contender, Options } from '../harness/contender.js'
import { loadLibrary } from '../holdfast.js'
import { eachPartition } from './each-partition.js'

/** Each partition has a file of its own to make and to flush; on a busy disk a sender waits its turn. */
const patient = { 'flush.commitlog.timeout': 120_000 }
const lookEveryMs = 20

export async function start(given: Options): Promise<Contender> {
  const { directory, partitions } = given as { directory: string; partitions: number }
  const { open } = await loadLibrary()
  return {
    async block() {
      let mostDescriptors = 0
      const look = setInterval(() => {
        mostDescriptors = Math.max(mostDescriptors, openDescriptors())
      }, lookEveryMs)
      const mq = await open(directory, { settings: patient })
      const value = Buffer.alloc(100, 1)
      const create = await timed(() => mq.topics.create('many', { partitions }))
      const write = await timed(() => eachPartition(partitions, (partition) => mq.send('many', { value, partition })))
      const close = await timed(() => mq.close())
      clearInterval(look)
      const detail = { createMs: create, writeMs: write, closeMs: close, mostDescriptors }
      return { value: (create + write + close) / 1000, detail }
    },
    close: async () => {},
  }
}

/** Infinity where there is none left to look with. */
function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
