/** The library in the process of its callers: `mq.send`, one message a call. */

import type { SettingsInput } from '../../src/core/settings.js'
import type { Contender, Options } from '../harness/contender.js'
import { loadLibrary, partitionPath } from '../holdfast.js'
import { lookedAt, type MeasuringOptions } from '../measuring.js'
import { untilPrepared } from '../prepared-segments.js'
import { type AppendOptions, appending } from './appending.js'
import { eachPartition } from './each-partition.js'

interface HoldfastOptions extends AppendOptions, MeasuringOptions {
  readonly settings?: SettingsInput
  /** The segments are filled before each block: with file.preallocate=zero, of this length. */
  readonly preparedBytes?: number
  /** Bytes in the log before the first block. */
  readonly prefillBytes?: number
  /** Partitions of another topic that are open and idle. */
  readonly idlePartitions?: number
}

type Mq = Awaited<ReturnType<Awaited<ReturnType<typeof loadLibrary>>['open']>>

const topic = 'bench'
const nudgeBytes = 2 << 20
const fillChunk = 1000

export async function start(given: Options): Promise<Contender> {
  const options = given as unknown as HoldfastOptions
  const { open } = await loadLibrary()
  const mq = lookedAt(await open(options.directory, { settings: options.settings, metrics: options.metrics }))
  await mq.topics.create(topic, { partitions: 1 })
  if (options.idlePartitions) await openIdle(mq, options.idlePartitions)
  if (options.prefillBytes) await prefill(mq, options.prefillBytes)
  let waitedMs = 0
  return appending(options, {
    async prepare() {
      const bytes = options.preparedBytes
      if (bytes === undefined) return
      const ms = await untilPrepared(partitionPath(options.directory, topic), bytes, () => prefill(mq, nudgeBytes))
      waitedMs += ms
    },
    append: (value) => mq.send(topic, { value }),
    counts: () => ({ waitedForSegmentsMs: waitedMs }),
    close: () => mq.close(),
  })
}

async function openIdle(mq: Mq, partitions: number): Promise<void> {
  await mq.topics.create('idle', { partitions })
  const value = Buffer.alloc(100, 1)
  await eachPartition(partitions, (partition) => mq.send('idle', { value, partition }))
}

async function prefill(mq: Mq, bytes: number): Promise<void> {
  const value = Buffer.alloc(64 << 10, 1)
  for (let written = 0; written < bytes; ) {
    const messages = Array.from({ length: Math.min(fillChunk, Math.ceil((bytes - written) / value.length)) }, () => ({
      value,
    }))
    await mq.sendMany(topic, messages)
    written += messages.length * value.length
  }
}
