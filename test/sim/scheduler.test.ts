/** Simulated time: events in their order, the same for the same seed, and a stop in between. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Scheduler } from '../../sim/scheduler.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'

const scheduler = (seed = 1): Scheduler => new Scheduler(new SeededRandomness(seed), 1000)

test('timers run in order of time, then of asking, and time passes by them alone', async () => {
  const clock = scheduler()
  const seen: string[] = []
  const note = (name: string) => () => void seen.push(`${name} ${clock.monotonic()} ${clock.now()}`)
  clock.schedule(20, note('late'))
  clock.schedule(5, note('first'))
  clock.schedule(5, note('second'))
  clock.schedule(7, note('never')).cancel()
  clock.soon(note('soon'))
  assert.equal(await clock.run(clock.sleep(30)), 'settled')
  assert.deepEqual(seen, ['soon 0 1000', 'first 5 1005', 'second 5 1005', 'late 20 1020'])
})

test('calls of a disk overtake each other, in an order that the seed repeats', async () => {
  const orderOf = async (seed: number): Promise<number[]> => {
    const clock = scheduler(seed)
    const order: number[] = []
    const calls = Array.from({ length: 20 }, (_, i) => clock.pace().then(() => order.push(i)))
    await clock.run(Promise.all(calls))
    return order
  }
  const first = await orderOf(7)
  assert.deepEqual(await orderOf(7), first)
  assert.notDeepEqual(await orderOf(8), first)
  assert.notDeepEqual(
    first,
    [...first].sort((a, b) => a - b),
  )
})

test('a run stops after so many events, and nothing goes on by itself', async () => {
  const clock = scheduler()
  let turns = 0
  const forever = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(1)
      turns++
    }
  }
  assert.equal(await clock.run(forever(), { events: 10 }), 'stopped')
  assert.equal(turns, 10)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(turns, 10)
})

test('an error of an event ends the run, and no event comes after it', async () => {
  const clock = scheduler()
  let later = 0
  clock.schedule(1, () => {
    throw new Error('broken')
  })
  clock.schedule(2, () => later++)
  await assert.rejects(clock.run(clock.sleep(5)), /broken/)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(later, 0)
})

test('between two events every promise settles that can, however long the chain is', async () => {
  const clock = scheduler()
  const seen: string[] = []
  const follow = async (name: string): Promise<void> => {
    await clock.sleep(1)
    for (let link = 0; link < 1000; link++) await undefined
    await new Promise<void>((resolve) => process.nextTick(resolve))
    seen.push(name)
  }
  const first = follow('one')
  clock.schedule(1, () => seen.push('timer'))
  await clock.run(Promise.all([first, follow('other')]))
  assert.deepEqual(seen, ['one', 'timer', 'other'])
})

test('who waits for what never comes is stuck, also where timers go on', async () => {
  const never = new Promise<never>(() => {})
  assert.equal(await scheduler().run(never), 'stuck')
  const clock = scheduler()
  const tick = (): void => void clock.schedule(10, tick)
  tick()
  assert.equal(await clock.run(never, { patienceMs: 1000 }), 'stuck')
})
