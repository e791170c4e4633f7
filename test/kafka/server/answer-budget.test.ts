/** Fetched records in memory: bounded over all connections, shared fairly, and never held for good by one that is deaf. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../../../sim/manual-clock.js'
import { silentLogger } from '../../../src/core/logger.js'
import { AnswerBudget, type AnswerHolder } from '../../../src/kafka/answer-budget.js'
import { decodeResponse } from '../../../src/kafka/messages.js'
import { fetch } from '../../../src/kafka/schemas/index.js'
import { until } from '../../support/until.js'
import { batchOf, fetchBody, type RawClient, serve } from './served.js'

const mib = 1024 * 1024
const stallMs = 1000

function budgetOf(limitBytes: number, leastBytes = mib) {
  const clock = new ManualClock()
  return {
    clock,
    budget: new AnswerBudget({ limitBytes, leastBytes, stallMs: () => stallMs, clock, logger: silentLogger }),
  }
}

class Holder implements AnswerHolder {
  unsentBytes = 0
  readonly client = 'somebody'
  ended = 0
  endStalled(): void {
    this.ended++
  }
}

const never = new AbortController().signal

test('what is held never passes the limit, and all of it comes back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(9), fc.nat(40 * mib), fc.nat(100)), { maxLength: 80 }), async (steps) => {
      const { budget } = budgetOf(64 * mib)
      const rooms = Array.from({ length: 10 }, () => budget.roomFor(new Holder()))
      for (const [at, wanted, percent] of steps) {
        rooms[at].giveBack()
        const granted = rooms[at].take(wanted + 1)
        assert.ok(granted <= wanted + 1)
        rooms[at].settle(Math.floor((granted * percent) / 100))
        assert.ok(budget.usedBytes <= 64 * mib, `${budget.usedBytes} are held`)
      }
      for (const room of rooms) room.giveBack()
      assert.equal(budget.usedBytes, 0)
    }),
  )
})

test('answers become smaller before anybody waits, and who waits is let in by turns', async () => {
  const { budget } = budgetOf(64 * mib)
  const rooms = []
  const sizes: number[] = []
  for (;;) {
    const room = budget.roomFor(new Holder())
    const size = room.take(55 * mib)
    if (size === 0) break
    sizes.push(size)
    rooms.push(room)
  }
  assert.equal(sizes[0], 16 * mib)
  assert.deepEqual(
    sizes,
    sizes.toSorted((a, b) => b - a),
  )
  assert.ok(sizes.length > 10)
  const order: string[] = []
  const waits = ['first', 'second'].map((name) =>
    budget
      .roomFor(new Holder())
      .takeInTurn(mib, never)
      .then((bytes) => order.push(`${name} ${bytes}`)),
  )
  const impatient = new AbortController()
  const gaveUp = budget.roomFor(new Holder()).takeInTurn(mib, impatient.signal)
  impatient.abort()
  assert.equal(await gaveUp, 0)
  assert.equal(budget.roomFor(new Holder()).take(1), 0)
  rooms[0].giveBack()
  await Promise.all(waits)
  assert.deepEqual(order, [`first ${mib}`, `second ${mib}`])
})

test('who takes nothing is let go of when others wait, and who takes a byte now and then is not', async () => {
  const { budget, clock } = budgetOf(2 * mib)
  const deaf = new Holder()
  const slow = new Holder()
  for (const holder of [deaf, slow]) {
    assert.equal(budget.roomFor(holder).take(mib), mib)
    holder.unsentBytes = mib
  }
  clock.advance(10 * stallMs)
  assert.deepEqual([deaf.ended, slow.ended], [0, 0], 'nobody waits')
  void budget.roomFor(new Holder()).takeInTurn(mib, never)
  slow.unsentBytes--
  clock.advance(stallMs)
  assert.deepEqual([deaf.ended, slow.ended], [1, 0])
})

/** Asks for more than the kernel keeps for it, and reads nothing. */
function askDeaf(client: RawClient): void {
  client.socket.pause()
  for (let at = 0; at < 20; at++) client.send(fetch, 11, fetchBody('orders', 0, { maxBytes: 2 ** 31 - 1 }))
}

test('deaf readers of any number hold no more than the limit, and a reader gets its records in the end', async (t) => {
  const settings = { 'queued.max.response.bytes': 4 * mib, 'frame.timeout.ms': 300 }
  const served = await serve(t, settings)
  await served.broker.createTopic({ name: 'orders' })
  const value = Buffer.alloc(900_000, 'x')
  for (let at = 0; at < 12; at++) {
    await served.broker.produce({ topic: 'orders', partition: 0, batch: batchOf(value) })
  }
  const fetches = t.mock.method(served.broker, 'fetch')
  for (let at = 0; at < 30; at++) askDeaf(await served.raw())
  await until('all have asked', () => fetches.mock.callCount() >= 30)
  const reader = await served.raw()
  let found = 0
  for (let at = 0; found === 0 && at < 20; at++) {
    reader.send(fetch, 11, fetchBody('orders', 3, { maxWaitMs: 0 }))
    const { topics } = decodeResponse(fetch, 11, await reader.answer()).body
    found = topics[0].partitions[0].records?.length ?? 0
  }
  assert.ok(found > value.length)
  assert.ok(served.complaints.some((text) => text.includes('takes nothing of its answer')))
})
