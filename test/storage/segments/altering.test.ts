/** Settings of a log that change while it is open hold at once, and for as long as it is open. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import type { SettingsInput } from '../../../src/core/settings.js'
import { nodeDisk } from '../../../src/files/node-disk.js'
import type { SegmentLog } from '../../../src/storage/segments/segment-log.js'
import { appendAll, batchOf, bytesOf, mib, readAll, settingsWith, sizedBatch } from '../support.js'
import { filesIn, openLog, partitionDirectory } from './world.js'

const alter = (log: SegmentLog, settings: SettingsInput) => log.alter(settingsWith(settings))

/** Base offsets of the segments in a directory. */
async function segmentsIn(directory: string): Promise<number[]> {
  return (await filesIn(directory)).filter((name) => name.endsWith('.log')).map((name) => Number.parseInt(name, 10))
}

describe('a log whose settings are altered', () => {
  for (const engine of ['disk', 'mmap'] as const) {
    for (const preallocate of ['none', 'ahead', 'zero'] as const) {
      test(`rolls at the new segment size, larger or smaller: ${engine}, ${preallocate}`, async (t) => {
        const directory = await partitionDirectory(t)
        const held = { 'file.engine': engine, 'file.preallocate': preallocate }
        const log = await openLog(t, directory, { clean: true, settings: { ...held, 'log.segment.bytes': 2 * mib } })
        const batches = Array.from({ length: 18 }, (_, index) => sizedBatch(mib / 2, `${index}`))
        // Three fit, and a fourth one does not quite; then one; then seven.
        await appendAll(log, batches.slice(0, 6))
        alter(log, { ...held, 'log.segment.bytes': mib })
        await appendAll(log, batches.slice(6, 10))
        alter(log, { ...held, 'log.segment.bytes': 4 * mib })
        await appendAll(log, batches.slice(10))
        assert.deepEqual(await readAll(log), bytesOf(batches))
        const sizes = await segmentsIn(directory)
        await log.close()
        const again = await openLog(t, directory, { clean: true, settings: held })
        assert.deepEqual(await readAll(again), bytesOf(batches))
        const begun = sizes.filter((base) => base < 10)
        assert.deepEqual(begun.slice(0, 2), [0, 4])
        assert.ok(begun.length >= 4, `segments of one batch or two after the size became smaller, not at ${sizes}`)
        assert.ok(sizes.at(-1)! - sizes.at(-2)! >= 7 || 18 - sizes.at(-1)! >= 7, `seven together, not at ${sizes}`)
      })
    }
  }

  test('prepares its segments in another way from the next one on', async (t) => {
    const directory = await partitionDirectory(t)
    const log = await openLog(t, directory, { clean: true, settings: { 'file.preallocate': 'zero' } })
    const batches = Array.from({ length: 20 }, (_, index) => sizedBatch(mib / 4, `${index}`))
    for (const [index, batch] of batches.entries()) {
      const ways = ['none', 'fallocate', 'ahead', 'zero'] as const
      alter(log, { 'file.preallocate': ways[index % 4], 'file.warmup': 'none', 'log.segment.bytes': mib })
      await log.append(batch).acknowledged
    }
    assert.deepEqual(await readAll(log), bytesOf(batches))
    await log.close()
    assert.deepEqual(await readAll(await openLog(t, directory, { clean: true })), bytesOf(batches))
  })

  test('refuses what no longer fits into a segment, and takes it again', async (t) => {
    const log = await openLog(t, await partitionDirectory(t), { settings: { 'log.segment.bytes': 4 * mib } })
    const large = () => sizedBatch(2 * mib)
    await log.append(large()).acknowledged
    alter(log, { 'log.segment.bytes': mib })
    assert.throws(() => log.append(large()), { code: 'RECORD_LIST_TOO_LARGE' })
    alter(log, { 'log.segment.bytes': 4 * mib })
    await log.append(large()).acknowledged
    assert.equal(log.logEndOffset, 2)
  })

  test('stamps the time of the append from then on', async (t) => {
    const log = await openLog(t, await partitionDirectory(t))
    assert.equal(log.append(batchOf(['a'])).logAppendTimeMs, -1)
    alter(log, { 'log.message.timestamp.type': 'LogAppendTime' })
    assert.ok(log.append(batchOf(['b'])).logAppendTimeMs > 0)
    alter(log, {})
    assert.equal(log.append(batchOf(['c'])).logAppendTimeMs, -1)
    await log.flush()
  })

  test('closes its rounds at the new number of messages', async (t) => {
    const inRounds = {
      'flush.disk.type': 'BATCH_FLUSH',
      'flush.interval.ms': 2_000_000,
      'flush.commitlog.timeout': 3_000_000,
    } as const
    const log = await openLog(t, await partitionDirectory(t), { settings: { ...inRounds, 'flush.batch.size': 1000 } })
    alter(log, { ...inRounds, 'flush.batch.size': 2 })
    // By time neither would be acknowledged within an hour.
    await appendAll(log, [batchOf(['a']), batchOf(['b'])])
    assert.equal(log.durableOffset, 2)
  })

  test('keeps what was altered when it is recovered', async (t) => {
    const directory = await partitionDirectory(t)
    const disk = new FaultDisk(nodeDisk)
    const log = await openLog(t, directory, { disk, settings: { 'log.segment.bytes': 8 * mib } })
    await appendAll(log, [sizedBatch(mib / 2)])
    alter(log, { 'log.segment.bytes': mib })
    disk.judge = ({ operation }) => (operation === 'write' ? 'ENOSPC' : undefined)
    await assert.rejects(log.append(sizedBatch(mib / 4)).acknowledged, { code: 'DISK_FULL' })
    disk.judge = () => undefined
    await log.recover()
    for (let i = 0; i < 4; i++) await appendAll(log, [sizedBatch((3 * mib) / 4)])
    assert.ok((await segmentsIn(directory)).length >= 4)
  })
})
