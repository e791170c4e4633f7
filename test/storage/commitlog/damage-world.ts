/** A commit log of several small files in memory, and hands that damage it. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import type { Disk } from '../../../src/files/disk.js'
import type { CommitLogStore } from '../../../src/storage/commitlog/commit-log-store.js'
import { batchOf, type FoundBatch, readAll } from '../support.js'
import { append, type StoreWorld, storeWorld } from './store-world.js'

export const fileBytes = 64 * 1024

export interface DamageWorld extends StoreWorld {
  readonly memory: MemoryDisk
  /** What lies under the root, by path. */
  pathsIn(directory: string): Promise<string[]>
  readonly commitLog: string
  readonly snapshotPath: string
}

export function damageWorld(memory = new MemoryDisk()): DamageWorld {
  const world = storeWorld(memory, '/data')
  return {
    ...world,
    memory,
    commitLog: join(world.directory, 'commitlog'),
    snapshotPath: '/data/queues.snapshot',
    async pathsIn(directory) {
      const found = (await memory.list(directory)) ?? []
      const nested = found.map(async ({ name, isDirectory }) =>
        isDirectory ? this.pathsIn(join(directory, name)) : [join(directory, name)],
      )
      return (await Promise.all(nested)).flat().sort()
    },
  }
}

/** Batches of two records, into the queues in turn, until the commit log has `files` files. */
export async function fill(store: CommitLogStore, files: number, { queues = 3 } = {}): Promise<void> {
  for (let i = 0; store.endPosition < (files - 0.5) * fileBytes; i++) {
    const value = `${i}:${'x'.repeat((i * 397) % 3000)}`
    await append(store.ensureQueue('orders', i % queues), batchOf([value, 'second'], { timestamp: 1000 + i * 10 }))
  }
}

export type Content = ReadonlyMap<string, readonly FoundBatch[]>

export async function contentOf(store: CommitLogStore): Promise<Content> {
  const found = new Map<string, readonly FoundBatch[]>()
  for (const queue of store.queues()) {
    const batches = await readAll(queue)
    found.set(
      `${queue.topic}-${queue.partition}`,
      batches.map(({ baseOffset, bytes }) => ({ baseOffset, bytes: Buffer.from(bytes) })),
    )
  }
  return found
}

/** The same batches at the same offsets. */
export function assertSame(found: Content, expected: Content, what = ''): void {
  assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort(), what)
  for (const [queue, batches] of expected) assert.deepEqual(found.get(queue), batches, `${what} ${queue}`)
}

export async function flip(disk: Disk, path: string, at: number): Promise<void> {
  const file = await disk.open(path, { mode: 'write' })
  const byte = Buffer.alloc(1)
  await file.read(byte, at)
  byte[0] ^= 0x40
  await file.write([byte], at)
  await file.sync()
  await file.close()
}

export async function overwrite(disk: Disk, path: string, bytes: Buffer, at = 0): Promise<void> {
  const file = await disk.open(path, { mode: 'create' })
  await file.write([bytes], at)
  await file.sync()
  await file.close()
}

export async function setLength(disk: Disk, path: string, length: number): Promise<void> {
  const file = await disk.open(path, { mode: 'create' })
  await file.truncate(length)
  await file.close()
}
