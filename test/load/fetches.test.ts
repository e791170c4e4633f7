/** Many fetches that wait, and requests as large as they may be. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeResponse } from '../../src/kafka/messages.js'
import { fetch, metadata, produce } from '../../src/kafka/schemas/index.js'
import { batchOf, fetchBody, produceBody } from '../kafka/server/served.js'
import { assertPeak, createTopic, figuresOf, forgetPeak, loadWorld, mib, scaled, skipElsewhere } from './world.js'

test('fetches that wait by the thousand are woken by one message, and the broker complains of nothing', {
  skip: skipElsewhere,
}, async (t) => {
  const world = await loadWorld(t)
  await createTopic(world, 'orders', 1)
  const clients = await world.clients(scaled(300, 3000))
  forgetPeak(world.broker.pid)
  for (const client of clients) client.send(fetch, 11, fetchBody('orders', 0, { maxWaitMs: 60_000 }))
  // Whoever is answered after them, they are waiting.
  await Promise.all((await world.clients(50)).map((client) => client.ask(metadata, 9, { topics: [] })))
  const sender = await world.client()
  await sender.ask(produce, 9, produceBody('orders', batchOf('to all')))
  for (const client of clients) {
    const { topics } = decodeResponse(fetch, 11, await client.answer()).body
    assert.ok(topics[0].partitions[0].records?.includes('to all'))
  }
  const most = assertPeak(world.broker.pid, 256 * mib)
  t.diagnostic(`at most ${most} MiB`)
})

test('frames of the greatest length are taken, one more is not, and many at once stay in the budget', {
  skip: skipElsewhere,
}, async (t) => {
  const frameBytes = scaled(8, 100) * mib
  const budget = 2.5 * frameBytes
  const settings = {
    'socket.request.max.bytes': frameBytes,
    'queued.max.request.bytes': budget,
    'message.max.bytes': frameBytes,
    'flush.commitlog.timeout': 120_000,
  }
  const world = await loadWorld(t, { settings, complaints: /A frame claims a length/ })
  await createTopic(world, 'orders', 1)
  const start = figuresOf(world.broker.pid).memoryBytes
  forgetPeak(world.broker.pid)
  // What stands around the value of a request in this version, with room to spare.
  const body = produceBody('orders', batchOf(Buffer.alloc(frameBytes - 1000)))
  const senders = await world.clients(8)
  const offsets = await Promise.all(
    senders.map(async (client) => {
      const { topics } = await client.ask(produce, 9, body)
      assert.equal(topics[0].partitions[0].errorCode, 0)
      return Number(topics[0].partitions[0].baseOffset)
    }),
  )
  assert.deepEqual(
    offsets.toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7],
  )
  const tooLong = await world.client()
  const head = Buffer.alloc(4)
  head.writeInt32BE(frameBytes + 1)
  tooLong.write(head, Buffer.alloc(100))
  await tooLong.closed
  // Buffers grow by doubling, so that the old and the new one are there for a moment; and the kept ones stay.
  const most = assertPeak(world.broker.pid, start + budget + 2 * frameBytes + 96 * mib)
  t.diagnostic(`8 frames of ${frameBytes / mib} MiB at once; at most ${most} MiB`)
})

test('who asks for two gibibytes gets what one answer may hold, and all of it by and by', {
  skip: skipElsewhere,
}, async (t) => {
  const world = await loadWorld(t, { settings: { 'fetch.max.bytes': 4 * mib } })
  for (const layout of ['segments', 'commitlog']) {
    await createTopic(world, layout, 1, { 'storage.layout': layout })
    const client = await world.client()
    const total = 12
    for (let at = 0; at < total; at++) {
      await client.ask(produce, 9, produceBody(layout, batchOf(Buffer.alloc(900_000, at))))
    }
    const endless = 2 ** 31 - 1
    let offset = 0
    while (offset < total) {
      const { topics } = await client.ask(fetch, 11, fetchBody(layout, offset, { maxBytes: endless }))
      const { records } = topics[0].partitions[0]
      assert.ok(records !== null && records.length > 0 && records.length <= 4 * mib)
      offset += Math.round(records.length / 900_000)
    }
    assert.equal(offset, total)
  }
})
