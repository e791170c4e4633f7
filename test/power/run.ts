/**
 * Power cuts under a real file system, as many as asked for: `npm run test:power -- --cuts 1000 --file-system xfs`. Each
 * seed is a world of its own, some recordings in it, and cuts in them. What breaks a promise is kept, with the command that
 * looks at it again.
 */

import { parseArgs } from 'node:util'
import { newFileSystem, withoutRecordedDisk } from '../support/block-device/file-systems.js'
import type { FileSystemKind } from '../support/block-device/linux.js'
import { makePowerDirectory } from '../support/block-device/undoing.js'
import { campaign } from './campaign.js'
import { BrokenPromise, replay } from './cutting.js'

const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '2000' },
    'per-seed': { type: 'string', default: '120' },
    steps: { type: 'string', default: '40' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    'file-system': { type: 'string', default: 'ext4' },
    replay: { type: 'string' },
  },
})

const fileSystem = values['file-system'] as FileSystemKind
if (withoutRecordedDisk(fileSystem) !== false) process.exit(2)
const directory = makePowerDirectory()
try {
  if (values.replay === undefined) await run()
  else console.log(`No promise is broken (any more): ${JSON.stringify(await replay(directory.path, values.replay))}`)
} catch (error) {
  console.error(error instanceof BrokenPromise ? error.message : error)
  process.exitCode = 1
} finally {
  directory.remove()
}

async function run(): Promise<void> {
  const newDisk = newFileSystem(directory.path, fileSystem)
  const wanted = Number(values.cuts)
  const sums = { seeds: 0, recordings: 0, writes: 0, flushes: 0, cuts: 0, cutsAfterCuts: 0, promised: 0, broken: 0 }
  for (let seed = Number(values.seed); sums.cuts < wanted; seed++) {
    const began = performance.now()
    const options = { directory: directory.path, newDisk, seed, choice: { fileSystem } }
    const counts = { cuts: Number(values['per-seed']), steps: Number(values.steps), followed: 2 }
    try {
      const result = await campaign({ ...options, ...counts })
      const { world, ...figures } = result
      const { settings } = world
      const names = ['storage.layout', 'flush.disk.type', 'file.engine', 'file.preallocate'] as const
      const shown = [world.face, ...names.map((name) => settings[name]), world.mountOptions].join(' ')
      const seconds = ((performance.now() - began) / 1000).toFixed(1)
      console.log(`seed ${seed}: ${shown}: ${figures.cuts} cuts, ${figures.promised} promises kept, ${seconds} s`)
      for (const name of ['recordings', 'writes', 'flushes', 'cuts', 'cutsAfterCuts', 'promised'] as const) {
        sums[name] += figures[name]
      }
    } catch (error) {
      if (!(error instanceof BrokenPromise)) throw error
      console.error(`seed ${seed}: ${error.message}`)
      sums.broken++
      process.exitCode = 1
      if (sums.broken >= 5) break
    }
    sums.seeds++
  }
  console.log(JSON.stringify(sums))
}
