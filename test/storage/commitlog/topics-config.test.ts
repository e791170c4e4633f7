/** RocketMQ's list of topics: ours come and go in it, and what else it says stays. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { ManualClock } from '../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { TopicsConfig } from '../../../src/storage/commitlog/topics-config.js'

const path = '/store/config/topics.json'

/** As RocketMQ writes it, a key without quotes among them. */
const theirs = `{
\t"dataVersion":{"counter":7,"stateVersion":0,"timestamp":1700000000000},
\t"topicConfigTable":{
\t\t"theirs":{"attributes":{"+message.type":"NORMAL"},"order":true,"perm":4,"readQueueNums":8,"topicFilterType":"SINGLE_TAG","topicName":"theirs","topicSysFlag":2,"writeQueueNums":4}
\t},
\t"unknown":{0:1}
}`

async function world(text?: string) {
  const disk = new MemoryDisk()
  await disk.makeDirectory('/store/config')
  if (text !== undefined) await disk.replaceFile(path, Buffer.from(text))
  const written = async () => JSON.parse(String(await disk.readFile(path)))
  return { disk, written, open: () => TopicsConfig.open(disk, '/store', new ManualClock()) }
}

test('a topic of ours is as RocketMQ would have made it', async () => {
  const { written, open } = await world()
  const config = await open()
  assert.equal(config.queuesOf('orders'), undefined)
  await config.set([{ topic: 'orders', queues: 3 }])
  assert.deepEqual((await written()).topicConfigTable, {
    orders: {
      attributes: {},
      order: false,
      perm: 6,
      readQueueNums: 3,
      topicFilterType: 'SINGLE_TAG',
      topicName: 'orders',
      topicSysFlag: 0,
      writeQueueNums: 3,
    },
  })
  assert.equal((await open()).queuesOf('orders'), 3)
})

test('what RocketMQ wrote stays, but for the queues of a topic that is set', async () => {
  const { disk, written, open } = await world(theirs)
  const config = await open()
  assert.equal(config.queuesOf('theirs'), 8)
  await config.set([{ topic: 'theirs', queues: 8 }])
  assert.equal(String(await disk.readFile(path)), theirs)
  await config.set([{ topic: 'ours', queues: 1 }])
  await config.set([{ topic: 'theirs', queues: 9 }])
  await config.set([{ topic: 'ours', queues: 2 }])
  await config.remove('absent')
  const { topicConfigTable, dataVersion, unknown } = await written()
  const { readQueueNums, writeQueueNums, ...rest } = topicConfigTable.theirs
  assert.deepEqual([readQueueNums, writeQueueNums], [9, 9])
  assert.deepEqual(rest, {
    attributes: { '+message.type': 'NORMAL' },
    order: true,
    perm: 4,
    topicFilterType: 'SINGLE_TAG',
    topicName: 'theirs',
    topicSysFlag: 2,
  })
  assert.deepEqual([dataVersion.counter, unknown], [10, { 0: 1 }])
  await config.remove('theirs')
  assert.deepEqual(Object.keys((await written()).topicConfigTable), ['ours'])
})

test('nothing is written where nothing changes', async () => {
  const { disk, open } = await world()
  const config = await open()
  await config.set([{ topic: 'orders', queues: 3 }])
  const { steps } = disk
  await config.set([{ topic: 'orders', queues: 3 }])
  await config.remove('absent')
  assert.equal(disk.steps, steps)
})

test('what could not be written is tried again', async () => {
  const { disk, written, open } = await world(theirs)
  const config = await open()
  const replace = disk.replaceFile.bind(disk)
  disk.replaceFile = () => Promise.reject(new Error('full'))
  await assert.rejects(config.set([{ topic: 'orders', queues: 3 }]), /full/)
  await assert.rejects(config.set([{ topic: 'theirs', queues: 9 }]), /full/)
  await assert.rejects(config.remove('theirs'), /full/)
  assert.deepEqual([config.queuesOf('orders'), config.queuesOf('theirs')], [undefined, 8])
  disk.replaceFile = replace
  await config.set([{ topic: 'orders', queues: 3 }])
  assert.deepEqual(Object.keys((await written()).topicConfigTable).sort(), ['orders', 'theirs'])
})

test('many topics are one write', async () => {
  const disk = new FaultDisk(new MemoryDisk())
  const config = await TopicsConfig.open(disk, '/store', new ManualClock())
  const wanted = Array.from({ length: 1000 }, (_, i) => ({ topic: `t${i}`, queues: 1 + (i % 3) }))
  await config.set(wanted)
  const written = disk.calls.length
  await config.set(wanted)
  assert.equal(disk.calls.length, written)
  assert.ok(written < 20)
  const again = await TopicsConfig.open(disk, '/store', new ManualClock())
  assert.deepEqual(
    wanted.map(({ topic }) => again.queuesOf(topic)),
    wanted.map(({ queues }) => queues),
  )
})
