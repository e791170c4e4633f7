/** Clients that do not read, hardly read, or hardly write: they hold little, and nobody waits for them. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { decodeResponse, encodeRequest } from '../../src/kafka/messages.js'
import { apiVersions, fetch, metadata, produce } from '../../src/kafka/schemas/index.js'
import { batchOf, fetchBody, produceBody, type RawClient } from '../kafka/server/served.js'
import { until } from '../support/until.js'
import {
  assertPeak,
  createTopic,
  figuresOf,
  forgetPeak,
  isFull,
  loadWorld,
  mib,
  scaled,
  skipElsewhere,
  type World,
} from './world.js'

const endless = 2 ** 31 - 1
const valueBytes = 900_000
/** So that requests soon fill what the kernel keeps of them. */
const longName = 'x'.repeat(5000)

async function fill(world: World, topic: string, count: number): Promise<void> {
  const client = await world.client()
  for (let at = 0; at < count; at++) {
    const { topics } = await client.ask(produce, 9, produceBody(topic, batchOf(Buffer.alloc(valueBytes, at))))
    assert.equal(topics[0].partitions[0].errorCode, 0)
  }
}

/** Somebody in no hurry still gets all that there is, in order. */
async function readAll(client: RawClient, topic: string, count: number): Promise<void> {
  for (let offset = 0; offset < count; ) {
    const { topics } = await client.ask(fetch, 11, fetchBody(topic, offset, { maxWaitMs: 1000 }))
    offset += Math.round((topics[0].partitions[0].records?.length ?? 0) / valueBytes)
  }
}

/** What a broker holds at most, in bytes above the start, while many ask for all there is and read nothing. */
async function peakOfDeafReaders(t: TestContext, layout: string, budget: number): Promise<number> {
  const settings = { 'queued.max.response.bytes': budget, 'frame.timeout.ms': 1000 }
  const world = await loadWorld(t, { settings, complaints: /takes nothing of its answer/ })
  await createTopic(world, 'orders', 1, { 'storage.layout': layout })
  const count = scaled(12, 70)
  await fill(world, 'orders', count)
  forgetPeak(world.broker.pid)
  const start = figuresOf(world.broker.pid).memoryBytes
  for (const client of await world.clients(scaled(40, 200))) {
    client.socket.pause()
    for (let at = 0; at < 5; at++) client.send(fetch, 11, fetchBody('orders', 0, { maxBytes: endless }))
  }
  await readAll(await world.client(), 'orders', count)
  return figuresOf(world.broker.pid).peakBytes - start
}

const deafBudget = scaled(16, 256) * mib
/** A message is made into a batch beside what it is read from, and what was given back is collected by and by. */
const deafLimit = 1.5 * deafBudget + 128 * mib

for (const layout of ['segments', 'commitlog']) {
  test(`${layout}: large answers to clients that never read stay in their budget, and others read on`, {
    skip: skipElsewhere,
  }, async (t) => {
    const most = await peakOfDeafReaders(t, layout, deafBudget)
    t.diagnostic(`a budget of ${deafBudget / mib} MiB: at most ${Math.round(most / mib)} MiB more than before`)
    assert.ok(most <= deafLimit, `${Math.round(most / mib)} MiB were held`)
  })
}

test('without a budget the same clients are seen to take more', {
  skip: skipElsewhere || (!isFull && 'a check of the instrument, in npm run test:load'),
}, async (t) => {
  const most = await peakOfDeafReaders(t, 'segments', 2 ** 40)
  t.diagnostic(`no budget: at most ${Math.round(most / mib)} MiB more than before`)
  assert.ok(most > deafLimit, `only ${Math.round(most / mib)} MiB were held`)
})

test('a client that reads a byte now and then gets its answer whole, and others need not wait', {
  skip: skipElsewhere,
}, async (t) => {
  const world = await loadWorld(t)
  await createTopic(world, 'orders', 1)
  await fill(world, 'orders', 8)
  const socket = connect({ host: '127.0.0.1', port: world.port })
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  const question = fetchBody('orders', 0, { maxBytes: endless })
  socket.write(Buffer.concat(encodeRequest(fetch, 11, { correlationId: 1, clientId: 'slow' }, question)))
  const bytes: Buffer[] = []
  const others = readAll(await world.client(), 'orders', 8)
  for (let at = 0; at < scaled(5, 60); at++) {
    await pause(scaled(50, 1000))
    const byte = socket.read(1) as Buffer | null
    if (byte !== null) bytes.push(byte)
  }
  await others
  const length = (): number => bytes.reduce((sum, { length: more }) => sum + more, 0)
  socket.on('readable', () => {
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read()) bytes.push(chunk)
  })
  await until('all of it is here', () => length() >= 4 && length() === 4 + Buffer.concat(bytes).readInt32BE(0))
  const { topics } = decodeResponse(fetch, 11, Buffer.concat(bytes).subarray(4)).body
  assert.equal(Math.round((topics[0].partitions[0].records?.length ?? 0) / valueBytes), 8)
})

test('a client that asks on and never reads is not read itself, and costs no more than that', {
  skip: skipElsewhere,
}, async (t) => {
  const world = await loadWorld(t)
  await createTopic(world, 'orders', scaled(50, 2000))
  const deaf = await world.clients(scaled(2, 50))
  forgetPeak(world.broker.pid)
  for (const client of deaf) client.socket.pause()
  const stuck = deaf.map(async (client) => {
    // As long as the kernel or the broker takes them.
    for (let sent = 0; client.socket.writableLength < mib && sent < 100_000; sent++) {
      client.write(...encodeRequest(metadata, 9, { correlationId: sent, clientId: longName }, { topics: null }))
      if (sent % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    assert.ok(client.socket.writableLength >= mib, 'it is not read')
  })
  const other = await world.client()
  for (let at = 0; at < 100; at++) await other.ask(metadata, 9, { topics: [] })
  await Promise.all(stuck)
  const most = assertPeak(world.broker.pid, 256 * mib)
  t.diagnostic(`${deaf.length} clients that never read: at most ${most} MiB`)
})

test('a client that sends a byte now and then is let go of at frame.timeout.ms', { skip: skipElsewhere }, async (t) => {
  const world = await loadWorld(t, { settings: { 'frame.timeout.ms': 500 }, complaints: /was not whole after 500 ms/ })
  const slow = await world.client()
  const frame = Buffer.concat(encodeRequest(apiVersions, 3, { correlationId: 1, clientId: 'slow' }, {}))
  let isClosed = false
  void slow.closed.then(() => {
    isClosed = true
  })
  const other = await world.client()
  // It would come to its end, but not in time.
  for (let at = 0; at < frame.length - 1 && !isClosed; at++) {
    slow.write(frame.subarray(at, at + 1))
    await other.ask(metadata, 9, { topics: [] })
    await pause(100)
  }
  await slow.closed
})
