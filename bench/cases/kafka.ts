/**
 * The broker against Apache Kafka: the same Java client (kafka-producer-perf-test, acks=all), in turns. Flushed: every
 * append of Kafka by `flush.messages=1`, ours by default. Not flushed: Kafka's defaults, ours with ASYNC_FLUSH.
 */

import { readFileSync } from 'node:fs'
import { connectTo, portOf } from '../../test/support/connecting.js'
import { findKafka, type Kafka } from '../../test/support/kafka/jars.js'
import { startKafka } from '../../test/support/kafka/server.js'
import { serve } from '../../test/support/served-broker.js'
import { type Bench, type Case, compare } from '../harness/case.js'
import type { Contender, Spec } from '../harness/contender.js'
import type { Level, Metric, Row } from '../harness/rows.js'
import { producerPerformance } from '../producer-performance.js'
import { sampleTopic } from '../sample-log.js'
import { createTopic } from '../served.js'

interface Server {
  readonly port: number
  readonly pid: number
  readonly readyAfterMs: number
  stop(): Promise<void>
}

/** The producer as it comes, but for acks, which is also its default and is said. */
const properties = { acks: 'all' }
const recordBytes = 1024
/** About what a block of `ms` takes: at D2 Kafka's rate is a tenth of ours, and both send the same. */
const recordsPerMs: Readonly<Record<Level, number>> = { D2: 20, D1: 150, '-': 0 }

const metrics: readonly Metric[] = [
  { unit: 'msg/s', better: 'higher' },
  { unit: 'ms p99', better: 'lower', key: 'p99Ms' },
  { unit: 'ms p50', better: 'lower', key: 'p50Ms' },
  { unit: 'MB resident', better: 'lower', key: 'residentMb' },
  { unit: 'ms to the first answer', better: 'lower', key: 'readyMs' },
]

async function startOurs(directory: string, level: Level): Promise<Server> {
  const started = performance.now()
  const settings = { 'flush.disk.type': level === 'D2' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH' }
  const broker = await serve(directory, { settings })
  const client = await connectTo(portOf(broker), 10_000)
  client.close()
  return {
    port: portOf(broker),
    pid: broker.pid,
    readyAfterMs: performance.now() - started,
    stop: async () => void (await broker.end('SIGTERM')),
  }
}

function contender(kafka: Kafka, level: Level, server: Server): Contender {
  return {
    async block(ms) {
      const { recordsPerSecond, ...latency } = await producerPerformance(kafka, {
        port: server.port,
        topic: sampleTopic,
        records: Math.ceil(ms * recordsPerMs[level]),
        recordBytes,
        properties,
      })
      const detail = { ...latency, residentMb: residentMb(server.pid), readyMs: server.readyAfterMs }
      return { value: recordsPerSecond, detail }
    },
    close: () => server.stop(),
  }
}

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

function specsOf(bench: Bench, kafka: Kafka, level: Level): Spec[] {
  const spec = (
    label: string,
    role: Spec['role'],
    config: Record<string, string>,
    start: (directory: string) => Promise<Server>,
  ): Spec => ({
    label,
    role,
    async start() {
      const directory = await bench.workspace.directory()
      const server = await start(directory.path)
      await createTopic(server.port, sampleTopic, config)
      const stop = () => server.stop().finally(() => directory.remove())
      return contender(kafka, level, { ...server, stop })
    },
  })
  return [
    spec('holdfast serve', 'ours', {}, (directory) => startOurs(directory, level)),
    spec(
      `Kafka ${kafka.version}${level === 'D2' ? ', flush.messages=1' : ''}`,
      'peer',
      level === 'D2' ? { 'flush.messages': '1' } : {},
      (directory) => startKafka(kafka, directory),
    ),
  ]
}

export const kafka: Case = {
  name: 'kafka',
  about: 'the broker against Apache Kafka, through the Java client',
  quick: false,
  async run(bench) {
    const jars = await findKafka(bench.say)
    if (jars === undefined) return []
    const rows: Row[] = []
    for (const level of ['D2', 'D1'] as const) {
      rows.push(
        ...(await compare(bench, {
          name: 'kafka-producer-perf-test, 1 KiB',
          level,
          metrics,
          // The Java client needs seconds to warm up; what it does in them is the same for both.
          plan: { blockMs: bench.effort.blockMs * 3, ...(level === 'D1' ? { settle: bench.workspace.path } : {}) },
          specs: specsOf(bench, jars, level),
          shown: ['p50Ms', 'p99Ms', 'p999Ms'],
        })),
      )
    }
    return rows
  },
}
