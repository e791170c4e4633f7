/** Produced batches: unpacking leaves turns of the event loop to others, and the order of a partition is kept. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settled } from '../../sim/manual-clock.js'
import { Intake } from '../../src/broker/intake.js'
import { type Clock, systemClock } from '../../src/core/clock.js'
import type { Codec } from '../../src/records/format.js'

const plain: readonly Codec[] = []
const packed: readonly Codec[] = ['gzip']

/** Every look at the clock takes so long. */
function intakeWhere(msPerLook: number): Intake {
  let ms = 0
  const clock: Clock = {
    ...systemClock,
    monotonic: () => {
      ms += msPerLook
      return ms
    },
  }
  return new Intake(clock)
}

test('what is not compressed is appended before the call returns, and so is a little that is', () => {
  const intake = intakeWhere(1)
  assert.equal(
    intake.take('t', 0, plain, () => 'plain'),
    'plain',
  )
  assert.equal(
    intake.take('t', 0, packed, () => 'packed'),
    'packed',
  )
})

test('many large batches are unpacked one in a turn', async () => {
  const intake = intakeWhere(20)
  let unpacked = 0
  const all = Promise.all(
    Array.from({ length: 5 }, (_, partition) => intake.take('t', partition, packed, () => unpacked++)),
  )
  const afterEachTurn = [unpacked]
  for (let turn = 0; turn < 4; turn++) {
    await settled()
    afterEachTurn.push(unpacked)
  }
  assert.deepEqual(await all, [0, 1, 2, 3, 4])
  for (const [turn, count] of afterEachTurn.entries()) assert.ok(count <= turn + 1, `${count} after ${turn} turns`)
})

test('a partition keeps the order of its calls, and the others do not wait', async () => {
  const intake = intakeWhere(20)
  const order: string[] = []
  const take = (partition: number, codecs: readonly Codec[], what: string) =>
    intake.take('t', partition, codecs, () => {
      order.push(what)
    })
  const all = [
    take(0, packed, 'a'),
    take(0, packed, 'b'),
    take(0, plain, 'c'),
    take(1, plain, 'other'),
    take(0, packed, 'd'),
  ]
  assert.deepEqual(order, ['a', 'other'])
  await Promise.all(all)
  assert.deepEqual(order, ['a', 'other', 'b', 'c', 'd'])
  take(0, plain, 'at once again')
  assert.equal(order.at(-1), 'at once again')
})

test('one that is refused does not hold up those behind it', async () => {
  const intake = intakeWhere(20)
  const refuse = () => {
    throw new Error('no')
  }
  assert.throws(() => intake.take('t', 0, packed, refuse), /no/)
  const second = intake.take('t', 0, packed, refuse)
  const third = intake.take('t', 0, plain, () => 'there')
  await assert.rejects(async () => second, /no/)
  assert.equal(await third, 'there')
})
