/** What the tests of the engine share: directories, batches, and reading a log to its end. */

import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { MemoryDisk } from '../../sim/memory-disk.js'
import type { Logger } from '../../src/core/logger.js'
import { resolveSettings, type Settings, type SettingsInput } from '../../src/core/settings.js'
import { batchesIn, type RecordBatch } from '../../src/records/batch.js'
import { type BatchOptions, buildBatch } from '../../src/records/builder.js'
import { MessageStore, type StoreOptions } from '../../src/storage/message-store.js'
import type { AppendReceipt, PartitionLog } from '../../src/storage/partition-log.js'

export const mib = 1024 * 1024

const endings = new WeakMap<TestContext, (() => Promise<unknown>)[]>()

/** Runs `work` when the test has ended, before whatever was registered before it. */
export function whenEnded(t: TestContext, work: () => Promise<unknown>): void {
  const registered = endings.get(t)
  if (registered !== undefined) {
    registered.push(work)
    return
  }
  const all = [work]
  endings.set(t, all)
  t.after(async () => {
    for (const one of all.reverse()) await one()
  })
}

/** A directory that goes when the test ends. */
export async function temporaryDirectory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-storage-'))
  whenEnded(t, () => rm(path, { recursive: true, force: true }))
  return path
}

export function settingsWith(given: SettingsInput = {}): Settings {
  return resolveSettings(given)
}

/** A batch of as many records as there are values, at `timestamp`, `timestamp + 1` … */
export function batchOf(values: readonly string[], options: BatchOptions & { timestamp?: number } = {}): RecordBatch {
  const { timestamp = 1_700_000_000_000 } = options
  const records = values.map((value, index) => ({ value: Buffer.from(value), timestamp: timestamp + index }))
  return buildBatch(records, options)
}

/** A batch of one record that is `bytes` long in all, header included; told apart by `label`. */
export function sizedBatch(
  bytes: number,
  label = '',
  options: BatchOptions & { timestamp?: number } = {},
): RecordBatch {
  const { timestamp = 1_700_000_000_000 } = options
  const build = (length: number) => buildBatch([{ value: Buffer.from(label.padEnd(length, '.')), timestamp }], options)
  let length = Math.max(0, bytes - 80)
  while (build(length).sizeInBytes < bytes) length++
  return build(length)
}

export interface FoundBatch {
  readonly baseOffset: number
  readonly bytes: Buffer
}

/** Every batch that a reader gets from `offset` on to the high watermark. */
export async function readAll(log: PartitionLog, from = log.logStartOffset, maxBytes = mib): Promise<FoundBatch[]> {
  const found: FoundBatch[] = []
  for (let offset = from; offset < log.highWatermark; ) {
    const { records } = await log.read(offset, maxBytes)
    const batches = records.flatMap((bytes) => [...batchesIn(bytes)])
    if (batches.length === 0) throw new Error(`nothing at ${offset}, below the high watermark ${log.highWatermark}`)
    for (const batch of batches) {
      if (batch.lastOffset < offset) continue
      found.push({ baseOffset: batch.baseOffset, bytes: batch.bytes })
      offset = batch.nextOffset
    }
  }
  return found
}

export function bytesOf(batches: readonly RecordBatch[]): FoundBatch[] {
  return batches.map((batch) => ({ baseOffset: batch.baseOffset, bytes: batch.bytes }))
}

/** Appends one after the other without waiting, then waits for all acknowledgements. */
export async function appendAll(log: PartitionLog, batches: readonly RecordBatch[]): Promise<void> {
  const receipts = batches.map((batch) => log.append(batch))
  await Promise.all(receipts.map((receipt) => receipt.acknowledged))
}

/** Descriptors of this process that lead to files under `directory`; undefined where the platform does not tell. */
export async function descriptorsUnder(directory: string): Promise<string[] | undefined> {
  const { readlink } = await import('node:fs/promises')
  const numbers = await readdir('/proc/self/fd').catch(() => undefined)
  if (numbers === undefined) return undefined
  const targets = await Promise.all(numbers.map((number) => readlink(`/proc/self/fd/${number}`).catch(() => '')))
  return targets.filter((target) => target.startsWith(directory))
}

export interface Said {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: object
}

/** A logger that remembers. */
export function recordingLogger(): Logger & { readonly said: Said[] } {
  const said: Said[] = []
  const at = (level: Said['level']) => (fields: object, message: string) => void said.push({ level, message, fields })
  return { said, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** A gate: everything that waits at it goes on once it is opened. */
export function gate(): { readonly passed: Promise<undefined>; open(): void } {
  let open = (): void => {}
  const passed = new Promise<undefined>((resolve) => {
    open = () => resolve(undefined)
  })
  return { passed, open }
}

/** Lets the event loop turn until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

/** Lets the event loop turn a few times, so that whatever can happen without waiting for the disk has happened. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Rejects where nothing reaches the disk any more though nobody has finished: a deadlock would else go unseen. */
export async function movesUntil(disk: MemoryDisk, ends: readonly Promise<unknown>[]): Promise<unknown> {
  let ended = false
  const outcome = Promise.race(ends).finally(() => {
    ended = true
  })
  outcome.catch(() => {})
  for (let seen = -1; !ended; await turns(300)) {
    if (disk.steps === seen) throw new Error(`nothing moves any more, at step ${seen}`)
    seen = disk.steps
  }
  return outcome
}

/** Opens a store that is closed when the test ends, if it is not before. */
export async function openStore(t: TestContext, path: string, options: StoreOptions = {}): Promise<MessageStore> {
  const store = await MessageStore.open(path, options)
  whenEnded(t, () => store.close().catch(() => {}))
  return store
}

export async function dataPath(t: TestContext): Promise<string> {
  return join(await temporaryDirectory(t), 'data')
}

export function logOf(store: MessageStore, topic = 'orders', partition = 0): PartitionLog {
  const log = store.log(topic, partition)
  if (log === undefined) throw new Error(`${topic}-${partition} is not there`)
  return log
}

/** Where a store lies that was closed in order: one log of 3 MB in three segments, thirty batches of 100 kB. */
export async function closedStore(t: TestContext): Promise<{ path: string; settings: Settings }> {
  const path = await dataPath(t)
  const settings = settingsWith({ 'log.segment.bytes': mib })
  const store = await openStore(t, path, { settings })
  await store.createTopic({ name: 'orders', partitions: 1 })
  await appendAll(
    logOf(store),
    Array.from({ length: 30 }, (_, i) => sizedBatch(100_000, `${i}`)),
  )
  await store.close()
  return { path, settings }
}

/** Appends them, then flushes: the bytes of those that were acknowledged and are durable, in hexadecimal. */
export async function appendDurably(
  batches: readonly RecordBatch[],
  append: (batch: RecordBatch) => AppendReceipt,
  flush: () => Promise<void>,
): Promise<string[]> {
  const sent = await Promise.allSettled(batches.map((batch) => append(batch).acknowledged))
  const isFlushed = await flush().then(
    () => true,
    () => false,
  )
  if (!isFlushed) return []
  return batches.filter((_, i) => sent[i].status === 'fulfilled').map(({ bytes }) => bytes.toString('hex'))
}
