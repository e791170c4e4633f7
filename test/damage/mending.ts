/** `repair` of a harmed store, and what it is good for afterwards: it opens, its records are those that were written, and it takes more. */

import assert from 'node:assert/strict'
import { ManualClock } from '../../sim/manual-clock.js'
import { diskWith, type Files, filesOf } from '../../sim/stored-files.js'
import { HoldfastError } from '../../src/core/errors.js'
import { MessageStore } from '../../src/storage/message-store.js'
import { repair } from '../../src/storage/repair/repair.js'
import { dataPath } from '../storage/inspect/world.js'
import { batchOf, mib } from '../storage/support.js'
import { type Content, invented, serve } from './outcome.js'
import type { DamageWorld } from './worlds.js'

/** `left to hand`: repair says what a person has to do, and changes no more. */
export type Mended = 'mended' | 'left to hand'

/** @throws where a promise is broken */
export async function mend(world: DamageWorld, files: Files, content: Content): Promise<Mended> {
  const disk = await diskWith(files)
  const { settings } = world.tools(disk)
  const tools = { disk, clock: new ManualClock(), apply: true, choice: 'cut' } as const
  const report = await repair(dataPath, settings === undefined ? tools : { ...tools, settings }).catch((error) => {
    if (error instanceof HoldfastError && error.code !== 'DISK_FAILED') return undefined
    throw error
  })
  if (report === undefined || report.steps.some(({ kind }) => kind !== 'do')) return 'left to hand'
  const errors = report.findings.filter(({ severity }) => severity === 'error')
  assert.deepEqual(errors, [], 'what repair left')
  const mended = await filesOf(disk, dataPath)
  const served = await serve(world, mended, true)
  assert.deepEqual(invented(content, served), [], 'after repair')
  assert.deepEqual(served.errors, [], 'after repair')
  await takesMore(world, mended)
  return 'mended'
}

/** Each log that is there takes a batch, and serves it, also to the next process. */
async function takesMore(world: DamageWorld, files: Files): Promise<void> {
  const disk = await diskWith(files)
  const store = await MessageStore.open(dataPath, world.tools(disk))
  const taken: [topic: string, partition: number, offset: number][] = []
  for (const [topic, partition] of world.logs) {
    const log = store.log(topic, partition)
    if (log === undefined) continue
    const { baseOffset, acknowledged } = log.append(batchOf(['more']))
    await acknowledged
    taken.push([topic, partition, baseOffset])
  }
  await store.close()
  const next = await MessageStore.open(dataPath, world.tools(disk))
  for (const [topic, partition, offset] of taken) {
    const { records } = (await next.log(topic, partition)?.read(offset, mib)) ?? { records: [] }
    assert.ok(Buffer.concat(records).includes('more'), `${topic}-${partition} serves what it took at ${offset}`)
  }
  await next.close()
}
