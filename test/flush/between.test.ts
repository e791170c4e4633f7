/** What is done between two rounds of a group commit: while none is on its way, and with the same end where it fails. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import { HoldfastError } from '../../src/core/errors.js'
import { GroupCommit } from '../../src/flush/group-commit.js'
import type { RoundTarget } from '../../src/flush/round-target.js'
import { gate } from '../storage/support.js'

function begin() {
  const happened: string[] = []
  const rounds: (() => void)[] = []
  const target: RoundTarget<number> = {
    sizeOf: () => 1,
    messagesIn: () => 1,
    writeRound(items) {
      happened.push(`begin ${items}`)
      return new Promise((resolve) =>
        rounds.push(() => {
          happened.push(`end ${items}`)
          resolve()
        }),
      )
    },
    sync: async () => {},
    failed: (cause) => new HoldfastError('LOG_FAILED', String(cause)),
  }
  const commit = new GroupCommit(target, { acknowledgeAfter: 'sync', timeoutMs: 5000 }, new ManualClock())
  return { commit, happened, rounds }
}

test('it waits for the round on its way, goes before the next one, and its answer is passed on', async () => {
  const { commit, happened, rounds } = begin()
  void commit.submit(1)
  await settled()
  const held = gate()
  const answer = commit.between(async () => {
    happened.push('errand')
    await held.passed
    return 42
  })
  void commit.submit(2)
  await settled()
  assert.deepEqual(happened, ['begin 1'])
  rounds[0]()
  await settled()
  assert.deepEqual(happened, ['begin 1', 'end 1', 'errand'])
  held.open()
  assert.equal(await answer, 42)
  await settled()
  rounds[1]()
  await commit.flush()
  assert.deepEqual(happened, ['begin 1', 'end 1', 'errand', 'begin 2', 'end 2'])
})

test('it runs where nothing is written at all, and one after the other', async () => {
  const { commit } = begin()
  const held = gate()
  const order: number[] = []
  const first = commit.between(async () => {
    await held.passed
    order.push(1)
  })
  const second = commit.between(async () => void order.push(2))
  await settled()
  assert.deepEqual(order, [])
  held.open()
  await Promise.all([first, second])
  assert.deepEqual(order, [1, 2])
  await commit.stop()
})

test('where it fails the log has failed: for those who wait, for errands behind it, and for all who come', async () => {
  const { commit } = begin()
  const failing = commit.between(() => Promise.reject(new Error('no disk')))
  const behind = commit.between(async () => assert.fail('it must not run'))
  const submitted = commit.submit(1)
  for (const refused of [failing, behind, submitted]) await assert.rejects(refused, { code: 'LOG_FAILED' })
  await assert.rejects(
    commit.between(async () => {}),
    { code: 'LOG_FAILED' },
  )
  await commit.stop()
})
