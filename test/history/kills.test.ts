/** A few kills under load in each layout, checked; `npm run test:history` does many, under all policies and engines. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { dice, seedFor } from '../crash/seeded.js'
import { check, report } from './checker.js'
import type { History, Send } from './history.js'
import { killAndRecord } from './kill-and-record.js'

const kills = 2

/** The same history, of a broker that acknowledged the last message and forgot it. */
function forgetting(history: History): History {
  const final = history.final.map(({ start, records }) => ({
    start,
    records: records.filter(({ payload }) => payload !== lastOf(history)),
  }))
  return { ...history, final }
}

const lastOf = ({ operations }: History) =>
  operations.filter((one): one is Send => one.op === 'send' && typeof one.outcome === 'object').at(-1)?.payload

for (const layout of ['segments', 'commitlog']) {
  test(`what clients see through ${kills} kills agrees with the log: ${layout}`, { timeout: 200_000 }, async (t) => {
    const seed = seedFor('HOLDFAST_TEST_SEED')
    t.diagnostic(`seed ${seed} (HOLDFAST_TEST_SEED=${seed} repeats the moments of the kills)`)
    const directory = await makeTemporaryDirectory('holdfast-history-')
    try {
      const settings = { 'storage.layout': layout }
      const history = await killAndRecord({ dataDir: directory.path, kills, dice: dice(seed), settings })
      const violations = check(history)
      assert.equal(violations.length, 0, report(violations, seed, 'no file'))
      assert.ok(lastOf(history) !== undefined)
      assert.ok(check(forgetting(history)).some(({ rule }) => rule === 'acknowledged-lost'))
    } finally {
      await directory.remove()
    }
  })
}
