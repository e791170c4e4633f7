/** A key index over a real log, on any disk, with files so small that a test makes many. */

import type { TestContext } from 'node:test'
import { type Clock, systemClock } from '../../../src/core/clock.js'
import { type Logger, silentLogger } from '../../../src/core/logger.js'
import type { Disk } from '../../../src/files/disk.js'
import { Gate } from '../../../src/files/gate.js'
import { MappedFiles } from '../../../src/files/mapped-files.js'
import { OpenFiles } from '../../../src/files/open-files.js'
import { type BatchOptions, buildBatch } from '../../../src/records/builder.js'
import { KeyIndex } from '../../../src/storage/key-index/key-index.js'
import { KeyIndexMemory } from '../../../src/storage/key-index/memory.js'
import type { KeyIndexOptions } from '../../../src/storage/key-index/options.js'
import type { Search } from '../../../src/storage/message-finder.js'
import type { PartitionLog } from '../../../src/storage/partition-log.js'
import { whenEnded } from '../support.js'

export const indexDirectory = '/data/index/orders-0'
export const idHeader = 'message-id'

export interface Keyed {
  readonly key?: string | null
  readonly id?: string
  /** The header KEYS. */
  readonly keys?: string
  readonly timestamp?: number
  readonly value?: string
}

export function keyedBatch(records: readonly Keyed[], options: BatchOptions = {}) {
  const inputs = records.map(({ key, id, keys, timestamp = 1_700_000_000_000, value = 'v' }) => ({
    key: key === undefined || key === null ? null : Buffer.from(key),
    value: Buffer.from(value),
    headers: [...headerOf('KEYS', keys), ...headerOf(idHeader, id)],
    timestamp,
  }))
  return buildBatch(inputs, options)
}

function headerOf(key: string, value: string | undefined) {
  return value === undefined ? [] : [{ key, value: Buffer.from(value) }]
}

export interface Opening extends Partial<Omit<KeyIndexOptions, 'log'>> {
  readonly disk: Disk
  readonly clock?: Clock
  readonly logger?: Logger
  readonly memoryBytes?: number
}

export function openIndex(t: TestContext | undefined, log: PartitionLog, opening: Opening): KeyIndex {
  const { disk } = opening
  const files = opening.files ?? new OpenFiles(disk, 16)
  const maps = new MappedFiles(disk, systemClock, { count: 16, bytes: 1 << 30, idleMs: 60_000 })
  const index = new KeyIndex({
    directory: indexDirectory,
    topicId: Buffer.alloc(16, 7),
    idHeader,
    clock: systemClock,
    logger: silentLogger,
    memory: new KeyIndexMemory(opening.memoryBytes ?? 1 << 24),
    merging: new Gate(1),
    tableEntries: 16,
    ...opening,
    files,
    maps,
    log,
  })
  if (t !== undefined) {
    whenEnded(t, async () => {
      await index.close()
      maps.dropAll()
      await files.dropAll()
    })
  }
  return index
}

const always: Omit<Search, 'kind' | 'bytes'> = {
  minOffset: 0,
  endOffset: Number.MAX_SAFE_INTEGER,
  minTimestamp: Number.NEGATIVE_INFINITY,
  endTimestamp: Number.POSITIVE_INFINITY,
  limit: Number.MAX_SAFE_INTEGER,
}

export function byKey(key: string, bounds: Partial<Search> = {}): Search {
  return { ...always, kind: 'key', bytes: Buffer.from(key), ...bounds }
}

export function byId(id: string, bounds: Partial<Search> = {}): Search {
  return { ...always, kind: 'id', bytes: Buffer.from(id), ...bounds }
}

export async function offsetsOf(index: KeyIndex, search: Search): Promise<number[]> {
  return (await index.find(search)).map(({ offset }) => offset)
}
