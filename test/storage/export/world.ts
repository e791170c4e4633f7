/** A data directory of ours, and a log.dir as a Kafka broker of one node leaves it when its topics were just created. */

import { createHash } from 'node:crypto'
import { ManualClock } from '../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import { carryGroups } from '../../../src/broker/groups/carrying-out.js'
import {
  encodeGroupKey,
  encodeGroupValue,
  encodeOffsetKey,
  encodeOffsetValue,
} from '../../../src/broker/groups/offsets-format.js'
import { partitionOfId } from '../../../src/broker/internal-log.js'
import { resolveSettings } from '../../../src/core/settings.js'
import type { Disk } from '../../../src/files/disk.js'
import { batchesIn } from '../../../src/records/batch.js'
import { buildBatch } from '../../../src/records/builder.js'
import type { ExportOptions } from '../../../src/storage/export/contract.js'
import { exportToKafka } from '../../../src/storage/export/kafka-export.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import { encodeCheckpoint, encodeEpochs, encodePartitionMetadata } from '../../../src/storage/segments/text-files.js'
import { appendAll, type FoundBatch, logOf, readAll, sizedBatch } from '../support.js'

/** The log.dir lies where a data directory has it, so that a store of ours can open it as Kafka would. */
export const kafkaData = '/kafka'
export const logDir = `${kafkaData}/log`

const tools = (disk: Disk) => ({
  disk,
  settings: { ...resolveSettings(), 'log.segment.bytes': 1900, 'log.index.interval.bytes': 700 },
  clock: new ManualClock(),
  randomness: new SeededRandomness(5),
})

export const openStore = (disk: Disk, path = '/data') => MessageStore.open(path, tools(disk))

/** Two partitions of several segments each, whose first lost its beginning; and two groups. */
export async function writeSource(disk: Disk): Promise<void> {
  const store = await openStore(disk)
  await store.createTopic({ name: 'orders', partitions: 2 })
  for (const partition of [0, 1]) {
    const log = logOf(store, 'orders', partition)
    for (let i = 0; i < 8 + partition; i++) await appendAll(log, [sizedBatch(500, `${partition} ${i}`)])
  }
  await logOf(store, 'orders').deleteRecordsBefore(4)
  await store.createTopic({ name: '__consumer_offsets', partitions: 1, config: { 'cleanup.policy': 'compact' } })
  const record = (key: Buffer, value: Buffer) => ({ key, value, timestamp: 1_700_000_000_000 })
  const offset = (group: string, partition: number, committed: number) =>
    record(
      encodeOffsetKey(group, 'orders', partition),
      encodeOffsetValue({ offset: committed, leaderEpoch: 3, metadata: 'note', commitTimestamp: 1_700_000_000_000 }),
    )
  const member = { protocolType: 'consumer', generationId: 4, protocolName: 'range', leaderId: 'm' }
  const group = encodeGroupValue({ ...member, stateTimestamp: 1, members: [] })
  const records = [offset('billing', 0, 5), offset('audit', 1, 2), record(encodeGroupKey('billing'), group)]
  const log = logOf(store, '__consumer_offsets', 0)
  await appendAll(log, [buildBatch([...records, offset('billing', 0, 6)])])
  await store.close()
}

export interface KafkaTopic {
  readonly name: string
  readonly partitions: number
  readonly epoch?: number
}

export const created: readonly KafkaTopic[] = [
  { name: 'orders', partitions: 2 },
  { name: '__consumer_offsets', partitions: 3 },
]

export const topicIdOf = (name: string) => Buffer.from(name.padEnd(16, '.').slice(0, 16))

/** What `kafka-storage.sh format`, `kafka-topics.sh --create` and a stop leave, as far as an export looks at it. */
export async function writeKafka(disk: Disk, topics = created, path = logDir): Promise<void> {
  await disk.makeDirectory(path)
  const put = (name: string, bytes: Buffer) => disk.replaceFile(`${path}/${name}`, bytes)
  await put('meta.properties', Buffer.from('#\nversion=1\ncluster.id=AAAAAAAAQACAAAAAAAAAAA\nnode.id=1\n'))
  await put('.kafka_cleanshutdown', Buffer.from('{"version":0,"brokerEpoch":17}'))
  await put('bootstrap.checkpoint', Buffer.from('of the controller'))
  const lines: string[] = []
  for (const { name, partitions, epoch = 0 } of topics) {
    for (let partition = 0; partition < partitions; partition++) {
      const directory = `${name}-${partition}`
      lines.push(`${name} ${partition} 0`)
      await disk.makeDirectory(`${path}/${directory}`)
      for (const one of ['log', 'index', 'timeindex'])
        await put(`${directory}/00000000000000000000.${one}`, Buffer.alloc(0))
      await put(`${directory}/partition.metadata`, encodePartitionMetadata(topicIdOf(name)))
      await put(`${directory}/leader-epoch-checkpoint`, encodeEpochs([{ epoch, startOffset: 0 }]))
    }
  }
  for (const name of ['recovery-point-offset-checkpoint', 'replication-offset-checkpoint'])
    await put(name, encodeCheckpoint(lines))
  await put('log-start-offset-checkpoint', encodeCheckpoint([]))
  await put('cleaner-offset-checkpoint', Buffer.alloc(0))
}

/** Both, everything durable. */
export async function world(topics?: readonly KafkaTopic[]): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  await writeSource(disk)
  await writeKafka(disk, topics)
  return disk
}

export function runExport(disk: Disk, given: Partial<ExportOptions> = {}) {
  const groups = { read: carryGroups, partitionOf: partitionOfId }
  return exportToKafka('/data', { ...tools(disk), kafkaLogDirs: [logDir], how: 'link', groups, ...given })
}

/** What a reader finds in both partitions of `orders`. */
export async function ordersIn(disk: Disk, path: string): Promise<FoundBatch[][]> {
  const store = await openStore(disk, path)
  try {
    const logs = [0, 1].map((partition) => logOf(store, 'orders', partition))
    return await Promise.all(logs.map((log) => readAll(log)))
  } finally {
    await store.close()
  }
}

/** Path and content's hash of every file below a directory, but for locks and what a replacing that was cut off leaves. */
export async function filesIn(disk: Disk, path: string): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for (const { name, isDirectory } of (await disk.list(path)) ?? []) {
    const at = `${path}/${name}`
    if (isDirectory) for (const [below, bytes] of await filesIn(disk, at)) files.set(below, bytes)
    else if (!/lock$|\.tmp$/.test(name)) {
      const bytes = (await disk.readFile(at)) as Buffer
      files.set(at, createHash('sha1').update(bytes).digest('hex'))
    }
  }
  return files
}

export async function batchesOf(disk: Disk, path: string) {
  return [...batchesIn((await disk.readFile(path)) as Buffer)]
}
