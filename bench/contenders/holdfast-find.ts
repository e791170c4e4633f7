/** Finds messages by key in a log of as many keys as messages, through the key index, and looks for keys that are not there. */

import { buildBatch } from '../../src/records/builder.js'
import type { Contender, Options } from '../harness/contender.js'
import { Latencies } from '../harness/latencies.js'
import { loadBroker, loadLibrary } from '../holdfast.js'
import { payloads } from '../payloads.js'

interface FindOptions {
  readonly directory: string
  readonly messages: number
  readonly valueBytes: number
  readonly recordsPerBatch: number
}

const topic = 'bench'
const batchesUnderWay = 16
/** In turns, so that both are measured in the same minutes. */
const hitsPerMiss = 4

export async function start(given: Options): Promise<Contender> {
  const options = given as unknown as FindOptions
  await write(options)
  const { open } = await loadLibrary()
  const mq = await open(options.directory)
  const built = await timed(async () => {
    await mq.topics.alter(topic, { config: { 'key.index.enable': true } })
    await mq.find(topic, { key: keyOf(0) }, { limit: 1 })
  })
  await mq.close()
  const again = await open(options.directory)
  const find = async (key: string): Promise<number> => (await again.find(topic, { key }, { limit: 1 })).length
  // Filters and fences are read by the first find.
  await find(keyOf(1))
  return {
    async block(ms) {
      const [hits, misses] = [new Latencies(), new Latencies()]
      const begin = performance.now()
      for (let i = 0; performance.now() - begin < ms; i++) {
        const isMiss = i % (hitsPerMiss + 1) === hitsPerMiss
        const number = Math.floor(Math.random() * options.messages)
        const start = performance.now()
        const found = await find(keyOf(isMiss ? number + options.messages : number))
        ;(isMiss ? misses : hits).record(performance.now() - start)
        if (found !== (isMiss ? 0 : 1)) throw new Error(`${found} messages were found for number ${number}`)
      }
      const { keyIndex } = (await again.topics.describe(topic)).partitions[0]
      return {
        value: hits.percentile(50),
        detail: {
          p50Ms: hits.percentile(50),
          p99Ms: hits.percentile(99),
          missP50Ms: misses.percentile(50),
          missP99Ms: misses.percentile(99),
          builtPerSecond: (options.messages / built) * 1000,
          bytesPerEntry: keyIndex === undefined ? 0 : keyIndex.sizeInBytes / keyIndex.entries,
          files: keyIndex?.files ?? 0,
          memoryMiB: process.memoryUsage().rss / 2 ** 20,
        },
      }
    },
    close: () => again.close(),
  }
}

function keyOf(number: number): string {
  return `customer-${number}`
}

async function write({ directory, messages, valueBytes, recordsPerBatch }: FindOptions): Promise<void> {
  const { Broker } = await loadBroker()
  const broker = await Broker.open(directory, { settings: { 'flush.disk.type': 'ASYNC_FLUSH' } })
  await broker.createTopic({ name: topic, partitions: 1 })
  const nextValue = payloads(valueBytes)
  let next = 0
  const writer = async (): Promise<void> => {
    while (next < messages) {
      const first = next
      next = Math.min(messages, next + recordsPerBatch)
      const records = Array.from({ length: next - first }, (_, i) => ({
        key: Buffer.from(keyOf(first + i)),
        value: nextValue(),
        // Retention would take older ones away.
        timestamp: Date.now(),
      }))
      await broker.produce({ topic, partition: 0, batch: Buffer.from(buildBatch(records).bytes) })
    }
  }
  await Promise.all(Array.from({ length: batchesUnderWay }, writer))
  await broker.close()
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
