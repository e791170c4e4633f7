/**
 * What 16 busy logs do to the program that embeds them: each overwrites 4 KiB of a zero-filled file on an O_DSYNC
 * descriptor, back to back, while the program asks `fs.stat` about once a millisecond. Compared are who does the
 * blocking: libuv's pool, shared and of several sizes; a share of that pool; threads of our own; and the disk as built.
 *
 *   node --import tsx bench/starvation.ts [--ms 500] [--rounds 10] [--dir DIR] [--only WORD]
 *
 * Variants with a pool of the same size take turns within one process, in many short blocks, since the disk of a shared
 * machine changes its mind by the second; the size of the pool is read once, so that each size has a process of its own.
 */

import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { nodeDisk } from '../src/files/node-disk.js'

const { values: options } = parseArgs({
  options: {
    ms: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '10' },
    dir: { type: 'string', default: tmpdir() },
    only: { type: 'string', multiple: true },
    pool: { type: 'string' },
  },
})

const logs = 16
const writeBytes = 4096
const fileBytes = 4 * 1_048_576
const askEveryMs = 1

interface Variant {
  readonly name: string
  readonly pool: number
  /** Starts one durable write, and says when it is done. */
  readonly writer: 'none' | 'pool' | 'threads' | 'holdfast'
  /** Writes at a time, or threads. */
  readonly most?: number
}

const variants: readonly Variant[] = [
  { name: 'no logs', pool: 4, writer: 'none' },
  { name: 'pool of 4, all of it', pool: 4, writer: 'pool' },
  { name: 'pool of 4, at most 3', pool: 4, writer: 'pool', most: 3 },
  { name: 'pool of 4, at most 2', pool: 4, writer: 'pool', most: 2 },
  { name: 'pool of 4, at most 1', pool: 4, writer: 'pool', most: 1 },
  { name: 'pool of 8, all of it', pool: 8, writer: 'pool' },
  { name: 'pool of 8, at most 4', pool: 8, writer: 'pool', most: 4 },
  { name: 'pool of 20, all of it', pool: 20, writer: 'pool' },
  { name: 'pool of 32, all of it', pool: 32, writer: 'pool' },
  { name: '2 threads of our own', pool: 4, writer: 'threads', most: 2 },
  { name: '4 threads of our own', pool: 4, writer: 'threads', most: 4 },
  { name: 'Holdfast, pool of 4', pool: 4, writer: 'holdfast' },
  { name: 'Holdfast, pool of 20', pool: 20, writer: 'holdfast' },
]

type Write = (log: number, position: number) => Promise<void>

interface Measured {
  readonly perSecond: number
  readonly statsMs: readonly number[]
}

function gated(most: number, write: Write): Write {
  const waiting: (() => void)[] = []
  let running = 0
  return async (log, position) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    await write(log, position)
    const next = waiting.shift()
    if (next === undefined) running--
    else next()
  }
}

function poolWriter(descriptors: readonly number[], bytes: Buffer): Write {
  return (log, position) =>
    new Promise((resolve, reject) => {
      fs.write(descriptors[log], bytes, 0, bytes.length, position, (error) => (error ? reject(error) : resolve()))
    })
}

/** The threads of our own: each takes jobs out of shared memory, and tells the main thread by a message. */
const threadProgram = `
const { parentPort, workerData: { shared, koffiPath } } = require('node:worker_threads')
const koffi = require(koffiPath)
const pwrite = koffi.load('libc.so.6').func('int64_t pwrite(int fd, intptr_t bytes, size_t length, int64_t position)')
const signal = new Int32Array(shared, 0, 1), states = new Int32Array(shared, 64, 64), jobs = new Float64Array(shared, 512)
for (;;) {
  const seen = Atomics.load(signal, 0)
  let found = false
  for (let log = 0; log < states.length; log++) {
    if (Atomics.compareExchange(states, log, 1, 2) !== 1) continue
    found = true
    const [fd, address, length, position] = jobs.subarray(4 * log, 4 * log + 4)
    pwrite(fd, address, length, position)
    Atomics.store(states, log, 0)
    parentPort.postMessage(log)
  }
  if (!found) Atomics.wait(signal, 0, seen)
}`

async function threadWriter(count: number, descriptors: readonly number[], bytes: Buffer) {
  const require = createRequire(import.meta.url)
  const koffi = require('koffi') as typeof import('koffi')
  const shared = new SharedArrayBuffer(512 + 64 * 32)
  const [signal, states, jobs] = [
    new Int32Array(shared, 0, 1),
    new Int32Array(shared, 64, 64),
    new Float64Array(shared, 512),
  ]
  const done: (() => void)[] = []
  const workers = Array.from({ length: count }, () => {
    const worker = new Worker(threadProgram, {
      eval: true,
      workerData: { shared, koffiPath: require.resolve('koffi') },
    })
    worker.on('message', (log: number) => done[log]())
    return worker
  })
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('online', resolve))))
  const address = Number(koffi.address(bytes))
  const write: Write = (log, position) =>
    new Promise((resolve) => {
      done[log] = resolve
      jobs.set([descriptors[log], address, bytes.length, position], 4 * log)
      Atomics.store(states, log, 1)
      Atomics.add(signal, 0, 1)
      Atomics.notify(signal, 0, 1)
    })
  return { write, stop: () => Promise.all(workers.map((worker) => worker.terminate())) }
}

