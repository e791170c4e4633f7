/**
 * Kills under load over all layouts, flush policies and engines, each history checked:
 * `npm run test:history -- --kills 1000 --seed 7`. What breaks a rule is printed with its history kept as a file.
 *
 * Each life is a process of its own: a client that lost its broker may keep its timers for ever, and come back to the broker
 * of a later life, at the same port.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
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
    // In the process of one life.
    alone: { type: 'boolean', default: false },
  },
})

interface Told {
  readonly acknowledged: number
  readonly delivered: number
  readonly isBroken: boolean
}

/** Short, since a broker on a busy machine takes longer to come back than to be killed at any point of its work. */
const lifeMs = { from: 100, to: 900 }
const kills = Number(values.kills)
const every = Number(values.every)
const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const from = Number(values.from)

if (values.alone) {
  process.send?.(await live(), () => process.exit())
} else await liveAll()

async function liveAll(): Promise<void> {
  const started = performance.now()
  let done = 0
  const sum = { acknowledged: 0, delivered: 0 }
  for (let life = 0; done < kills; life++) {
    const seed = first + life
    const count = Math.min(every, kills - done)
    const { acknowledged, delivered, isBroken } = await inProcess(seed, from + life, count)
    done += count
    sum.acknowledged += acknowledged
    sum.delivered += delivered
    const minutes = ((performance.now() - started) / 60_000).toFixed(1)
    const figures = `${sum.acknowledged} sends acknowledged, ${sum.delivered} deliveries, ${minutes} min`
    console.log(`${done} kills, ${figures} (seed ${seed})`)
    if (!isBroken) continue
    process.exitCode = 1
    return
  }
}

async function inProcess(seed: number, world: number, count: number): Promise<Told> {
  const options = { seed, from: world, kills: count }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = fork(import.meta.filename, [...args, '--alone'])
  const exited = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`The life of seed ${seed} ended by ${code ?? signal} and told nothing.`)
  })
  const [told] = await Promise.race([once(child, 'message'), exited])
  await exited.catch(() => {})
  return told as Told
}

async function live(): Promise<Told> {
  const settings = worlds[from % worlds.length]
  const directory = await makeTemporaryDirectory('holdfast-history-')
  try {
    const history = await killAndRecord({ dataDir: directory.path, kills, dice: dice(first), settings, lifeMs })
    const violations = check(history)
    if (violations.length > 0) {
      const file = `history-${first}.json`
      await writeFile(file, JSON.stringify({ settings, history }))
      console.error(report(violations, first, file))
    }
    return {
      acknowledged: history.operations.filter((one) => one.op === 'send' && typeof one.outcome === 'object').length,
      delivered: history.operations.filter((one) => one.op === 'deliver').length,
      isBroken: violations.length > 0,
    }
  } finally {
    await directory.remove()
  }
}
