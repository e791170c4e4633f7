/**
 * `--prove`: that each contender keeps the level it is measured at. Each runs once, untimed, under strace; printed is
 * how many flushes it made, and how many acknowledged messages shared one.
 */

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { durableSpecs, loadName } from '../cases/durable.js'
import type { Bench } from './case.js'
import { shortNumber } from './print.js'
import { countFlushes, straceArguments } from './strace.js'

const load = { sizeBytes: 1024, callers: 100 }
const blockMs = 300

export async function prove({ workspace, say }: Bench): Promise<void> {
  if (spawnSync('strace', ['-V']).status !== 0) throw new Error('--prove needs strace, which is not here')
  say(`Flushes of each contender, ${loadName(load)}, from open to close; O_DSYNC counts the writes to such a file\n`)
  say(`  ${'contender'.padEnd(36)} acked  O_DSYNC  fdatasync  fsync  msync  acked a flush`)
  const labels = durableSpecs({ workspace }, load, blockMs).map(({ label }) => label)
  for (const [i, label] of labels.entries()) {
    const output = join(workspace.path, `trace-${i}`)
    const wrapper = straceArguments(output)
    const spec = durableSpecs({ workspace }, load, blockMs, { wrapper })[i]
    try {
      const contender = await spec.start()
      await contender.prepare?.()
      const { detail } = await contender.block(blockMs)
      await contender.close()
      const { syncWrites, fdatasync, fsync, msync } = countFlushes(readFileSync(output, 'utf8'), workspace.path)
      const flushes = syncWrites + fdatasync + fsync + msync
      const numbers = [detail['acknowledged'], syncWrites, fdatasync, fsync, msync, detail['acknowledged'] / flushes]
      const widths = [6, 8, 10, 6, 6, 14]
      say(`  ${label.padEnd(36)}${numbers.map((number, k) => shortNumber(number).padStart(widths[k])).join(' ')}`)
    } catch (error) {
      say(`  !! ${label}: ${(error as Error).message}`)
    }
  }
}
