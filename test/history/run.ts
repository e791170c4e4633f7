/**
 * Kills under load over all layouts, flush policies and engines, each history checked:
 * `npm run test:history -- --kills 1000 --seed 7`. What breaks a rule is printed with its history kept as a file.
 */

import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { dice } from '../crash/seeded.js'
import { check, report } from './checker.js'
import { killAndRecord } from './kill-and-record.js'
import { worlds } from './worlds.js'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string' },
    every: { type: 'string', default: '5' },
    // The world to begin with.
    from: { type: 'string', default: '0' },
  },
})
/** Short, since a broker on a busy machine takes longer to come back than to be killed at any point of its work. */
const lifeMs = { from: 100, to: 900 }
const kills = Number(values.kills)
const every = Number(values.every)
const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const from = Number(values.from)
const started = performance.now()
let done = 0
let acknowledged = 0
let delivered = 0

for (let life = 0; done < kills; life++) {
  const seed = first + life
  const settings = worlds[(from + life) % worlds.length]
  const directory = await makeTemporaryDirectory('holdfast-history-')
  try {
    const count = Math.min(every, kills - done)
    const options = { dataDir: directory.path, kills: count, dice: dice(seed), settings, lifeMs }
    const history = await killAndRecord(options)
    const violations = check(history)
    done += count
    acknowledged += history.operations.filter((one) => one.op === 'send' && typeof one.outcome === 'object').length
    delivered += history.operations.filter((one) => one.op === 'deliver').length
    const minutes = ((performance.now() - started) / 60_000).toFixed(1)
    console.log(
      `${done} kills, ${acknowledged} sends acknowledged, ${delivered} deliveries, ${minutes} min (seed ${seed})`,
    )
    if (violations.length > 0) {
      const file = `history-${seed}.json`
      await writeFile(file, JSON.stringify({ settings, history }))
      console.error(report(violations, seed, file))
      process.exitCode = 1
      break
    }
  } finally {
    await directory.remove()
  }
}
// A client that lost its broker may keep timers, and the process, for ever.
process.exit()
