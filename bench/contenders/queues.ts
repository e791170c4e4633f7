/**
 * Senders that go round the queues of one topic: through the library's `mq.send`, or, a batch of one record at a time,
 * through the store alone, where nothing but the layout is measured.
 */

import type { SettingsInput } from '../../src/core/settings.js'
import type { Contender, Options } from '../harness/contender.js'
import { loadLibrary, loadSettings, loadStorage } from '../holdfast.js'
import { type Appender, type AppendOptions, appending } from './appending.js'
import { eachPartition } from './each-partition.js'

interface QueuesOptions extends AppendOptions {
  readonly settings: SettingsInput
  readonly queues: number
  readonly through: 'library' | 'store'
}

const topic = 'bench'
/** On a busy disk a sender to one of ten thousand files waits its turn. */
const patient = { 'flush.commitlog.timeout': 120_000 }

export async function start(given: Options): Promise<Contender> {
  const options = given as unknown as QueuesOptions
  const settings = { ...patient, ...options.settings }
  const append = await (options.through === 'library' ? throughLibrary : throughStore)(options, settings)
  // Each queue has its first message before anything is measured.
  const first = Buffer.alloc(options.sizeBytes, 1)
  await eachPartition(options.queues, (queue) => append.to(queue, first))
  let next = 0
  return appending(options, {
    append: (value) => append.to(next++ % options.queues, value),
    close: append.close,
  })
}

interface ToQueues extends Pick<Appender, 'close'> {
  to(queue: number, value: Buffer): Promise<unknown>
}

async function throughLibrary({ directory, queues }: QueuesOptions, settings: SettingsInput): Promise<ToQueues> {
  const { open } = await loadLibrary()
  const mq = await open(directory, { settings })
  await mq.topics.create(topic, { partitions: queues })
  return { to: (partition, value) => mq.send(topic, { value, partition }), close: () => mq.close() }
}

async function throughStore({ directory, queues }: QueuesOptions, settings: SettingsInput): Promise<ToQueues> {
  const { MessageStore, buildBatch } = await loadStorage()
  const { resolveSettings } = await loadSettings()
  const store = await MessageStore.open(directory, { settings: resolveSettings(settings) })
  await store.createTopic({ name: topic, partitions: queues })
  const logs = Array.from({ length: queues }, (_, partition) => {
    const log = store.log(topic, partition)
    if (log === undefined) throw new Error(`there is no partition ${partition}`)
    return log
  })
  return {
    to: (queue, value) => logs[queue].append(buildBatch([{ value, timestamp: Date.now() }])).acknowledged,
    close: () => store.close(),
  }
}
