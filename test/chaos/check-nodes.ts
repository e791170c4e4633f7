/** Compares what the nodes have on their disks when all is over: the same batches, byte for byte. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { resolveSettings } from '../../src/core/settings.js'
import { batchesIn } from '../../src/records/batch.js'
import { crc32c } from '../../src/records/crc32c.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { Violation } from '../history/history.js'

/** What one node has of one partition, batch for batch. */
export interface StoredBatch {
  readonly baseOffset: number
  readonly bytes: number
  readonly checksum: number
}

/** By the names of the partitions' directories. */
export type NodeLogs = ReadonlyMap<string, readonly StoredBatch[]>

const lengthAt = 8
const headerBytes = 12
const magicAt = 16

/** Read without the engine: files of Kafka's layout in the order of their names, batch behind batch up to the zeros. */
export function readLogs(logDir: string): NodeLogs {
  const partitions = readdirSync(logDir, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && /-\d+$/.test(entry.name),
  )
  return new Map(
    partitions.map(({ name }): [string, StoredBatch[]] => {
      const files = readdirSync(join(logDir, name)).filter((file) => /^\d{20}\.log$/.test(file))
      return [name, files.sort().flatMap((file) => batchesOf(readFileSync(join(logDir, name, file))))]
    }),
  )
}

/** What a commit log has for its queues, as its readers get it: where each message lies in it may differ. */
export async function readQueues(dataDir: string, nodeId: number): Promise<NodeLogs> {
  const store = await MessageStore.open(dataDir, { settings: resolveSettings({ 'node.id': nodeId }) })
  const queues = new Map<string, StoredBatch[]>()
  try {
    for (const { name, partitions } of store.topics().filter(({ layout }) => layout === 'commitlog')) {
      for (let queue = 0; queue < partitions; queue++)
        queues.set(`${name}-${queue}`, await readQueue(store, name, queue))
    }
    return queues
  } finally {
    await store.close()
  }
}

async function readQueue(store: MessageStore, topic: string, queue: number): Promise<StoredBatch[]> {
  const batches: StoredBatch[] = []
  const log = store.log(topic, queue)
  for (let offset = log?.logStartOffset ?? 0; ; ) {
    const { records = [] } = (await log?.read(offset, 1 << 20)) ?? {}
    if (records.length === 0) return batches
    batches.push(...records.flatMap(batchesOf))
    const last = batchesIn(records[records.length - 1])
    for (const batch of last) offset = batch.lastOffset + 1
  }
}

function batchesOf(file: Buffer): StoredBatch[] {
  const batches: StoredBatch[] = []
  for (let at = 0; at + magicAt < file.length; ) {
    const size = file.readInt32BE(at + lengthAt)
    if (size === 0 || file[at + magicAt] !== 2) break
    const end = at + headerBytes + size
    batches.push({
      baseOffset: Number(file.readBigInt64BE(at)),
      bytes: end - at,
      checksum: crc32c(file.subarray(at, end)),
    })
    at = end
  }
  return batches
}

/** @param nodes by name; of `compacted` partitions each node may have dropped what it likes of what nobody needs any more */
export function checkNodes(
  nodes: ReadonlyMap<string, NodeLogs>,
  compacted: (partition: string) => boolean,
): Violation[] {
  const [[firstName, first], ...others] = [...nodes]
  const partitions = new Set([...nodes.values()].flatMap((logs) => [...logs.keys()]))
  return [...partitions].sort().flatMap((partition) =>
    others.flatMap(([name, logs]) => {
      if (compacted(partition)) return []
      const difference = firstDifference(first.get(partition), logs.get(partition))
      if (difference === undefined) return []
      const what = `${partition} of ${firstName} and of ${name}: ${difference}`
      return [{ rule: 'nodes-differ', what, operations: [] }]
    }),
  )
}

const shown = (batch: StoredBatch | undefined): string => (batch === undefined ? 'nothing' : JSON.stringify(batch))

function firstDifference(
  one: readonly StoredBatch[] | undefined,
  other: readonly StoredBatch[] | undefined,
): string | undefined {
  if (one === undefined || other === undefined) return `it is missing at the ${one === undefined ? 'first' : 'second'}`
  for (let i = 0; i < Math.max(one.length, other.length); i++) {
    const [a, b] = [one[i], other[i]]
    if (a?.baseOffset === b?.baseOffset && a?.bytes === b?.bytes && a?.checksum === b?.checksum) continue
    return `batch ${i} of ${one.length} and ${other.length} is ${shown(a)} and ${shown(b)}`
  }
  return undefined
}
