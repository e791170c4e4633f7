/** DescribeLogDirs says what is stored where, and what room there is. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodeDisk } from '../../../src/files/node-disk.js'
import * as kafka from '../../../src/kafka/schemas/index.js'
import { buildBatch } from '../../../src/records/builder.js'
import { serve } from './served.js'

test('sizes of the partitions that are asked for, the directory, and its file system', async (t) => {
  const served = await serve(t)
  const client = await served.raw()
  await served.broker.createTopic({ name: 'orders', partitions: 2 })
  await served.broker.createTopic({ name: 'others' })
  const batch = buildBatch([{ value: Buffer.alloc(1000), timestamp: 1 }]).bytes
  await served.broker.produce({ topic: 'orders', partition: 1, batch })
  const empty = { offsetLag: 0, isFutureKey: false }
  const orders = [
    { ...empty, index: 0, sizeInBytes: 0 },
    { ...empty, index: 1, sizeInBytes: batch.length },
  ]

  const all = await client.ask(kafka.describeLogDirs, 4, { topics: null })
  const [{ errorCode, logDir, topics, totalBytes, usableBytes }] = all.results
  assert.deepEqual([all.errorCode, errorCode, all.results.length], [0, 0, 1])
  assert.ok((await nodeDisk.list(join(logDir, 'orders-1')))?.length)
  assert.deepEqual(
    topics.map(({ name }) => name),
    ['orders', 'others'],
  )
  assert.deepEqual(topics[0].partitions, orders)
  assert.ok(usableBytes > 0 && totalBytes > usableBytes)

  const one = [
    { name: 'orders', partitions: [1, 7] },
    { name: 'nothing', partitions: [0] },
  ]
  const some = await client.ask(kafka.describeLogDirs, 1, { topics: one })
  assert.deepEqual(some.results[0].topics, [{ name: 'orders', partitions: [orders[1]] }])
  assert.equal(some.results[0].totalBytes, -1, 'older versions do not tell')
})
