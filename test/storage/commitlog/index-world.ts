/** A key index with files so small that a test makes many, beside a plain list of what was put. */

import assert from 'node:assert/strict'
import { ManualClock } from '../../../sim/manual-clock.js'
import type { MemoryDisk } from '../../../sim/memory-disk.js'
import type { Clock } from '../../../src/core/clock.js'
import { type Logger, silentLogger } from '../../../src/core/logger.js'
import type { Disk } from '../../../src/files/disk.js'
import type { DispatchedMessage } from '../../../src/storage/commitlog/dispatch.js'
import { type IndexShape, indexHash } from '../../../src/storage/commitlog/index-format.js'
import { MessageIndex } from '../../../src/storage/commitlog/message-index.js'

export const indexDirectory = '/data/store/index'
export const aside = '/data/aside'
export const small: IndexShape = { slots: 5, entries: 8 }
/** When the tests' messages begin to be stored. */
export const startMs = 1_700_000_000_000

export interface IndexOpening {
  readonly shape?: IndexShape
  readonly isClean?: boolean
  readonly logger?: Logger
  readonly clock?: Clock
}

export function openIndex(disk: Disk, opening: IndexOpening = {}): Promise<MessageIndex> {
  const { shape = small, isClean = true, logger = silentLogger, clock = new ManualClock(startMs) } = opening
  return MessageIndex.open(disk, indexDirectory, { shape, isClean, logger, clock, aside, pieceEntries: 3 })
}

export function message(position: number, keyHashes: readonly number[], storeTimestamp = startMs): DispatchedMessage {
  return {
    topic: 'orders',
    queueId: 0,
    queueOffset: 0,
    position,
    sizeInBytes: 100,
    tagsCode: 0,
    storeTimestamp,
    keyHashes,
  }
}

/** Puts with the patience that is asked for. */
export async function putAll(index: MessageIndex, messages: readonly DispatchedMessage[]): Promise<void> {
  for (const each of messages) await index.put(each)
}

/** Positions, the newest first. */
export async function positionsOf(
  index: MessageIndex,
  keyHash: number,
  begin = 0,
  end = Number.MAX_SAFE_INTEGER,
): Promise<number[]> {
  const positions: number[] = []
  for await (const { position } of index.candidates(keyHash, begin, end)) positions.push(position)
  return positions
}

/** What a search has to find. */
export function truthOf(messages: readonly DispatchedMessage[], keyHash: number): number[] {
  const hash = indexHash(keyHash)
  return messages
    .filter(({ keyHashes }) => keyHashes.some((each) => indexHash(each) === hash))
    .map(({ position }) => position)
    .reverse()
}

export async function assertFinds(
  index: MessageIndex,
  messages: readonly DispatchedMessage[],
  keyHashes: readonly number[],
): Promise<void> {
  for (const hash of keyHashes)
    assert.deepEqual(await positionsOf(index, hash), truthOf(messages, hash), `hash ${hash}`)
}

/** Twelve hashes, of which some share a slot, each of them again and again. */
export const some = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => message((from + i) * 100, [(from + i) % 12], startMs + (from + i) * 1000))
export const hashes = Array.from({ length: 13 }, (_, hash) => hash)

export const pathOf = (name: string) => `${indexDirectory}/${name}`

export async function change(disk: MemoryDisk, name: string, at: number, value: number): Promise<void> {
  const bytes = (await disk.readFile(pathOf(name))) ?? Buffer.alloc(0)
  bytes.writeInt32BE(value, at)
  await disk.replaceFile(pathOf(name), bytes)
}

/** Where a slot and an entry lie in a file of the small shape. */
export const slotAt = (slot: number) => 40 + slot * 4
export const entryAt = (entry: number) => 40 + small.slots * 4 + entry * 20
