/** What opening takes for damage rather than for a torn tail, and what it still serves then. */

import assert from 'node:assert/strict'
import { copyFile, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { batchOf, bytesOf, mib, readAll, recordingLogger, sizedBatch } from '../support.js'
import { closedLog, filesIn, named, openLog } from './world.js'

const log0 = named(0, '.log')

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[at] ^= 0x10
  await writeFile(path, bytes)
}

describe('a bad batch in the active segment', () => {
  const settings = { 'log.segment.bytes': 64 * mib }

  test('is damage where more lies behind it than one write leaves, and a torn tail where less does', async (t) => {
    const all = Array.from({ length: 20 }, (_, i) => sizedBatch(1_000_000, `${i}`))
    for (const [bad, damaged] of [
      [1, true],
      [5, false],
    ] as const) {
      const directory = await closedLog(t, all, { settings })
      await flip(join(directory, log0), bad * 1_000_000 + 500)
      let recoveryPoint = 0
      for (let opening = 0; opening < 2; opening++) {
        const log = await openLog(t, directory, { settings, recoveryPoint })
        assert.equal(log.failure?.code, damaged ? 'LOG_DAMAGED' : undefined)
        assert.deepEqual(await readAll(log), bytesOf(all.slice(0, bad)))
        recoveryPoint = log.recoveryPoint
        await log.close()
      }
      assert.equal((await stat(join(directory, log0))).size, damaged ? 20_000_000 : bad * 1_000_000)
    }
  })

  test('is a torn tail under async, however much lies behind it: many rounds wait for one sync', async (t) => {
    const all = Array.from({ length: 20 }, (_, i) => sizedBatch(1_000_000, `${i}`))
    const async_ = { ...settings, 'flush.disk.type': 'ASYNC_FLUSH' }
    const directory = await closedLog(t, all, { settings: async_ })
    await flip(join(directory, log0), 1_000_500)
    const log = await openLog(t, directory, { settings: async_ })
    assert.deepEqual([log.failure, log.logEndOffset], [undefined, 1])
  })

  test('to which the last index entry leads hides nothing of what lies before it', async (t) => {
    const all = Array.from({ length: 40 }, (_, i) => sizedBatch(5000, `${i}`))
    const directory = await closedLog(t, all)
    await flip(join(directory, log0), 39 * 5000 + 200)
    const logger = recordingLogger()
    const log = await openLog(t, directory, { clean: true, recoveryPoint: 40, logger })
    assert.equal(log.failure?.code, 'LOG_DAMAGED')
    assert.deepEqual(await readAll(log), bytesOf(all.slice(0, 39)))
    await assert.rejects(log.read(39, 100), { code: 'LOG_DAMAGED' })
    assert.ok(logger.said.some(({ message }) => message.includes('byte 195000 (offset 39)')))
  })
})

test('segments that overlap are damage: nothing is appended and nothing is lost of either', async (t) => {
  for (const flush of ['SYNC_FLUSH', 'ASYNC_FLUSH']) {
    const settings = { 'flush.disk.type': flush }
    const all = Array.from({ length: 15 }, (_, i) => sizedBatch(100_000, `${i}`))
    const directory = await closedLog(t, all, { settings })
    // What a log that was begun again at 7 leaves, had its removal not reached the disk.
    await copyFile(join(directory, named(10, '.log')), join(directory, named(7, '.log')))
    await truncate(join(directory, named(7, '.log')), 0)
    const before = (await filesIn(directory)).filter((name) => name.endsWith('.log'))
    const log = await openLog(t, directory, { settings })
    assert.equal(log.failure?.code, 'LOG_DAMAGED')
    assert.deepEqual(await readAll(log), bytesOf(all.slice(0, 10)))
    assert.throws(() => log.append(batchOf(['more'])), { code: 'LOG_DAMAGED' })
    await log.close()
    assert.deepEqual(
      (await filesIn(directory)).filter((name) => name.endsWith('.log')),
      before,
    )
    assert.equal((await stat(join(directory, log0))).size, 1_000_000)
  }
})
