/** Clients that go away while their requests wait or are worked on: connections and memory come back. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FetchRequest, ProduceRequest } from '../../../src/broker/contract.js'
import { systemClock } from '../../../src/core/clock.js'
import { fetch, joinGroup, produce } from '../../../src/kafka/schemas/index.js'
import { KafkaServer } from '../../../src/kafka/server.js'
import { until } from '../../support/until.js'
import { batchOf, fetchBody, produceBody, RawClient, serve } from './served.js'

const endless = 2 ** 31 - 1

test('a client that goes while several of its fetches wait is let go of', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  for (const end of ['destroy', 'resetAndDestroy', 'end'] as const) {
    const fetches = t.mock.method(served.broker, 'fetch')
    const client = await served.raw()
    for (let at = 0; at < 4; at++) client.send(fetch, 11, fetchBody('orders', 0, { maxWaitMs: endless }))
    await until('the first one waits', () => fetches.mock.callCount() > 0)
    client.socket[end]()
    await until(`the connection is closed after ${end}`, () => served.server.connectionCount === 0)
    fetches.mock.restore()
  }
})

test('one that said more than is read ahead, and waits for a rebalance, is closed when it has been idle', async (t) => {
  const settings = { 'connections.max.idle.ms': 300, 'group.initial.rebalance.delay.ms': 600_000 }
  const served = await serve(t, settings)
  let elapsedMs = 0
  const joins = t.mock.method(served.broker, 'joinGroup')
  // An hour passes whenever a timer of the connection runs, once it has been heard.
  const clock = {
    ...systemClock,
    monotonic: () => elapsedMs,
    schedule: (ms: number, task: () => void, options?: { background?: boolean }) =>
      systemClock.schedule(
        Math.min(ms, 300),
        () => {
          if (joins.mock.callCount() > 0) elapsedMs += 3_600_000
          task()
        },
        options,
      ),
  }
  const server = await KafkaServer.listen(served.broker, { host: '127.0.0.1', port: 0, clock })
  t.after(() => server.close())
  const client = await RawClient.connect(server.port)
  const join = {
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: endless,
    memberId: '',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(1000) }],
  }
  for (let at = 0; at < 1000; at++) client.send(joinGroup, 3, join)
  await until('the first one waits', () => joins.mock.callCount() > 0)
  await client.closed
})

test('no fetch waits for longer than a minute', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  let waitMs = -1
  t.mock.method(served.broker, 'fetch', async (request: FetchRequest) => {
    waitMs = request.maxWaitMs
    return request.positions.map(({ topic, partition }) => ({
      topic,
      partition,
      highWatermark: 0,
      lastStableOffset: 0,
      logStartOffset: 0,
      records: [],
    }))
  })
  await (await served.raw()).ask(fetch, 11, fetchBody('orders', 0, { maxWaitMs: endless }))
  assert.equal(waitMs, 60_000)
})

test('the room of a request comes back when its work is done, not when its client has gone', async (t) => {
  const served = await serve(t, { 'queued.max.request.bytes': 1024 * 1024 })
  await served.broker.createTopic({ name: 'orders' })
  let letGo = (): void => {}
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const original = served.broker.produce.bind(served.broker)
  const mocked = t.mock.method(served.broker, 'produce', async (request: ProduceRequest) => {
    await held
    return original(request)
  })
  const body = produceBody('orders', batchOf(Buffer.alloc(900_000)))
  const gone = await served.raw()
  gone.send(produce, 9, body)
  await until('its request is worked on', () => mocked.mock.callCount() === 1)
  gone.socket.resetAndDestroy()
  await until('it is gone', () => served.server.connectionCount === 0)
  const next = await served.raw()
  next.send(produce, 9, body)
  const other = await served.raw()
  for (let at = 0; at < 50; at++) await other.ask(fetch, 11, fetchBody('orders', 0))
  assert.equal(mocked.mock.callCount(), 1)
  letGo()
  await next.answer()
})
