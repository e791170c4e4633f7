/** A thousand clients at once, and clients that come and go by the thousand in every rude way. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeResponse } from '../../src/kafka/messages.js'
import { fetch, listOffsets, metadata, produce } from '../../src/kafka/schemas/index.js'
import { batchOf, fetchBody, produceBody, type RawClient } from '../kafka/server/served.js'
import { until } from '../support/until.js'
import { assertPeak, createTopic, figuresOf, loadWorld, mib, scaled, skipElsewhere } from './world.js'

/** An idle broker takes 65 MB, and Node collects what is garbage when there is some of it. */
const memoryLimit = 256 * mib

/** One client's life: each answer is the one to its question. */
async function speak(client: RawClient, name: string, rounds: number): Promise<number> {
  let produced = 0
  for (let round = 0; round < rounds; round++) {
    const { topics } = await client.ask(
      produce,
      9,
      produceBody('orders', batchOf(`${name} ${round}`), { partition: round % 8 }),
    )
    const [{ errorCode, baseOffset }] = topics[0].partitions
    assert.equal(errorCode, 0)
    produced++
    const fetched = await client.ask(
      fetch,
      11,
      fetchBody('orders', Number(baseOffset), { partition: round % 8, maxBytes: 1000 }),
    )
    assert.ok(fetched.topics[0].partitions[0].records?.includes(`${name} ${round}`))
    const known = await client.ask(metadata, 9, { topics: [{ name: 'orders' }] })
    assert.equal(known.topics[0].partitions.length, 8)
    const found = await client.ask(listOffsets, 5, {
      topics: [{ name: 'orders', partitions: [{ index: round % 8, timestamp: -1 }] }],
    })
    assert.ok(Number(found.topics[0].partitions[0].offset) > Number(baseOffset))
  }
  return produced
}

test('many clients at once are all answered, in bounded memory', { skip: skipElsewhere }, async (t) => {
  const world = await loadWorld(t)
  await createTopic(world, 'orders', 8)
  const before = figuresOf(world.broker.pid)
  const count = scaled(300, 1000)
  const clients = await world.clients(count)
  const rounds = scaled(1, 30)
  const counts = await Promise.all(clients.map((client, at) => speak(client, `client ${at}`, rounds)))
  const most = assertPeak(world.broker.pid, memoryLimit)
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    count * rounds,
  )
  const { files } = figuresOf(world.broker.pid)
  assert.ok(files >= count, `all are connected at once: ${files}`)
  t.diagnostic(`${4 * count * rounds} requests of ${count} clients; at most ${most} MiB`)
  for (const client of clients) client.close()
  await until('the connections are gone', () => figuresOf(world.broker.pid).files <= before.files + 10)
})

/** Ways to leave. */
const ends: readonly ((client: RawClient) => Promise<void>)[] = [
  async (client) => client.close(),
  async (client) => void client.socket.resetAndDestroy(),
  // Half-open: it has said its last, and still gets its answer.
  async (client) => {
    client.send(metadata, 9, { topics: [] })
    client.socket.end()
    decodeResponse(metadata, 9, await client.answer())
    await client.closed
  },
  // In the middle of a frame, which promised a mebibyte.
  async (client) => {
    client.write(Buffer.from([0, 16, 0, 0, 0, 0]), Buffer.alloc(5000))
    await new Promise((resolve) => setImmediate(resolve))
    client.close()
  },
  // With an answer on its way that nobody reads.
  async (client) => {
    client.send(fetch, 11, fetchBody('orders', 0, { maxWaitMs: 60_000 }))
    await new Promise((resolve) => setImmediate(resolve))
    client.close()
  },
]

test('clients that come and go leave nothing behind', { skip: skipElsewhere }, async (t) => {
  const world = await loadWorld(t)
  await createTopic(world, 'orders', 1)
  const total = scaled(200, 10_000)
  const warm = figuresOf(world.broker.pid)
  let begun = 0
  const comeAndGo = async (): Promise<void> => {
    while (begun < total) {
      const leave = ends[begun++ % ends.length]
      const client = await world.client()
      await leave(client)
      client.close()
    }
  }
  await Promise.all(Array.from({ length: 50 }, comeAndGo))
  await until('all handles are back', () => figuresOf(world.broker.pid).files <= warm.files + 10)
  const most = assertPeak(world.broker.pid, memoryLimit)
  assert.ok(figuresOf(world.broker.pid).threads <= warm.threads + 16)
  t.diagnostic(`${total} connections; at most ${most} MiB`)
})
