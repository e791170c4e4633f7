/**
 * Whole data directories of both layouts, on a disk in memory, of which one file holds what the input says: opened, read in every
 * way, written to and closed. Whatever the bytes are, that ends with records or with an error of the table.
 */

import { ManualClock } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { diskWith, type Files, filesOf, withFile } from '../../sim/stored-files.js'
import { HoldfastError } from '../../src/core/errors.js'
import { resolveSettings, type Settings } from '../../src/core/settings.js'
import { batchesIn } from '../../src/records/batch.js'
import { type BatchOptions, buildBatch } from '../../src/records/builder.js'
import { verify } from '../../src/storage/inspect/verify.js'
import { MessageStore, type StoreOptions } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { parseTagExpression } from '../../src/storage/tag-expression.js'
import { Broken, type Target } from '../target.js'

const root = '/data'
const baseMs = 1_700_000_000_000
const readBytes = 1 << 20
/** Of a file, so much is the input's; what is behind it stays. */
const mostBytes = 2048
/** In the second byte: the file ends with the input; nothing is believed of what was stored beside the log. */
const flags = { cut: 1, fullScan: 2 } as const

export interface Stored {
  readonly files: Files
  readonly paths: readonly string[]
}

/** Where {@link directories} keep what they were made of, once it is made. */
const worlds = new Map<string, Stored>()

const settings: Settings = resolveSettings({
  'mapped.file.size.commitlog': 65_536,
  'mapped.file.size.consumequeue': 2000,
  'max.hash.slot.num': 20,
  'max.index.num': 60,
  'log.segment.bytes': 1 << 20,
  'file.preallocate': 'none',
})

const toolsOn = (disk: MemoryDisk): StoreOptions => ({
  disk,
  clock: new ManualClock(),
  randomness: new SeededRandomness(7),
  settings,
})

function batch(label: string, options: BatchOptions = {}) {
  const headers = [
    { key: 'TAGS', value: Buffer.from(label) },
    { key: 'message-id', value: Buffer.from(`id-${label}`) },
  ]
  const record = { key: Buffer.from(`key-${label}`), value: Buffer.from(`value ${label}`), headers, timestamp: baseMs }
  return buildBatch([record, { ...record, timestamp: baseMs + 5 }], options)
}

/** A topic with two partitions: plain batches, a codec, a producer with a number, a committed and an aborted transaction. */
async function written(layout: 'segments' | 'commitlog', isClosed: boolean): Promise<Files> {
  const disk = new MemoryDisk()
  const store = await MessageStore.open(root, toolsOn(disk))
  const config = { 'storage.layout': layout }
  await store.createTopic({ name: 't', partitions: 2, config })
  const log = store.log('t', 0) as PartitionLog
  const of = (producerId: number, baseSequence: number) => ({ producerId, producerEpoch: 0, baseSequence })
  for (const [label, options] of [
    ['a', {}],
    // A commit log takes batches that are unpacked.
    ['b', { codec: layout === 'segments' ? 'gzip' : 'none' }],
    ['d', of(4, 0)],
    ['e', { isTransactional: true, ...of(7, 0) }],
    ['f', { isTransactional: true, ...of(8, 0) }],
  ] as const) {
    await log.append(batch(label, options)).acknowledged
  }
  for (const producerId of [7, 8]) {
    await log.endTransaction({ producerId, producerEpoch: 0, commit: producerId === 7, coordinatorEpoch: 1 })
      .acknowledged
  }
  await (store.log('t', 1) as PartitionLog).append(batch('g')).acknowledged
  await store.flush()
  if (isClosed) await store.close()
  return filesOf(disk.afterKill(), root)
}

function seedsOf({ files, paths }: Stored): Buffer[] {
  return paths.flatMap((path, index) =>
    [0, flags.cut, flags.cut | flags.fullScan].map((flag) =>
      Buffer.concat([Buffer.from([index, flag]), (files.get(path) as Buffer).subarray(0, mostBytes)]),
    ),
  )
}

