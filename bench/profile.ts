/**
 * `node --import tsx bench/profile.ts`: where the processor's time of a message goes, for docs/profile.md. It counts
 * CPU time and not the clock's, since that is what more speed has to be bought with, and since it says less about who
 * else uses the machine; of several rounds the cheapest counts. What runs on the thread pool is in it.
 *
 *   --only WORD    the parts with this word in their name: stages, ways, served, memory
 *   --rounds N     5 where absent
 *
 * `served` starts `holdfast serve` and needs the build.
 */

import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Broker } from '../src/broker/broker.js'
import type { ProduceRequest } from '../src/broker/contract.js'
import { Accumulator } from '../src/client/accumulator.js'
import { TopicCompression } from '../src/client/compressing.js'
import { PartitionQueue } from '../src/client/partition-queue.js'
import { Queue } from '../src/client/queue.js'
import { ManySends } from '../src/client/sending.js'
import { BatchWaiters } from '../src/client/waiters.js'
import { systemClock } from '../src/core/clock.js'
import type { Disk, DiskFile } from '../src/files/disk.js'
import { nodeDisk } from '../src/files/node-disk.js'
import { makeTemporaryDirectory } from '../src/files/temporary-directory.js'
import { open } from '../src/index.js'
import { RemoteBroker } from '../src/kafka/remote-broker.js'
import { BatchBuilder } from '../src/records/builder.js'
import { verifyBuiltBatch, verifyProducedBatch } from '../src/records/verify.js'
import { serve } from '../test/support/served-broker.js'

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, rounds: { type: 'string', default: '5' } },
})
const rounds = Number(options.rounds)
const sizes = [100, 1024]
const limits = { maxBatchBytes: 2 ** 30, maxUncompressedBytes: 2 ** 30 }

type Work = (messages: number) => Promise<unknown> | unknown

/** The least CPU time in ns that `work` took for one of so many messages. */
async function cpuPerMessage(messages: number, work: Work): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round <= rounds; round++) {
    const before = process.cpuUsage()
    await work(messages)
    const { user, system } = process.cpuUsage(before)
    // The first round is for the compiler.
    if (round > 0) least = Math.min(least, ((user + system) * 1000) / messages)
  }
  return least
}

function print(name: string, cells: readonly (number | string)[]): void {
  const shown = cells.map((cell) => (typeof cell === 'number' ? Math.round(cell).toLocaleString('en') : cell))
  console.log(`  ${name.padEnd(44)}${shown.map((cell) => cell.padStart(12)).join('')}`)
}

/** What takes batches and keeps nothing: the way through the client alone. */
const nowhere = {
  offset: 0,
  produce({ built }: ProduceRequest) {
    const baseOffset = this.offset
    this.offset += built?.recordsCount ?? 1
    return Promise.resolve({ baseOffset, logAppendTimeMs: -1, logStartOffset: 0 })
  },
}

