/**
 * RocketMQ's index files with many keys: how fast they are built, what they weigh on the disk and in memory, and how long a
 * key takes to be found. `npm run build && node --import tsx bench/index-file.ts [keys] [directory]` (10 million keys in the
 * temporary directory unless told otherwise).
 *
 * Two shapes: RocketMQ's usual one, whose one file still takes entries, so that its slots are in memory; and one whose
 * files are full, so that every slot and entry is read from the disk's cache.
 */

import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/core/clock.js'
import { javaHash } from '../src/core/java-hash.js'
import { silentLogger } from '../src/core/logger.js'
import { nodeDisk } from '../src/files/node-disk.js'
import { type IndexShape, usualIndexShape } from '../src/storage/commitlog/index-format.js'
import { MessageIndex } from '../src/storage/commitlog/message-index.js'

const [countText = '10000000', where = tmpdir()] = process.argv.slice(2)
const count = Number(countText)
const messageBytes = 1024
const lookups = 20_000
/** Keys are made between the measured stretches. */
const stretch = 50_000

/** Like the ids of messages: no two alike, and no order among them. */
function keyOf(i: number): string {
  const mixed = Math.imul(i + 1, 0x9e3779b1) >>> 0
  return `orders#${mixed.toString(16).padStart(8, '0')}${i.toString(36)}`
}

async function open(directory: string, shape: IndexShape, isClean: boolean): Promise<MessageIndex> {
  const options = { shape, isClean, clock: systemClock, logger: silentLogger, aside: join(directory, '..', 'aside') }
  return MessageIndex.open(nodeDisk, directory, options)
}

/** ms of putting and flushing, the making of keys left out. */
async function build(index: MessageIndex): Promise<number> {
  const begun = 1_700_000_000_000
  const base = { topic: 'orders', queueId: 0, queueOffset: 0, sizeInBytes: messageBytes, tagsCode: 0 }
  let elapsed = 0
  for (let from = 0; from < count; from += stretch) {
    const messages = Array.from({ length: Math.min(stretch, count - from) }, (_, i) => ({
      ...base,
      position: (from + i) * messageBytes,
      storeTimestamp: begun + Math.floor((from + i) / 100),
      keyHashes: [javaHash(keyOf(from + i))],
    }))
    const start = performance.now()
    for (const message of messages) {
      const patience = index.put(message)
      if (patience !== undefined) await patience
    }
    elapsed += performance.now() - start
  }
  const start = performance.now()
  await index.flush()
  return elapsed + performance.now() - start
}

/** µs each, of finding one key among all. */
async function find(index: MessageIndex): Promise<Float64Array> {
  const taken = new Float64Array(lookups)
  for (let n = 0; n < lookups; n++) {
    const i = Math.floor(((n * 0.618033988749895) % 1) * count)
    const hash = javaHash(keyOf(i))
    let isFound = false
    const start = performance.now()
    for await (const { position } of index.candidates(hash, 0, Number.MAX_SAFE_INTEGER)) {
      isFound = position === i * messageBytes
      if (isFound) break
    }
    taken[n] = (performance.now() - start) * 1000
    if (!isFound) throw new Error(`Key ${i} is not found.`)
  }
  return taken.sort()
}

function memoryMb(): number {
  globalThis.gc?.()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return (arrayBuffers + heapUsed) / 1e6
}

async function onDisk(directory: string): Promise<{ length: number; allocated: number }> {
  let [length, allocated] = [0, 0]
  for (const name of await readdir(directory)) {
    const { size, blocks } = await stat(join(directory, name))
    length += size
    allocated += blocks * 512
  }
  return { length, allocated }
}

function say(what: string, figure: string): void {
  console.log(`${what.padEnd(34)}${figure}`)
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const result = await work()
  say(what, `${(performance.now() - start).toFixed(0)} ms`)
  return result
}

async function sayFinds(what: string, index: MessageIndex): Promise<void> {
  await find(index)
  const taken = await find(index)
  const at = (share: number) => `${taken[Math.floor(share * (lookups - 1))].toFixed(0)} µs`
  say(what, `p50 ${at(0.5)}, p99 ${at(0.99)}, slowest ${at(1)}`)
}

async function measure(what: string, shape: IndexShape): Promise<void> {
  const root = await mkdtemp(join(where, 'holdfast-index-'))
  const directory = join(root, 'index')
  console.log(`\n${what}: ${count} keys, ${shape.slots} slots and ${shape.entries} entries a file`)
  try {
    const before = memoryMb()
    const index = await open(directory, shape, true)
    const ms = await build(index)
    say('built and flushed', `${ms.toFixed(0)} ms, ${((ms * 1000) / count).toFixed(2)} µs a key`)
    say('memory of the index', `${(memoryMb() - before).toFixed(0)} MB`)
    const { length, allocated } = await onDisk(directory)
    say('on the disk', `${(length / 1e6).toFixed(0)} MB of length, ${(allocated / 1e6).toFixed(0)} MB taken`)
    await sayFinds('finding one key, warm', index)
    await timed('closed', () => index.close())
    const clean = await timed('opened after a close', () => open(directory, shape, true))
    await sayFinds('finding one key, opened again', clean)
    await clean.close()
    const unclean = await timed('opened after an unclean stop', () => open(directory, shape, false))
    await timed('first flush behind it', () => unclean.flush())
    await unclean.close()
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

await measure("RocketMQ's usual shape", usualIndexShape)
await measure('Full files', { slots: Math.ceil(count / 8), entries: Math.ceil(count / 2) + 1 })
