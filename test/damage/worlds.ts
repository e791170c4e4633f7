/** The stores whose files are damaged: one for each layout, closed in order or killed, with what readers got from them before. */

import { MemoryDisk } from '../../sim/memory-disk.js'
import { type Files, filesOf } from '../../sim/stored-files.js'
import { buildBatch } from '../../src/records/builder.js'
import { prepareCodec } from '../../src/records/compression/index.js'
import { MessageStore, type StoreOptions } from '../../src/storage/message-store.js'
import { commitLogTools, keyed, writtenStore } from '../storage/inspect/commitlog/world.js'
import { dataPath, storeTools } from '../storage/inspect/world.js'
import { appendAll, batchOf, logOf, sizedBatch } from '../storage/support.js'

type Life = Pick<DamageWorld, 'files' | 'earlier'>

export interface DamageWorld {
  readonly name: string
  readonly files: Files
  /** The same store half way through its life. */
  readonly earlier: Files
  /** The partitions that are read, as `topic`, `partition`. */
  readonly logs: readonly (readonly [topic: string, partition: number])[]
  tools(disk: MemoryDisk): StoreOptions
}

/** Two sealed segments and an active one, every codec, a committed, an aborted and an open transaction. */
async function segments(isClosed: boolean): Promise<Life> {
  const disk = new MemoryDisk()
  const store = await MessageStore.open(dataPath, storeTools(disk))
  await store.createTopic({ name: 'orders', partitions: 1 })
  await store.createTopic({ name: 'other', partitions: 1 })
  const log = logOf(store)
  const identity = (producerId: number, baseSequence: number) => ({ producerId, producerEpoch: 0, baseSequence })
  await prepareCodec('zstd')
  for (const [i, codec] of (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const).entries()) {
    const records = [0, 1, 2].map((n) => ({
      key: Buffer.from(`k${n}`),
      value: Buffer.from(`${codec} ${n}`),
      timestamp: 1_700_000_000_000 + i,
    }))
    await appendAll(log, [buildBatch(records, { codec, ...identity(4, 3 * i) })])
  }
  await appendAll(log, [batchOf(['kept'], { isTransactional: true, ...identity(7, 0) })])
  await appendAll(log, [batchOf(['dropped'], { isTransactional: true, ...identity(8, 0) })])
  for (const [producerId, commit] of [
    [7, true],
    [8, false],
  ] as const) {
    await log.endTransaction({ producerId, producerEpoch: 0, commit, coordinatorEpoch: 1 }).acknowledged
  }
  await appendAll(logOf(store, 'other'), [batchOf(['a'])])
  await store.flush()
  const earlier = await filesOf(disk, dataPath)
  for (let i = 0; i < 8; i++) await appendAll(log, [sizedBatch(300_000, `${i}`)])
  await appendAll(log, [batchOf(['open'], { isTransactional: true, ...identity(9, 0) })])
  await appendAll(logOf(store, 'other'), [batchOf(['a', 'b'])])
  await store.flush()
  if (isClosed) await store.close()
  return { earlier, files: await filesOf(disk.afterKill(), dataPath) }
}

/** Several files of the commit log, keys, tags, queues, index files and snapshot. */
async function commitLog(isClosed: boolean): Promise<Life> {
  const disk = new MemoryDisk()
  const store = await writtenStore(disk, 120)
  await store.flush()
  const earlier = await filesOf(disk, dataPath)
  for (let i = 0; i < 70; i++) await appendAll(logOf(store, 'orders', i % 2), [keyed(500 + i)])
  await appendAll(logOf(store, 'orders', 1), [keyed(1000)])
  await store.flush()
  if (isClosed) await store.close()
  return { earlier, files: await filesOf(disk.afterKill(), dataPath) }
}

export async function damageWorlds(): Promise<DamageWorld[]> {
  const worlds: DamageWorld[] = []
  for (const isClosed of [true, false]) {
    const how = isClosed ? 'closed' : 'killed'
    worlds.push({
      name: `segments, ${how}`,
      ...(await segments(isClosed)),
      logs: [
        ['orders', 0],
        ['other', 0],
      ],
      tools: storeTools,
    })
    worlds.push({
      name: `commit log, ${how}`,
      ...(await commitLog(isClosed)),
      logs: [
        ['orders', 0],
        ['orders', 1],
        ['events', 0],
        ['own', 0],
      ],
      tools: commitLogTools,
    })
  }
  return worlds
}