/** Node's disk, whose logs swallow what is written into them. */
function swallowing(): Disk {
  const swallow = (file: DiskFile): DiskFile =>
    new Proxy(file, {
      get(target, name) {
        if (name === 'write' || name === 'sync' || name === 'prepare') return () => Promise.resolve()
        const member: unknown = Reflect.get(target, name)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
  return new Proxy(nodeDisk, {
    get(target, name) {
      if (name === 'open') {
        return async (...[path, how]: Parameters<Disk['open']>) => {
          const file = await target.open(path, how)
          return path.endsWith('.log') ? swallow(file) : file
        }
      }
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

function fill(builder: BatchBuilder, value: Buffer, count: number): BatchBuilder {
  const record = { key: null, value, headers: [], timestamp: 1_700_000_000_000 }
  for (let i = 0; i < count; i++) builder.append(record)
  return builder
}

async function stages(directory: string): Promise<void> {
  const perBatch = 900
  console.log(`\nstages, CPU ns a message in batches of ${perBatch}`)
  print(
    '',
    sizes.map((size) => `${size} B`),
  )
  const rows = new Map<string, number[]>()
  const add = (name: string, ns: number) => rows.set(name, [...(rows.get(name) ?? []), ns])
  for (const size of sizes) {
    const value = Buffer.alloc(size, 0x61)
    const messages = Math.round(perBatch * Math.ceil(2e8 / size / perBatch))
    const each = (work: () => void) => (count: number) => {
      for (let done = 0; done < count; done += perBatch) work()
    }
    const room = Buffer.allocUnsafeSlow(2 * 1024 * 1024)
    const built = fill(new BatchBuilder(), value, perBatch).build()
    const crc = await cpuPerMessage(
      messages,
      each(() => built.computeCrc()),
    )
    const whole = await cpuPerMessage(
      messages,
      each(() => fill(new BatchBuilder({}, room), value, perBatch).build()),
    )
    add('build: copy, lengths, header', whole - crc)
    add('CRC-32C', crc)
    add(
      'verify what a builder here made',
      await cpuPerMessage(
        messages,
        each(() => verifyBuiltBatch(built, limits)),
      ),
    )
    add(
      'waiters and receipts of sendMany',
      await cpuPerMessage(
        messages,
        each(() => waitersAndReceipts(perBatch)),
      ),
    )
    add('queue: Accumulator around these', (await cpuPerMessage(messages, throughAccumulator(value, perBatch))) - whole)
    add(
      'broker and log, the disk left out',
      await throughBroker(join(directory, `b${size}`), value, perBatch, messages),
    )
    add(
      '(verify what came over a wire)',
      await cpuPerMessage(
        messages,
        each(() => verifyProducedBatch(built.bytes, limits)),
      ),
    )
  }
  for (const [name, cells] of rows) print(name, cells)
}

function waitersAndReceipts(count: number): void {
  const many = new ManySends(count, false)
  const waiters = new BatchWaiters()
  for (let i = 0; i < count; i++) waiters.add(many, i, 1)
  waiters.acknowledge({ topic: 't', partition: 0, baseOffset: 0, logAppendTimeMs: -1 })
}

/** Waiters and receipts are in it. */
function throughAccumulator(value: Buffer, perBatch: number): Work {
  const record = { key: null, value, headers: [], timestamp: 1_700_000_000_000 }
  const bounds = { maxBufferedBytes: 2 ** 30, batchBytes: 2 ** 20, lingerMs: 0 }
  const accumulator = new Accumulator({ service: nowhere, clock: systemClock, ...bounds })
  const compression = new TopicCompression('none')
  const events = { onClosed: () => {}, onRefused: () => {}, drain: (one: PartitionQueue) => accumulator.drain(one) }
  const queue = new PartitionQueue({ topic: 't', partition: 0, maxBatchBytes: 2 ** 20, compression }, events)
  return async (messages) => {
    for (let done = 0; done < messages; done += perBatch) {
      const many = new ManySends(perBatch, false)
      for (let i = 0; i < perBatch; i++) accumulator.append(queue, record, many, i)
      await many.promise
    }
  }
}

async function throughBroker(directory: string, value: Buffer, perBatch: number, messages: number): Promise<number> {
  const broker = await Broker.open(directory, { disk: swallowing(), settings: { 'file.preallocate': 'none' } })
  await broker.createTopic({ name: 't', partitions: 1 })
  const built = fill(new BatchBuilder(), value, perBatch).build()
  try {
    return await cpuPerMessage(messages, async () => {
      for (let done = 0; done < messages; done += perBatch) {
        await broker.produce({ topic: 't', partition: 0, batch: built.bytes, built })
      }
    })
  } finally {
    await broker.close().catch(() => {})
  }
}

type Way = readonly [name: string, messages: number, send: (mq: Queue, value: Buffer) => Work]

const ways: readonly Way[] = [
  ['send, alone, one after the other', 2000, (mq, value) => inTurn(1, () => mq.send('t', { value }))],
  ['send, 100 callers', 50_000, (mq, value) => inTurn(100, () => mq.send('t', { value }))],
  ['send, 1000 callers', 200_000, (mq, value) => inTurn(1000, () => mq.send('t', { value }))],
  ['sendMany, 1000 each', 400_000, (mq, value) => manyAtATime(mq, value, 1000)],
  ['sendMany, 10,000 each', 400_000, (mq, value) => manyAtATime(mq, value, 10_000)],
]

function inTurn(callers: number, send: () => Promise<unknown>): Work {
  return async (messages) => {
    const caller = async () => {
      for (let i = 0; i < messages / callers; i++) await send()
    }
    await Promise.all(Array.from({ length: callers }, caller))
  }
}

/** Four calls under way, so that one is built while another is written. */
function manyAtATime(mq: Queue, value: Buffer, each: number): Work {
  const messages = Array.from({ length: each }, () => ({ value }))
  return async (count) => {
    let left = count
    const caller = async () => {
      for (; left > 0; left -= each) await mq.sendMany('t', messages)
    }
    await Promise.all([caller(), caller(), caller(), caller()])
  }
}

async function throughTheLibrary(directory: string): Promise<void> {
  console.log('\nways, CPU ns a message in all, thread pool included; messages a second on the clock')
  print(
    '',
    sizes.flatMap((size) => [`${size} B`, 'a second']),
  )
  for (const policy of ['SYNC_FLUSH', 'ASYNC_FLUSH']) {
    for (const [name, messages, send] of ways) {
      const cells: number[] = []
      for (const size of sizes) {
        const path = join(directory, `${policy} ${name} ${size}`)
        await using mq = await open(path, { settings: { 'flush.disk.type': policy }, compression: 'none' })
        const work = send(mq, Buffer.alloc(size, 0x61))
        let fastest = 0
        const cpu = await cpuPerMessage(messages, async (count) => {
          const start = performance.now()
          await work(count)
          fastest = Math.max(fastest, (count / (performance.now() - start)) * 1000)
        })
        cells.push(cpu, fastest)
      }
      print(`${policy === 'SYNC_FLUSH' ? 'durable' : 'async'}: ${name}`, cells)
    }
  }
}

/** User and system time of a process so far, in ns; the kernel counts it in hundredths of a second. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 1e7
}

async function throughTheWire(directory: string): Promise<void> {
  console.log('\nserved: this process and the broker apart, CPU ns a message, durable')
  print(
    '',
    sizes.flatMap((size) => [`${size} B client`, 'broker']),
  )
  const broker = await serve(join(directory, 'served'))
  try {
    for (const [name, messages, send] of ways) {
      const cells: number[] = []
      for (const size of sizes) {
        await using mq = new Queue(await RemoteBroker.connect(broker.address))
        const work = send(mq, Buffer.alloc(size, 0x61))
        let least = Number.POSITIVE_INFINITY
        const client = await cpuPerMessage(messages, async (count) => {
          const before = cpuOf(broker.pid)
          await work(count)
          least = Math.min(least, (cpuOf(broker.pid) - before) / count)
        })
        cells.push(client, least)
      }
      print(name, cells)
    }
  } finally {
    await broker.end('SIGTERM')
  }
}

/** A caller who awaits nothing: what a million sends hold while they wait. */
async function aMillionSends(directory: string): Promise<void> {
  await using mq = await open(join(directory, 'million'), { compression: 'none' })
  const value = Buffer.alloc(100, 0x61)
  await mq.send('t', { value })
  const before = process.memoryUsage().rss
  const sends = Array.from({ length: 1_000_000 }, () => mq.send('t', { value }))
  const called = process.memoryUsage().rss
  await Promise.all(sends)
  const mb = (bytes: number) => `${Math.round((bytes - before) / 1e6)} MB`
  const peak = process.resourceUsage().maxRSS * 1024
  console.log(
    `\nmemory: a million sends of 100 B, none awaited: ${mb(called)} more once called, ${mb(peak)} at the peak`,
  )
}

const parts: Readonly<Record<string, (directory: string) => Promise<void>>> = {
  memory: aMillionSends,
  stages,
  ways: throughTheLibrary,
  served: throughTheWire,
}

console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}; the cheapest of ${rounds} rounds`)
const directory = await makeTemporaryDirectory('holdfast-profile-')
try {
  for (const [name, part] of Object.entries(parts)) {
    if (options.only === undefined || name.includes(options.only)) await part(directory.path)
  }
} finally {
  await directory.remove()
}
