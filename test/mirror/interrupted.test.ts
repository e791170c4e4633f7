/** The program is killed while it copies, again and again, and each time goes on: in the end nothing is missing or there twice. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { ManualClock } from '../../sim/manual-clock.js'
import type { BrokerService } from '../../src/broker/contract.js'
import { type Clock, systemClock } from '../../src/core/clock.js'
import { HoldfastError } from '../../src/core/errors.js'
import { Throttle } from '../../src/core/throttle.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { instead } from '../client/world.js'
import { holdfast, serve } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'
import { until } from '../support/until.js'
import { brokerAt, factsOf, fillPlain, fillSource, folder, mirrored, newBroker, offsetsOf } from './world.js'

interface Line {
  readonly kind: string
  readonly messages: number
  readonly verified?: { readonly messages: number }
}

/** Starts a mirror that copies slowly, and kills it once it has told of progress. */
async function killedOnTheWay(from: string, to: string): Promise<void> {
  const args = ['mirror', '--from', from, '--to', to, '--max-rate', '400000', '--topic', 'plain', '--json']
  const child = spawn(process.execPath, [holdfast, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = once(child, 'exit')
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
  })
  const copied = () => said.split('\n').some((line) => /"messages":[1-9]/.test(line))
  await until('progress of a mirror', () => copied() || child.exitCode !== null)
  child.kill('SIGKILL')
  await exited
}

async function finished(from: string, to: string): Promise<Line> {
  const args = ['mirror', '--from', from, '--to', to, '--topic', 'plain', '--cut-over', '--json']
  const { code, stdout, stderr } = await runProgram(process.execPath, [holdfast, ...args])
  assert.equal(code, 0, stderr + stdout)
  return JSON.parse(stdout.toString().trimEnd().split('\n').at(-1) ?? '') as Line
}

describe('a mirror that is killed', () => {
  test('goes on into a folder', async (t) => {
    const [from, to] = [await folder(t), await folder(t)]
    const source = await brokerAt(t, from)
    await source.createTopic({ name: 'plain', partitions: 2 })
    await fillPlain(source, 'plain', 8)
    const expected = await factsOf(source)
    await source.close()
    for (let kills = 0; kills < 2; kills++) await killedOnTheWay(from, to)
    const { messages, verified } = await finished(from, to)
    assert.ok(messages > 0 && messages < (verified?.messages ?? 0), `${messages} messages were left to copy`)
    assert.deepEqual(await factsOf(await brokerAt(t, to)), expected)
  })

  test('goes on into a served broker', async (t) => {
    const [from, to] = [await folder(t), await folder(t)]
    const source = await brokerAt(t, from)
    await source.createTopic({ name: 'plain', partitions: 2 })
    await fillPlain(source, 'plain', 8)
    const ends = await factsOf(source).then((facts) => [facts['plain-0'], facts['plain-1']] as { end: number }[])
    await source.close()
    const served = await serve(to)
    try {
      for (let kills = 0; kills < 2; kills++) await killedOnTheWay(from, served.address)
      const { verified } = await finished(from, served.address)
      assert.equal(verified?.messages, ends[0].end + ends[1].end)
      const remote = await RemoteBroker.connect(served.address)
      const [{ partitions }] = await remote.describeTopics(['plain'])
      await remote.close()
      assert.deepEqual(
        partitions.map(({ highWatermark }) => highWatermark),
        ends.map(({ end }) => end),
      )
    } finally {
      await served.end('SIGTERM')
    }
  })
})

test('a side that is away for a while is waited for, whatever was under way', async (t) => {
  const [source, target] = [await newBroker(t), await newBroker(t)]
  await fillSource(source)
  let calls = 0
  const lost = (call: string): void => {
    // Placing the partitions anew takes fourteen of them.
    if (++calls % 23 === 2) throw new HoldfastError('CONNECTION_FAILED', `gone in ${call}`)
  }
  const shaky = (broker: typeof source): BrokerService =>
    instead(broker, {
      fetch: async (request) => {
        lost('fetch')
        return broker.fetch({ ...request, maxBytes: 200_000 })
      },
      appendCopies: async (copied) => {
        lost('a write')
        await broker.appendCopies(copied)
        lost('the answer to a write')
      },
    })
  const schedule: Clock['schedule'] = (delayMs, task) => systemClock.schedule(Math.min(delayMs, 2), task)
  const clock = { ...systemClock, schedule }
  const { notes } = await mirrored({ source: shaky(source), target: shaky(target), verifies: false, clock })
  assert.ok(notes.length > 3, `${notes.length} failures were told`)
  assert.deepEqual(await factsOf(target), await factsOf(source))
  assert.deepEqual(await offsetsOf(target, 'readers'), await offsetsOf(source, 'readers'))
})

test('a throttle lets an average through', async () => {
  const clock = new ManualClock()
  const throttle = new Throttle(clock, 1000)
  let spent = 0
  const spending = (async () => {
    for (const bytes of [500, 1500, 1000]) {
      await throttle.spend(bytes)
      spent += bytes
    }
  })()
  for (const [ms, expected] of [
    [499, 0],
    [1, 500],
    [1499, 500],
    [1, 2000],
    [1000, 3000],
  ]) {
    clock.advance(ms)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(spent, expected)
  }
  await spending
})
