/** SIGKILL under load, a few times here, as often as HOLDFAST_TEST_KILLS says elsewhere (`npm run test:kill` says 1000). */

import { test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { withoutKcat } from '../support/tools.js'
import { killLoop } from './kill-loop.js'
import { dice, seedFor } from './seeded.js'
import { kafkajsWriter, kcatWriter, libraryWriter, type StartWriter } from './writers.js'

const checkpoints = { 'log.flush.offset.checkpoint.interval.ms': 200 }
/** Segments, and files of the commit log, of small sizes, so that kills fall into rolls as well. */
const worlds = {
  segments: {
    kills: Number(process.env['HOLDFAST_TEST_KILLS'] ?? 15),
    settings: { ...checkpoints, 'log.segment.bytes': 1 << 20 },
  },
  commitlog: {
    kills: Number(process.env['HOLDFAST_TEST_KILLS'] ?? 8),
    settings: {
      ...checkpoints,
      'storage.layout': 'commitlog',
      // 10,000 of kcat's small messages are one batch, and take several times as much as messages of the commit log.
      'mapped.file.size.commitlog': 1 << 22,
      'mapped.file.size.consumequeue': 20_000,
      'max.hash.slot.num': 1000,
      'max.index.num': 4000,
    },
  },
} as const

for (const [layout, { kills, settings }] of Object.entries(worlds)) {
  test(`${kills} kills of a served broker under load lose nothing that was acknowledged: ${layout}`, {
    timeout: kills * 20_000,
  }, async (t) => {
    const seed = seedFor('HOLDFAST_TEST_SEED')
    t.diagnostic(`seed ${seed} (HOLDFAST_TEST_SEED=${seed} repeats the moments of the kills)`)
    const writers: Record<string, StartWriter> = { library: libraryWriter, kafkajs: kafkajsWriter }
    if (withoutKcat() === false) writers['kcat'] = kcatWriter
    const directory = await makeTemporaryDirectory('holdfast-kill-')
    try {
      const onRound = (round: number, acknowledged: number) => {
        if (kills > 50 && round % 50 === 49) t.diagnostic(`${round + 1} kills, ${acknowledged} messages acknowledged`)
      }
      const result = await killLoop({ dataDir: directory.path, kills, dice: dice(seed), writers, settings, onRound })
      t.diagnostic(
        `${result.acknowledged} acknowledged messages found, ${result.unacknowledged} more that nobody was told of`,
      )
    } finally {
      await directory.remove()
    }
  })
}
