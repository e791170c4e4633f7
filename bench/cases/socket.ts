/**
 * From a socket to the disk: the served broker against the probe, which takes the same bytes over the same socket, sums
 * and writes them, and is nothing else. Fed by the same minimal client at the same window, and by the Java client.
 */

import { findKafka, type Kafka } from '../../test/support/kafka/jars.js'
import { type Bench, type Case, compare } from '../harness/case.js'
import { inChild } from '../harness/child.js'
import type { Contender, Spec } from '../harness/contender.js'
import type { Level, Row } from '../harness/rows.js'
import { producerPerformance } from '../producer-performance.js'
import { sampleTopic } from '../sample-log.js'
import { servedHoldfast, servedRaw } from '../served.js'

interface Size {
  readonly name: string
  readonly frameBytes: number
  readonly window: number
}

const sizes: readonly Size[] = [
  { name: '16 KiB x 50', frameBytes: 16 << 10, window: 50 },
  { name: '128 KiB x 16', frameBytes: 128 << 10, window: 16 },
  { name: '1 MB x 5', frameBytes: 1_000_000, window: 5 },
]
const levels: readonly Level[] = ['D2', 'D1']

const segmentBytes = 1 << 30

function specsOf(bench: Bench, { frameBytes, window }: Size, level: Level, kafka: Kafka | undefined): Spec[] {
  const durable = level === 'D2'
  const client = { what: 'produce', frameBytes, window, counted: 'sent' }
  const raw = { ...client, what: 'raw' }
  const pumped = (port: number) => inChild('pump', { ...client, port })
  const settings = { 'flush.disk.type': durable ? 'SYNC_FLUSH' : 'ASYNC_FLUSH' }
  const growing = servedRaw(
    bench,
    durable ? 'probe, growing file' : 'probe',
    durable ? 'reference' : 'floor',
    'socket-probe',
    { dsync: durable },
    raw,
  )
  const specs = durable
    ? [
        servedRaw(
          bench,
          'probe, zero-filled file',
          'floor',
          'socket-probe',
          { dsync: true, fillBytes: segmentBytes },
          raw,
        ),
        growing,
      ]
    : [growing]
  specs.push(servedHoldfast(bench, 'holdfast serve', { settings }, pumped))
  if (durable) {
    const prepared = { ...settings, 'file.preallocate': 'zero', 'log.segment.bytes': segmentBytes }
    specs.push(
      servedHoldfast(
        bench,
        'holdfast serve, segments filled before',
        { settings: prepared, preparedBytes: segmentBytes },
        pumped,
      ),
    )
  }
  if (kafka !== undefined) {
    specs.push(
      servedHoldfast(bench, 'holdfast serve, Java client', { settings }, async (port) => javaClient(kafka, port)),
    )
  }
  return specs
}

const javaRecordBytes = 1024
/** So many that its first seconds, in which Java compiles, do not decide. */
const javaRecordsPerMs = 600

/** A client process a block, so a block is so many records instead of so long. */
function javaClient(kafka: Kafka, port: number): Contender {
  return {
    async block(ms) {
      const result = await producerPerformance(kafka, {
        port,
        topic: sampleTopic,
        records: Math.ceil(ms * javaRecordsPerMs),
        recordBytes: javaRecordBytes,
        properties: { 'batch.size': 1_000_000, 'linger.ms': 5, acks: 'all', 'max.request.size': 1_048_576 },
      })
      const { recordsPerSecond, ...latency } = result
      return { value: (recordsPerSecond * javaRecordBytes) / 1e6, detail: latency }
    },
    close: async () => {},
  }
}

export const socket: Case = {
  name: 'socket',
  about: 'produce requests from a socket to the disk',
  quick: true,
  async run(bench) {
    const rows: Row[] = []
    const kafka = bench.effort.quick ? undefined : await findKafka(bench.say)
    for (const size of bench.effort.quick ? sizes.slice(1, 2) : sizes) {
      // It makes its own requests, as large as they may be, so it stands beside those of that size.
      const java = size === sizes.at(-1) ? kafka : undefined
      for (const level of levels) {
        rows.push(
          ...(await compare(bench, {
            name: `socket to disk, ${size.name} in flight`,
            level,
            metrics: [{ unit: 'MB/s', better: 'higher' }],
            plan: level === 'D1' ? { settle: bench.workspace.path } : {},
            specs: specsOf(bench, size, level, java),
            shown: ['p50Ms', 'p99Ms', 'p999Ms', 'clientCpuCores'],
          })),
        )
      }
    }
    return rows
  },
}
