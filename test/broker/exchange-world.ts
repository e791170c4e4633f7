/** A store with a commit log and its coordinators on a disk in memory, and RocketMQ's files as its broker writes them. */

import { ManualClock } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { Coordination } from '../../src/broker/coordination.js'
import { ProducerIds } from '../../src/broker/producer-ids.js'
import { Topics } from '../../src/broker/topics.js'
import type { SettingsInput } from '../../src/core/settings.js'
import type { Disk } from '../../src/files/disk.js'
import { formatJson, type JsonValue, parseLenientJson } from '../../src/storage/commitlog/lenient-json.js'
import { MessageStore } from '../../src/storage/message-store.js'
import { batchOf, recordingLogger, settingsWith } from '../storage/support.js'

export const offsetsPath = '/data/store/config/consumerOffset.json'
export const groupsPath = '/data/store/config/subscriptionGroup.json'

/** New topics lie in the commit log, in small files. */
export const smallFiles: SettingsInput = {
  'storage.layout': 'commitlog',
  'mapped.file.size.commitlog': 256 * 1024,
  'mapped.file.size.consumequeue': 2000,
  'max.hash.slot.num': 100,
  'max.index.num': 400,
  'offsets.topic.num.partitions': 2,
}

/** Offsets by `topic@group` and queue. */
export type Table = Readonly<Record<string, Readonly<Record<number, number>>>>

export class ExchangeWorld {
  readonly store: MessageStore
  readonly coordination: Coordination

  private constructor(store: MessageStore, coordination: Coordination) {
    this.store = store
    this.coordination = coordination
  }

  static async open(disk: Disk, logger: ReturnType<typeof recordingLogger>): Promise<ExchangeWorld> {
    const settings = settingsWith(smallFiles)
    const tools = { disk, logger, clock: new ManualClock(), randomness: new SeededRandomness(1) }
    const store = await MessageStore.open('/data', { ...tools, settings })
    const producerIds = await ProducerIds.load(disk, store.configPath)
    const coordination = new Coordination({ ...tools, store, topics: new Topics(store), producerIds })
    const world = new ExchangeWorld(store, coordination)
    try {
      await coordination.start()
    } catch (error) {
      await world.close()
      throw error
    }
    return world
  }

  /** A topic with so many messages in each of its queues. */
  async topic(name: string, messages: readonly number[], config: Record<string, string> = {}): Promise<void> {
    await this.store.createTopic({ name, partitions: messages.length, config })
    const appended = messages.map((count, queueId) => {
      const batch = batchOf(Array.from({ length: count }, (_, i) => `${i}`))
      return this.store.log(name, queueId)?.append(batch).acknowledged
    })
    await Promise.all(appended)
  }

  async commit(groupId: string, topic: string, offsets: Readonly<Record<number, number>>): Promise<void> {
    const outcomes = await this.coordination.groups.commitOffsets({
      groupId,
      memberId: '',
      groupInstanceId: null,
      generationId: -1,
      offsets: Object.entries(offsets).map(([id, offset]) => {
        return { topic, partition: Number(id), offset, leaderEpoch: -1, metadata: '' }
      }),
    })
    for (const outcome of outcomes) if (outcome !== undefined) throw outcome
  }

  /** What all groups have committed. */
  async committed(): Promise<Table> {
    const { groups } = this.coordination
    const table: Record<string, Record<number, number>> = {}
    for (const { groupId } of await groups.listGroups()) {
      for (const { topic, partition, offset } of await groups.fetchOffsets(groupId, null)) {
        const key = `${topic}@${groupId}`
        table[key] = { ...table[key], [partition]: offset }
      }
    }
    return table
  }

  /** As it is done every five seconds. */
  async write(): Promise<void> {
    await this.store.runChore('consumer offsets')
  }

  async close(): Promise<void> {
    await this.coordination.close()
    await this.store.close()
  }
}

/** A directory with orders of 10 and 5 messages, in which nobody has consumed anything. */
export async function emptyDirectory(): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  const world = await ExchangeWorld.open(disk, recordingLogger())
  await world.topic('orders', [10, 5])
  await world.close()
  return disk
}

/** As RocketMQ's broker leaves its file, keys unquoted and nothing in it that it does not know. */
export async function rocketMqWrites(disk: Disk, table: Table): Promise<void> {
  const rows = Object.entries(table).map(([key, queues]) => {
    const offsets = Object.entries(queues).map(([id, offset]) => `${id}:${offset}`)
    return `\t\t"${key}":{${offsets.join(',')}\n\t\t}`
  })
  const text = `{\n\t"dataVersion":{\n\t\t"counter":7,\n\t\t"stateVersion":0,\n\t\t"timestamp":1795324696984\n\t},\n\t"offsetTable":{\n${rows.join(',\n')}\n\t}\n}`
  await disk.makeDirectory('/data/store/config')
  await disk.replaceFile(offsetsPath, Buffer.from(text))
}

/** RocketMQ's broker on the directory: what it knows of its file it reads and writes, with what its consumers commit. */
export async function rocketMqRuns(disk: Disk, commits: Table = {}): Promise<void> {
  const before = await tableIn(disk)
  const keys = new Set([...Object.keys(before), ...Object.keys(commits)])
  const after = [...keys].map((key) => [key, { ...before[key], ...commits[key] }])
  await rocketMqWrites(disk, Object.fromEntries(after))
}

export async function jsonIn(disk: Disk, path: string): Promise<Record<string, unknown>> {
  const text = (await disk.readFile(path))?.toString() ?? '{}'
  return JSON.parse(formatJson(parseLenientJson(text) as JsonValue))
}

export async function tableIn(disk: Disk): Promise<Table> {
  return ((await jsonIn(disk, offsetsPath))['offsetTable'] ?? {}) as Table
}
