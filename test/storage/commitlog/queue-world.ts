/** What the tests of consume queues share: a queue on a disk in memory, and what it must hold. */

import assert from 'node:assert/strict'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import type { Disk } from '../../../src/files/disk.js'
import { OpenFiles } from '../../../src/files/open-files.js'
import { ConsumeQueue, type ConsumeQueueOptions } from '../../../src/storage/commitlog/consume-queue.js'

export const directory = '/store/consumequeue/orders/3'

export interface Entry {
  readonly offset: number
  readonly position: number
  readonly size: number
  readonly tagsCode: number
}

export function openQueue(
  disk: Disk = new MemoryDisk(),
  options: Partial<ConsumeQueueOptions> = {},
): Promise<ConsumeQueue> {
  const files = new OpenFiles(disk, 2, { mode: 'write' })
  return ConsumeQueue.open({ disk, files, directory, fileBytes: 100, wasClosedCleanly: false, ...options })
}

/** Entries of messages of 10 to 40 bytes, with those of other queues between them. */
export function entriesFrom(offset: number, count: number, position = 1000): Entry[] {
  let next = position
  return Array.from({ length: count }, (_, i) => {
    const size = 10 + ((offset + i * 7) % 31)
    const entry = { offset: offset + i, position: next, size, tagsCode: (i % 3) * -1_000_000_007 + i }
    next += size + ((i * 5) % 13)
    return entry
  })
}

export function appendAll(queue: ConsumeQueue, entries: readonly Entry[]): void {
  for (const { offset, position, size, tagsCode } of entries) {
    assert.equal(queue.append(offset, position, size, tagsCode), true)
  }
}

export function endOf({ position, size }: Entry): number {
  return position + size
}

/** Everything from `fromOffset` on. */
export async function readFrom(queue: ConsumeQueue, fromOffset = queue.minOffset, count = 1_000_000): Promise<Entry[]> {
  const view = await queue.read(fromOffset, count)
  return Array.from({ length: view.count }, (_, i) => ({
    offset: view.firstOffset + i,
    position: view.position(i),
    size: view.size(i),
    tagsCode: view.tagsCode(i),
  }))
}
