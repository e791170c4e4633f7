/** What becomes of a store with a harmed file: whether it opens, what its readers get, and what verify says. */

import { diskWith, type Files } from '../../sim/stored-files.js'
import { HoldfastError } from '../../src/core/errors.js'
import { batchesIn } from '../../src/records/batch.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { check, dataPath } from '../storage/inspect/world.js'
import { mib } from '../storage/support.js'
import type { DamageWorld } from './worlds.js'

/** Of each partition, by offset, what readers got. */
export type Content = ReadonlyMap<string, ReadonlyMap<number, string>>

export interface Served {
  readonly content: Content
  /** Codes of the typed errors that were met, at the opening or by readers. */
  readonly errors: readonly string[]
}

/** @throws what is no typed error: a crash is never right, whatever the bytes are */
export async function serve(world: DamageWorld, files: Files, fullScan: boolean): Promise<Served> {
  const errors: string[] = []
  const content = new Map<string, Map<number, string>>()
  const store = await MessageStore.open(dataPath, { ...world.tools(await diskWith(files)), fullScan }).catch(
    (error) => {
      errors.push(codeOf(error))
      return undefined
    },
  )
  for (const [topic, partition] of world.logs) {
    const log = store?.log(topic, partition)
    if (log === undefined) continue
    const found = new Map<number, string>()
    content.set(`${topic}-${partition}`, found)
    await readInto(found, log).catch((error) => errors.push(codeOf(error)))
  }
  await store?.close()
  return { content, errors }
}

async function readInto(found: Map<number, string>, log: PartitionLog): Promise<void> {
  for (let offset = log.logStartOffset; offset < log.highWatermark; ) {
    const from: number = offset
    const { records } = await log.read(from, mib)
    for (const batch of records.flatMap((bytes) => [...batchesIn(bytes)])) {
      // Readers check it: after a close in order a start reads no message.
      if (!batch.crcMatches()) {
        throw new HoldfastError('LOG_DAMAGED', `the CRC at ${batch.baseOffset} is wrong`)
      }
      // The leader epoch lies outside the CRC, and leads nobody astray who has one broker.
      batch.stamp(batch.baseOffset, 0)
      found.set(batch.baseOffset, batch.bytes.toString('latin1'))
      offset = batch.nextOffset
    }
    // What is below the high watermark and cannot be had has to be said.
    if (offset === from) throw new Error(`nothing at ${from}, below the high watermark ${log.highWatermark}`)
  }
}

function codeOf(error: unknown): string {
  if (error instanceof HoldfastError && error.code !== 'DISK_FAILED') return error.code
  throw error
}

/** Records that were never written, or not at that offset. */
export function invented(original: Content, { content }: Served): string[] {
  return [...content].flatMap(([log, batches]) =>
    [...batches]
      .filter(([offset, bytes]) => original.get(log)?.get(offset) !== bytes)
      .map(([offset]) => `${log} ${offset}`),
  )
}

export function isWhole(original: Content, { content }: Served): boolean {
  return [...original].every(([log, batches]) => content.get(log)?.size === batches.size)
}

/** Whether verify tells of more than a note. */
export async function isFound(world: DamageWorld, files: Files, before: readonly string[]): Promise<boolean> {
  return (await found(world, files)).some((one) => !before.includes(one))
}

/** What verify says, as `code path`. */
export async function found(world: Pick<DamageWorld, 'tools'>, files: Files): Promise<string[]> {
  const disk = await diskWith(files)
  const { settings } = world.tools(disk)
  const { findings } = await check(disk, dataPath, settings === undefined ? {} : { settings })
  return findings.filter(({ severity }) => severity !== 'note').map(({ code, path }) => `${code} ${path}`)
}
