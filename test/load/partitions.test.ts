/** Ten thousand partitions: made, written, found again after a start, with few files open. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeResponse } from '../../src/kafka/messages.js'
import { fetch, produce } from '../../src/kafka/schemas/index.js'
import { batchOf, type RawClient } from '../kafka/server/served.js'
import { createTopic, figuresOf, loadWorld, scaled, skipElsewhere } from './world.js'

const perRequest = 100

function* groupsOf(count: number): Iterable<number[]> {
  for (let from = 0; from < count; from += perRequest) yield Array.from({ length: perRequest }, (_, at) => from + at)
}

const nameOf = (partition: number, round: number): string => `message ${round} of ${partition}`

/** Requests follow each other without waiting; each partition answers with the next offset. */
async function produceToAll(client: RawClient, count: number, round: number): Promise<void> {
  const groups = [...groupsOf(count)]
  for (const group of groups) {
    const partitions = group.map((index) => ({ index, records: batchOf(nameOf(index, round)) }))
    client.send(produce, 9, { acks: -1, timeoutMs: 60_000, topics: [{ name: 'many', partitions }] })
  }
  for (const _ of groups) {
    for (const { errorCode, baseOffset } of decodeResponse(produce, 9, await client.answer()).body.topics[0]
      .partitions) {
      assert.deepEqual([errorCode, Number(baseOffset)], [0, round])
    }
  }
}

async function fetchFromAll(client: RawClient, count: number, rounds: number): Promise<void> {
  for (const group of groupsOf(count)) {
    const partitions = group.map((index) => ({ index, fetchOffset: 0, maxBytes: 100_000 }))
    const { topics } = await client.ask(fetch, 11, {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: 16 * 1024 * 1024,
      topics: [{ name: 'many', partitions }],
    })
    for (const { index, errorCode, records } of topics[0].partitions) {
      assert.equal(errorCode, 0)
      for (let round = 0; round < rounds; round++) assert.ok(records?.includes(nameOf(index, round)))
    }
  }
}

for (const layout of ['segments', 'commitlog']) {
  test(`${layout}: thousands of partitions need few open files, and a start finds all they hold`, {
    skip: skipElsewhere,
  }, async (t) => {
    const count = scaled(100, 10_000)
    const world = await loadWorld(t)
    await createTopic(world, 'many', count, { 'storage.layout': layout })
    const client = await world.client()
    await produceToAll(client, count, 0)
    await produceToAll(client, count, 1)
    const { files } = figuresOf(world.broker.pid)
    assert.ok(files < 700, `${files} files are open`)
    await world.restart()
    const again = await world.client()
    await fetchFromAll(again, count, 2)
    await produceToAll(again, count, 2)
    const after = figuresOf(world.broker.pid)
    assert.ok(after.files < 700, `${after.files} files are open`)
    t.diagnostic(
      `${count} partitions: ${Math.max(files, after.files)} files open, started in ${Math.round(world.broker.readyAfterMs)} ms`,
    )
  })
}
