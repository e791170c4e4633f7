/** Our compaction and Kafka's log cleaner on copies of one directory, at the same time of the clock: the same records stay. */

import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ManualClock } from '../../sim/manual-clock.js'
import { resolveSettings } from '../../src/core/settings.js'
import { prepareCodec } from '../../src/records/compression/index.js'
import { MessageStore } from '../../src/storage/message-store.js'
import { dice, seedFor } from '../crash/seeded.js'
import { logOf, temporaryDirectory } from '../storage/support.js'
import type { DescribedBatch } from './described.js'
import { dumpAll } from './dumping.js'
import { assertSameLogs, type LoadedLog } from './judged-logs.js'
import { KeyedWrites } from './keyed-writes.js'
import { judgeOfFile, withoutKafka } from './with-kafka.js'

const deleteRetentionMs = 60_000
const settings = resolveSettings({
  'log.segment.bytes': 1 << 20,
  'log.cleanup.policy': 'compact',
  'log.cleaner.delete.retention.ms': deleteRetentionMs,
  'log.cleaner.min.cleanable.ratio': 0,
})
const config = { 'segment.bytes': 1 << 20, 'cleanup.policy': 'compact', 'delete.retention.ms': deleteRetentionMs }
const partition = 'orders-0'

/** What is told of a cleaning by Kafka. */
interface Cleaned {
  readonly firstDirtyOffset: number
  readonly cleanedUpTo: number
}

describe('compaction', { skip: withoutKafka }, () => {
  const judge = judgeOfFile()

  const load = (logPath: string): Promise<LoadedLog> =>
    judge().ask('openLog', { directory: join(logPath, partition), config, clean: true })

  test("leaves what Kafka's log cleaner leaves, and lets go of tombstones when it does", async (t) => {
    const seed = seedFor('HOLDFAST_TEST_SEED')
    t.diagnostic(`seed ${seed} (HOLDFAST_TEST_SEED=${seed} repeats it)`)
    await prepareCodec('zstd')
    const directory = await temporaryDirectory(t)
    const dataDir = join(directory, 'data')
    const startMs = Date.now()
    const writes = new KeyedWrites(dice(seed), startMs)
    let cleanedUpTo: number | undefined
    // The second cleaning still keeps the tombstones of the first, the third does not.
    for (const [round, nowMs] of [
      startMs,
      startMs + deleteRetentionMs / 2,
      startMs + 2 * deleteRetentionMs,
    ].entries()) {
      const clock = new ManualClock(nowMs)
      const writing = await MessageStore.open(dataDir, { settings, clock })
      if (round === 0) await writing.createTopic({ name: 'orders', partitions: 1 })
      // The second round leaves transactions open, behind which nothing is cleaned.
      await writes.write(logOf(writing), 600)
      if (round !== 1) await writes.endTransactions(logOf(writing))
      const { logEndOffset } = logOf(writing)
      await writing.close()

      const kafkas = join(directory, `kafka-${round}`)
      cpSync(join(dataDir, 'log'), kafkas, { recursive: true })
      const args = { directory: join(kafkas, partition), config, clean: true, nowMs, cleanedUpTo }
      const cleaned = await judge().ask<Cleaned>('clean', args)
      assert.ok(cleaned.cleanedUpTo > cleaned.firstDirtyOffset, 'Kafka has cleaned something')

      const store = await MessageStore.open(dataDir, { settings, clock })
      await store.runChore('compaction')
      await store.close()
      const checkpoints = await judge().ask<{ cleaned: Record<string, number> }>('readFiles', {
        directory: join(dataDir, 'log'),
      })
      cleanedUpTo = checkpoints.cleaned[partition]
      assert.equal(cleanedUpTo, cleaned.cleanedUpTo)

      const ours = join(directory, `ours-${round}`)
      cpSync(join(dataDir, 'log'), ours, { recursive: true })
      const theirs = await load(kafkas)
      const own = withoutSegmentEnds(await load(ours), theirs)
      const how = `cleaning ${round}`
      assertSameLogs(new Map([[partition, theirs]]), new Map([[partition, own]]), how)
      assert.deepEqual(own.segments, theirs.segments, how)
      assert.deepEqual(own.aborted, theirs.aborted, how)
      assert.deepEqual(own.producers, theirs.producers, how)
      assert.equal(own.logEndOffset, logEndOffset)
      const kept = own.batches.reduce((sum, { records }) => sum + records.length, 0)
      const keptOfCleaned = kept - (logEndOffset - cleaned.cleanedUpTo)
      assert.ok(keptOfCleaned < cleaned.cleanedUpTo / 2, 'much is gone')
      assert.deepEqual((await dumpAll(judge(), ours, () => true)).faults, [], how)
      const horizons = own.batches.filter((batch) => batch.deleteHorizonMs !== null).length
      t.diagnostic(
        `${how}: ${kept} of ${logEndOffset} records, ${own.batches.length} batches, ${horizons} with a horizon`,
      )
    }
  })
})

/** We keep the last batch of each segment, if need be without a record in it, where Kafka keeps that of the last one alone. */
function withoutSegmentEnds(own: LoadedLog, theirs: LoadedLog): LoadedLog {
  const known = new Set(theirs.batches.map(({ baseOffset }) => baseOffset))
  const isEnd = ({ records, baseOffset, lastOffset }: DescribedBatch) =>
    records.length === 0 && !known.has(baseOffset) && own.segments.includes(lastOffset + 1)
  return { ...own, batches: own.batches.filter((batch) => !isEnd(batch)) }
}
