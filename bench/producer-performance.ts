/** Kafka's own `kafka-producer-perf-test`: the same Java client against every server that speaks its protocol. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Kafka } from '../test/support/kafka/jars.js'

export interface PerformanceRun {
  readonly port: number
  readonly topic: string
  readonly records: number
  readonly recordBytes: number
  /** Of the producer. */
  readonly properties: Readonly<Record<string, string | number>>
}

export interface PerformanceResult {
  readonly recordsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

const longestRunMs = 300_000
const execute = promisify(execFile)

/** Sends so many records as fast as they are acknowledged, from a Java process that is started for it. */
export async function producerPerformance(kafka: Kafka, run: PerformanceRun): Promise<PerformanceResult> {
  const properties = { 'bootstrap.servers': `127.0.0.1:${run.port}`, ...run.properties }
  const args = ['-Xmx1g', ...kafka.options, 'org.apache.kafka.tools.ProducerPerformance']
  args.push('--topic', run.topic, '--num-records', String(run.records), '--record-size', String(run.recordBytes))
  args.push('--throughput', '-1', '--producer-props')
  args.push(...Object.entries(properties).map(([name, value]) => `${name}=${value}`))
  const { stdout, stderr } = await execute('java', args, { timeout: longestRunMs, maxBuffer: 64 << 20 })
  return parsePerformance(stdout, run.records, stderr)
}

/** Reads the last line of the tool, which sums up. @throws where not all records were sent, or an error was printed */
export function parsePerformance(stdout: string, records: number, stderr = ''): PerformanceResult {
  const line = stdout.trim().split('\n').at(-1) ?? ''
  const number = (pattern: RegExp) => Number(pattern.exec(line)?.[1])
  const sent = number(/^(\d+) records sent/)
  const result = {
    recordsPerSecond: number(/sent, ([\d.]+) records\/sec/),
    p50Ms: number(/([\d.]+) ms 50th/),
    p99Ms: number(/([\d.]+) ms 99th/),
    p999Ms: number(/([\d.]+) ms 99\.9th/),
  }
  if (sent !== records || Object.values(result).some(Number.isNaN)) {
    throw new Error(`kafka-producer-perf-test says: ${line || stderr.slice(-500)}`)
  }
  // A record that is refused is reported by a stack trace, and counted nevertheless.
  const refused = /^\S*(?:Exception|Error)\b.*$/m.exec(`${stdout}\n${stderr}`)
  if (refused !== null) throw new Error(`kafka-producer-perf-test had records refused: ${refused[0]}`)
  return result
}