/** The directory with the input in one of its files. */
function diskFrom({ files, paths }: Stored, input: Buffer): Promise<MemoryDisk> {
  const harmed = paths[input[0] % paths.length]
  const rest = (input[1] & flags.cut) === 0 ? (files.get(harmed) as Buffer).subarray(input.length - 2) : Buffer.alloc(0)
  return diskWith(withFile(files, harmed, Buffer.concat([input.subarray(2), rest])))
}

/** All readers of a log. @throws a HoldfastError at the first that cannot go on */
async function readAll(log: PartitionLog): Promise<void> {
  for (let offset = log.logStartOffset; offset < log.highWatermark; ) {
    const from: number = offset
    const { records } = await log.read(from, readBytes)
    for (const found of records.flatMap((bytes) => [...batchesIn(bytes)])) {
      // As clients do: after a close in order a start reads no message.
      if (!found.crcMatches()) throw new HoldfastError('CORRUPT_MESSAGE')
      offset = found.nextOffset
    }
    if (offset === from) throw new Broken(`nothing can be read at ${from}, below ${log.highWatermark}`)
  }
  await log.offsetForTimestamp(baseMs + 3)
  await log.offsetOfMaxTimestamp()
  log.abortedTransactions(log.logStartOffset, log.logEndOffset)
  log.activeProducers()
  await log.read(log.logStartOffset, readBytes, { committed: true })
  await log.read(log.logStartOffset, readBytes, { tags: parseTagExpression('a || e') })
}

/** Undefined where it ended with an error of the table, as it may in each step. */
async function answered<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof HoldfastError && error.code !== 'UNKNOWN_SERVER_ERROR') return undefined
    throw error
  }
}

async function servedFrom(disk: MemoryDisk, fullScan: boolean): Promise<void> {
  await answered(verify(root, { disk, clock: new ManualClock() }))
  const store = await answered(MessageStore.open(root, { ...toolsOn(disk), fullScan }))
  if (store === undefined) return
  try {
    for (const partition of [0, 1]) {
      const log = store.log('t', partition)
      if (log === undefined) continue
      await answered(readAll(log))
      const id = await answered(store.messageIdOf({ topic: 't', partition, offset: 0 }))
      if (id !== undefined) await answered(store.placeOfMessage(id))
      await answered((async () => log.append(batch('new')).acknowledged)())
    }
  } finally {
    await answered(store.close())
  }
}

function directoryTarget(layout: 'segments' | 'commitlog', isClosed: boolean, files: readonly string[]): Target {
  const name = `directory-${layout}-${isClosed ? 'closed' : 'killed'}`
  const seeds: Buffer[] = []
  return {
    name,
    files,
    seeds,
    longest: mostBytes + 2,
    isSlow: true,
    words: ['0\n', ' ', '{', '}', 'null', '"t"', '\xff\xff\xff\xff', '\x7f\xff\xff\xff'],
    async prepare() {
      const stored = await written(layout, isClosed)
      worlds.set(name, { files: stored, paths: [...stored.keys()].sort() })
      if (seeds.length === 0) seeds.push(...seedsOf(worlds.get(name) as Stored))
    },
    async run(bytes) {
      const stored = worlds.get(name)
      if (stored === undefined || bytes.length < 2) return
      await servedFrom(await diskFrom(stored, bytes), (bytes[1] & flags.fullScan) !== 0)
    },
  }
}

export const directories: readonly Target[] = [true, false].flatMap((isClosed) => [
  directoryTarget('segments', isClosed, [
    'src/storage/segments/',
    'src/storage/inspect/',
    'src/storage/data-directory',
    'src/storage/topic-catalog',
  ]),
  directoryTarget('commitlog', isClosed, [
    'src/storage/commitlog/',
    'src/storage/inspect/commitlog/',
    'src/storage/commit-log',
  ]),
])
