/** Which files of the commit log are given up, and when. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../../sim/manual-clock.js'
import { noMetrics } from '../../src/core/metrics/metrics.js'
import { resolveSettings, type SettingsInput } from '../../src/core/settings.js'
import { Chores } from '../../src/storage/chores.js'
import { CommitLogRetention, commitLogRetentionChore } from '../../src/storage/commit-log-retention.js'
import { recordingLogger } from './support.js'

const hourMs = 3_600_000
const fileBytes = 1000

/** A day at this hour of this machine's clock. */
function atHour(hour: number): number {
  return new Date(2026, 10, 20, hour, 30).getTime()
}

interface Disk {
  readonly hour?: number
  /** Of the files, the oldest first, in hours. */
  readonly ages: readonly number[]
  readonly usedPercent?: number
  readonly heldFrom?: number
}

/**
 * Runs the chore once over files whose age is given in hours, on a disk that is so full; the positions that were
 * deleted up to.
 */
async function run(
  { hour = 12, ages, usedPercent = 10, heldFrom = Number.POSITIVE_INFINITY }: Disk,
  given: SettingsInput = {},
): Promise<number[]> {
  const nowMs = atHour(hour)
  const deleted: number[] = []
  const logger = recordingLogger()
  const clock = new ManualClock(nowMs)
  const chores = new Chores({ clock, logger, metrics: noMetrics })
  const retention = new CommitLogRetention({
    metrics: noMetrics,
    settings: resolveSettings(given),
    clock,
    logger,
    log: () => ({
      failure: undefined,
      files: async () =>
        ages.map((age, i) => ({ position: i * fileBytes, sizeInBytes: fileBytes, modifiedMs: nowMs - age * hourMs })),
      heldFrom: async () => heldFrom,
      deleteFilesBefore: async (position) => deleted.push(position),
    }),
    space: async () => ({ totalBytes: 100_000, freeBytes: 100_000 - usedPercent * 1000 }),
  })
  chores.add(retention.chore())
  await chores.runNow(commitLogRetentionChore)
  await chores.stop()
  return deleted
}

describe('files of the commit log', () => {
  test('stay from the first on that holds a message which not all copies have, however full the disk is', async () => {
    const old = { hour: 4, ages: [100, 100, 100, 100, 1] }
    assert.deepEqual(await run({ ...old, heldFrom: 3 * fileBytes }), [3 * fileBytes])
    assert.deepEqual(await run({ ...old, heldFrom: 3 * fileBytes - 1 }), [2 * fileBytes])
    assert.deepEqual(await run({ ...old, heldFrom: 0 }), [])
    assert.deepEqual(await run({ ages: old.ages, usedPercent: 99, heldFrom: fileBytes + 1 }), [fileBytes])
  })

  test('go at the set hours once they are old enough, up to the first that is not, and never the last', async () => {
    assert.deepEqual(await run({ hour: 4, ages: [100, 73, 71, 100, 1] }), [2 * fileBytes])
    assert.deepEqual(await run({ hour: 4, ages: [100, 100, 100] }), [2 * fileBytes])
    assert.deepEqual(await run({ hour: 4, ages: [100] }), [])
    assert.deepEqual(await run({ hour: 4, ages: [] }), [])
    assert.deepEqual(await run({ hour: 4, ages: [72, 1] }), [fileBytes])
    assert.deepEqual(await run({ hour: 4, ages: [5, 1] }, { 'file.reserved.time': 4 }), [fileBytes])
  })

  test('stay at any other hour', async () => {
    for (const hour of [3, 5, 12]) assert.deepEqual(await run({ hour, ages: [100, 100, 1] }), [])
    const several = { 'delete.when': '2;14' }
    assert.deepEqual(await run({ hour: 14, ages: [100, 1] }, several), [fileBytes])
    assert.deepEqual(await run({ hour: 2, ages: [100, 1] }, several), [fileBytes])
    assert.deepEqual(await run({ hour: 4, ages: [100, 1] }, several), [])
  })

  test('go at any hour while the disk is fuller than it should be, if they are old enough', async () => {
    assert.deepEqual(await run({ ages: [100, 100, 10, 1], usedPercent: 76 }), [2 * fileBytes])
    assert.deepEqual(await run({ ages: [100, 100, 10, 1], usedPercent: 75 }), [])
    assert.deepEqual(await run({ ages: [100, 1], usedPercent: 100 }, { 'disk.max.used.space.ratio': 100 }), [fileBytes])
  })

  test('go however young where the disk is nearly full, as few as bring it below', async () => {
    assert.deepEqual(await run({ ages: [9, 8, 7, 6, 5, 4], usedPercent: 87 }), [2 * fileBytes])
    assert.deepEqual(await run({ ages: [9, 8, 7], usedPercent: 100 }), [2 * fileBytes])
    assert.deepEqual(await run({ ages: [100, 9, 8, 7], usedPercent: 85.5 }), [fileBytes])
    const off = { 'disk.space.clean.forcibly.ratio': 100 }
    assert.deepEqual(await run({ ages: [9, 8, 7], usedPercent: 100 }, off), [])
  })

  test('go ten at a time at most', async () => {
    assert.deepEqual(await run({ hour: 4, ages: Array(30).fill(100) }), [10 * fileBytes])
    assert.deepEqual(await run({ ages: Array(30).fill(1), usedPercent: 100 }), [10 * fileBytes])
  })

  test('are left alone where the log has failed, and where there is none', async () => {
    const logger = recordingLogger()
    const clock = new ManualClock(atHour(4))
    const untouched = async (): Promise<never> => assert.fail('it was touched')
    const failed = { failure: new Error('broken'), files: untouched, heldFrom: untouched, deleteFilesBefore: untouched }
    for (const log of [undefined, failed]) {
      const chores = new Chores({ clock, logger, metrics: noMetrics })
      const settings = resolveSettings()
      const retention = new CommitLogRetention({
        metrics: noMetrics,
        settings,
        clock,
        logger,
        log: () => log,
        space: async () => undefined,
      })
      chores.add(retention.chore())
      await chores.runNow(commitLogRetentionChore)
      await chores.stop()
    }
  })

  test('what goes is a front of the log that is old, or forced; what stays has a reason', async () => {
    const ages = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 30 })
    const hour = fc.integer({ min: 0, max: 23 })
    await fc.assert(
      fc.asyncProperty(ages, hour, fc.integer({ min: 0, max: 100 }), async (ages, hour, usedPercent) => {
        const [end = 0] = await run({ hour, ages, usedPercent })
        const gone = end / fileBytes
        assert.ok(gone <= Math.max(0, ages.length - 1) && gone <= 10)
        const isDue = hour === 4 || usedPercent > 75
        const forced = Math.max(0, usedPercent - 85)
        const goes = (i: number) => i < forced || (isDue && ages[i] >= 72)
        for (let i = 0; i < gone; i++) assert.ok(goes(i))
        if (gone < Math.min(10, ages.length - 1)) assert.ok(!goes(gone))
      }),
    )
  })
})
