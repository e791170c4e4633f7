/** What a random run leaves (every codec, rolls, retention, transactions, committed offsets, kill -9) is sound, and verify agrees. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { committedReader } from '../../../src/cli/committed.js'
import { systemClock } from '../../../src/core/clock.js'
import { resolveSettings } from '../../../src/core/settings.js'
import { nodeDisk } from '../../../src/files/node-disk.js'
import { verify } from '../../../src/storage/inspect/verify.js'
import { repair } from '../../../src/storage/repair/repair.js'
import { seedFor } from '../../crash/seeded.js'
import { programArguments } from '../../support/child-program.js'
import { temporaryDirectory } from '../support.js'
import { brief } from './world.js'

const writer = join(import.meta.dirname, '../../conformance/random-writer.ts')
const settings = {
  'log.segment.bytes': 1 << 20,
  'log.flush.offset.checkpoint.interval.ms': 50,
  'log.retention.check.interval.ms': 200,
}

/** Lets the writer close after so many operations, or kills it then. */
async function write(data: string, seed: number, operations: number, killed: boolean): Promise<void> {
  const most = killed ? Number.MAX_SAFE_INTEGER : operations
  const args = [...programArguments(writer), data, String(seed), String(most), JSON.stringify(settings)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (Number(line) > operations) child.kill('SIGKILL')
  })
  await once(child, 'close')
}

test('verify finds nothing to complain about after kill -9 and after a close in order, and repair nothing to do', async (t) => {
  const seed = seedFor('HOLDFAST_TEST_SEED')
  t.diagnostic(`seed ${seed} (HOLDFAST_TEST_SEED=${seed} repeats it)`)
  const data = join(await temporaryDirectory(t), 'data')
  const options = { disk: nodeDisk, clock: systemClock, settings: resolveSettings(settings), committedReader }
  for (const [round, killed] of [true, true, false].entries()) {
    await write(data, seed + round, 300, killed)
    const report = await verify(data, options)
    const found = report.findings.filter(({ severity, code }) => severity !== 'note' && code !== 'torn-tail')
    assert.deepEqual(
      found.map(({ what }) => what),
      [],
      brief({ findings: found }).join('\n'),
    )
    assert.ok(report.bytes > 0)
  }
  assert.deepEqual((await repair(data, options)).steps, [])
})