async function writerOf({ writer, most }: Variant, paths: readonly string[]) {
  const bytes = Buffer.alloc(writeBytes, 1)
  const nothing = async () => {}
  if (writer === 'none') return { write: undefined, stop: nothing }
  if (writer === 'holdfast') {
    const files = await Promise.all(paths.map((path) => nodeDisk.open(path, { mode: 'write', dsync: true })))
    const write: Write = (log, position) => files[log].write([bytes], position)
    return { write, stop: () => Promise.all(files.map((file) => file.close())) }
  }
  const descriptors = paths.map((path) => fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_DSYNC))
  if (writer === 'threads') return threadWriter(most ?? 1, descriptors, bytes)
  return { write: gated(most ?? logs, poolWriter(descriptors, bytes)), stop: nothing }
}

async function measure(write: Write | undefined, ms: number, directory: string): Promise<Measured> {
  const statsMs: number[] = []
  let writes = 0
  const begin = performance.now()
  const end = begin + ms
  const keepWriting = async (log: number) => {
    for (let position = 0; write !== undefined && performance.now() < end; writes++) {
      await write(log, position)
      position = (position + writeBytes) % fileBytes
    }
  }
  const keepAsking = async () => {
    while (performance.now() < end) {
      const begun = performance.now()
      await new Promise((resolve) => fs.stat(directory, resolve))
      statsMs.push(performance.now() - begun)
      await new Promise((resolve) => setTimeout(resolve, askEveryMs))
    }
  }
  await Promise.all([keepAsking(), ...Array.from({ length: logs }, (_, log) => keepWriting(log))])
  return { perSecond: (1000 * writes) / (performance.now() - begin), statsMs }
}

const quantile = (sorted: readonly number[], share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
const ascending = (values: readonly number[]) => [...values].sort((one, other) => one - other)

function row(name: string, rounds: readonly Measured[]): string {
  const perSecond = ascending(rounds.map((round) => round.perSecond))
  const statsMs = ascending(rounds.flatMap((round) => round.statsMs))
  const rates = [0.5, 0.25, 0.75].map((share) => Math.round(quantile(perSecond, share)))
  const [p50, p99] = [0.5, 0.99].map((share) => quantile(statsMs, share).toFixed(2))
  return `| ${name} | ${rates[0]} (${rates[1]}-${rates[2]}) | ${p50} | ${p99} |`
}

/** All variants with a pool of this size, in turns. */
async function measurePool(pool: number, directory: string): Promise<void> {
  const wanted = variants.filter(
    (variant) => variant.pool === pool && (options.only?.some((word) => variant.name.includes(word)) ?? true),
  )
  const paths = Array.from({ length: logs }, (_, log) => join(directory, `log-${log}`))
  const contenders: { variant: Variant; write: Write | undefined; stop(): Promise<unknown>; rounds: Measured[] }[] = []
  for (const variant of wanted) contenders.push({ variant, ...(await writerOf(variant, paths)), rounds: [] })
  for (let round = -1; round < Number(options.rounds); round++) {
    for (const contender of round % 2 === 0 ? contenders : [...contenders].reverse()) {
      const measured = await measure(contender.write, Number(options.ms), directory)
      // The first is a warm-up.
      if (round >= 0) contender.rounds.push(measured)
    }
  }
  for (const { variant, rounds } of contenders) console.log(row(variant.name, rounds))
  for (const { stop } of contenders) await stop()
}

function main(): void {
  const directory = fs.mkdtempSync(join(options.dir, 'holdfast-starvation-'))
  try {
    for (let log = 0; log < logs; log++) fs.writeFileSync(join(directory, `log-${log}`), Buffer.alloc(fileBytes))
    console.log('| variant | durable writes/s (quartiles) | fs.stat p50 ms | p99 ms |\n|---|---|---|---|')
    for (const pool of new Set(variants.map((variant) => variant.pool))) {
      const args = ['--import', 'tsx', fileURLToPath(import.meta.url), ...process.argv.slice(2)]
      const env = { ...process.env, UV_THREADPOOL_SIZE: String(pool) }
      const { status } = spawnSync(process.execPath, [...args, '--dir', directory, '--pool', String(pool)], {
        stdio: 'inherit',
        env,
      })
      if (status !== 0) process.exitCode = 1
    }
  } finally {
    fs.rmSync(directory, { recursive: true })
  }
}

if (options.pool === undefined) main()
else await measurePool(Number(options.pool), options.dir)
