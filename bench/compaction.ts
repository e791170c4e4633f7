/**
 * What compaction costs, and whom: `npm run build && node --import tsx bench/compaction.ts [millions of records] [bytes of a
 * value] [directory]` (10 million of 100 bytes with a tenth as many keys, in the temporary directory, unless told otherwise). Beside it the latency of durable
 * appends of 1 KiB to another topic in the same process, before and while it runs.
 */

import { randomFillSync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/core/clock.js'
import { buildBatch } from '../src/records/builder.js'
import { Latencies } from './harness/latencies.js'
import { loadBroker } from './holdfast.js'

const [millions = '10', sizeText = '100', where = tmpdir()] = process.argv.slice(2)
const valueBytes = Number(sizeText)
const records = Number(millions) * 1e6
const keys = records / 10
const recordsPerBatch = 100
const batchesUnderWay = 16
const quietMs = 5000

type Broker = Awaited<ReturnType<Awaited<ReturnType<typeof loadBroker>>['Broker']['open']>>

const directory = await mkdtemp(join(where, 'holdfast-compaction-'))
try {
  const { Broker } = await loadBroker()
  // The chore is kept from beginning by itself.
  const broker = await Broker.open(join(directory, 'data'), { settings: { 'log.cleaner.backoff.ms': 3_600_000 } })
  const config = { 'cleanup.policy': 'compact', 'flush.disk.type': 'ASYNC_FLUSH' }
  await broker.createTopic({ name: 'states', partitions: 1, config })
  await broker.createTopic({ name: 'orders', partitions: 1 })
  const bytes = await fill(broker)
  const before = await appendUntil(broker, new Promise((resolve) => setTimeout(resolve, quietMs)))
  const idle = process.memoryUsage().rss
  let greatest = idle
  const watching = setInterval(() => {
    greatest = Math.max(greatest, process.memoryUsage().rss)
  }, 100)
  const began = systemClock.monotonic()
  const work = broker.compactTopic('states').finally(() => clearInterval(watching))
  const meanwhile = await appendUntil(broker, work)
  const [{ bytesBefore, bytesAfter }] = await work
  const ms = systemClock.monotonic() - began
  const mb = (count: number) => (count / 1e6).toFixed(0)
  process.stdout.write(
    `compacted ${records} records of ${keys} keys, ${mb(bytesBefore)} MB to ${mb(bytesAfter)} MB, in ${(ms / 1000).toFixed(1)} s: ${(bytes / 1000 / ms).toFixed(0)} MB/s\n` +
      `memory ${mb(idle)} MB before, ${mb(greatest)} MB at most meanwhile (the map of keys is 128 MiB)\n` +
      `durable appends of 1 KiB, one caller, ms: p50 ${at(before, 50)}, p99 ${at(before, 99)} before; p50 ${at(meanwhile, 50)}, p99 ${at(meanwhile, 99)} meanwhile\n`,
  )
  await broker.close()
} finally {
  await rm(directory, { recursive: true, force: true })
}

function at(latencies: Latencies, percent: number): string {
  return latencies.percentile(percent).toFixed(2)
}

/** Keys in an order that the dice choose, values of random bytes; the bytes of all batches. */
async function fill(broker: Broker): Promise<number> {
  let next = 0
  let bytes = 0
  const writer = async () => {
    while (next < records) {
      next += recordsPerBatch
      const values = randomFillSync(Buffer.alloc(valueBytes * recordsPerBatch))
      const timestamp = systemClock.now()
      const batch = buildBatch(
        Array.from({ length: recordsPerBatch }, (_, i) => ({
          key: Buffer.from(`key-${Math.floor(Math.random() * keys)}`),
          value: values.subarray(i * valueBytes, (i + 1) * valueBytes),
          timestamp,
        })),
      )
      bytes += batch.sizeInBytes
      await broker.produce({ topic: 'states', partition: 0, batch: Buffer.from(batch.bytes) })
    }
  }
  await Promise.all(Array.from({ length: batchesUnderWay }, writer))
  return bytes
}

async function appendUntil(broker: Broker, end: Promise<unknown>): Promise<Latencies> {
  const latencies = new Latencies()
  let going = true
  const ended = end.finally(() => {
    going = false
  })
  while (going) {
    const batch = buildBatch([{ value: randomFillSync(Buffer.alloc(1024)), timestamp: systemClock.now() }])
    const sentMs = systemClock.monotonic()
    await broker.produce({ topic: 'orders', partition: 0, batch: Buffer.from(batch.bytes) })
    latencies.record(systemClock.monotonic() - sentMs)
  }
  await ended
  return latencies
}
