/** SIGKILL under load, 50 times here, as often as HOLDFAST_TEST_KILLS says elsewhere (`npm run test:kill` says 1000). */

import { test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { withoutKcat } from '../support/tools.js'
import { killLoop } from './kill-loop.js'
import { dice, seedFor } from './seeded.js'
import { kafkajsWriter, kcatWriter, libraryWriter, type StartWriter } from './writers.js'

const kills = Number(process.env['HOLDFAST_TEST_KILLS'] ?? 50)

test(`${kills} kills of a served broker under load lose nothing that was acknowledged`, {
  timeout: kills * 20_000,
}, async (t) => {
  const seed = seedFor('HOLDFAST_TEST_SEED')
  t.diagnostic(`seed ${seed} (HOLDFAST_TEST_SEED=${seed} repeats the moments of the kills)`)
  const writers: Record<string, StartWriter> = { library: libraryWriter, kafkajs: kafkajsWriter }
  if (withoutKcat() === false) writers['kcat'] = kcatWriter
  const directory = await makeTemporaryDirectory('holdfast-kill-')
  try {
    // Segments of the smallest size, so that kills fall into rolls as well.
    const settings = { 'log.segment.bytes': 1 << 20, 'log.flush.offset.checkpoint.interval.ms': 200 }
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
