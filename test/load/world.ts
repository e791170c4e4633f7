/** What the load tests share: how much load, a served broker with a folder of its own, and what its process holds. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createTopics } from '../../src/kafka/schemas/index.js'
import { RawClient } from '../kafka/server/served.js'
import { connectTo, portOf } from '../support/connecting.js'
import { type ServedBroker, type ServeOptions, serve } from '../support/served-broker.js'

export const mib = 1024 * 1024

export const isFull = process.env['HOLDFAST_TEST_LOAD'] === 'full'

/** The measure of a short run, as in `npm test`, or of `npm run test:load`. */
export function scaled(short: number, full: number): number {
  return isFull ? full : short
}

/** Where processes can be looked into. */
export const skipElsewhere =
  process.platform !== 'linux' && 'what a process holds is read from /proc, which only Linux has'

export interface ProcessFigures {
  readonly memoryBytes: number
  /** The most that it was since {@link forgetPeak}, as the kernel counted. */
  readonly peakBytes: number
  readonly files: number
  readonly threads: number
}

/** Memory is all that is resident: the process's own, the program, and what it has mapped. */
export function figuresOf(pid: number): ProcessFigures {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
  return {
    memoryBytes: field('VmRSS') * 1024,
    peakBytes: field('VmHWM') * 1024,
    files: readdirSync(`/proc/${pid}/fd`).length,
    threads: field('Threads'),
  }
}

/** Lets the kernel count the peak anew. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** Fails with both numbers where more memory was held at any time than may be; says in MiB what was. */
export function assertPeak(pid: number, limitBytes: number): number {
  const { peakBytes } = figuresOf(pid)
  const told = `${Math.round(peakBytes / mib)} MiB were held, ${Math.round(limitBytes / mib)} may be`
  assert.ok(peakBytes <= limitBytes, told)
  return Math.round(peakBytes / mib)
}

export interface World {
  readonly dataDir: string
  readonly broker: ServedBroker
  readonly port: number
  client(): Promise<RawClient>
  clients(count: number): Promise<RawClient[]>
  /** Stops in order and serves the same folder again. */
  restart(): Promise<void>
}

/** `holdfast serve` in a process of its own; at the end of the test it must stop in order and have complained of nothing. */
export async function loadWorld(
  t: TestContext,
  options: ServeOptions & { readonly complaints?: RegExp } = {},
): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-load-'))
  let broker = await serve(dataDir, options)
  const clients: RawClient[] = []
  const stop = async (): Promise<void> => {
    const code = await broker.end('SIGTERM')
    const complaints = broker
      .stderr()
      .split('\n')
      .filter((line) => line !== '' && !options.complaints?.test(line))
    assert.deepEqual(complaints, [], 'the broker complains of nothing')
    assert.equal(code, 0, 'the broker stops in order')
  }
  t.after(async () => {
    for (const client of clients) client.close()
    await stop().finally(() => rm(dataDir, { recursive: true }))
  })
  const client = async (): Promise<RawClient> => {
    const one = await RawClient.connect(portOf(broker))
    clients.push(one)
    return one
  }
  return {
    dataDir,
    get broker() {
      return broker
    },
    get port() {
      return portOf(broker)
    },
    client,
    clients: (count) => Promise.all(Array.from({ length: count }, client)),
    async restart() {
      await stop()
      broker = await serve(dataDir, options)
    },
  }
}

/** Each partition is made durable by itself, so that ten thousand take minutes where the disk is slow or shared. */
const creationTimeoutMs = 600_000

export async function createTopic(
  { port }: World,
  name: string,
  partitions: number,
  config: Readonly<Record<string, string>> = {},
): Promise<void> {
  const client = await connectTo(port, 10_000, creationTimeoutMs)
  const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }))
  const { topics } = await client.send(createTopics, {
    timeoutMs: creationTimeoutMs,
    topics: [{ name, numPartitions: partitions, replicationFactor: 1, configs }],
  })
  client.close()
  assert.equal(topics[0].errorCode, 0, topics[0].errorMessage ?? '')
}
