/** A store on a disk in memory, closed in order or killed, whose files a test can harm one at a time. */

import { join } from 'node:path'
import { ManualClock } from '../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import { type Files, filesOf } from '../../../sim/stored-files.js'
import type { Finding, FindingCode } from '../../../src/storage/inspect/findings.js'
import { type VerifyOptions, type VerifyReport, verify } from '../../../src/storage/inspect/verify.js'
import { MessageStore, type StoreOptions } from '../../../src/storage/message-store.js'
import { appendAll, batchOf, logOf, mib, settingsWith, sizedBatch } from '../support.js'

export const dataPath = '/data'
export const partitionPath = '/data/log/orders-0'

export const storeTools = (disk: MemoryDisk): StoreOptions => ({
  disk,
  clock: new ManualClock(),
  randomness: new SeededRandomness(7),
  settings: settingsWith({ 'log.segment.bytes': mib, 'file.preallocate': 'none' }),
})

/** Three segments of about a mebibyte, two producers, a second topic; every file that it left. */
export async function storeFiles({ closed = true, count = 26 } = {}): Promise<Files> {
  const disk = new MemoryDisk()
  const store = await MessageStore.open(dataPath, storeTools(disk))
  await store.createTopic({ name: 'orders', partitions: 1 })
  await store.createTopic({ name: 'other-topic', partitions: 2 })
  const batches = Array.from({ length: count }, (_, i) =>
    i % 2 === 0
      ? sizedBatch(100_000, `${i}`, { timestamp: 1_700_000_000_000 + i })
      : sizedBatch(100_000, `${i}`, {
          timestamp: 1_700_000_000_000 + i,
          producerId: 5,
          producerEpoch: 1,
          baseSequence: (i - 1) / 2,
        }),
  )
  await appendAll(logOf(store), batches)
  await appendAll(logOf(store, 'other-topic', 1), [batchOf(['a', 'b', 'c'])])
  await disk.replaceFile(
    join(store.configPath, 'producer-ids.json'),
    Buffer.from('{"version":1,"nextProducerId":1000}\n'),
  )
  await store.flush()
  if (closed) await store.close()
  return filesOf(disk.afterKill(), dataPath)
}

export function check(disk: MemoryDisk, path = dataPath, options: Partial<VerifyOptions> = {}): Promise<VerifyReport> {
  return verify(path, { disk, clock: new ManualClock(), ...options })
}

/** `error batch-damaged at log/orders-0/…log` of each finding. */
export function brief({ findings }: { findings: readonly Finding[] }): string[] {
  return findings.map(({ severity, code, path }) => `${severity} ${code} ${path}`)
}

export function codes({ findings }: { findings: readonly Finding[] }): FindingCode[] {
  return findings.map(({ code }) => code)
}

export function flipped(bytes: Buffer, at: number, bit = 0): Buffer {
  const changed = Buffer.from(bytes)
  changed[at] ^= 1 << bit
  return changed
}
