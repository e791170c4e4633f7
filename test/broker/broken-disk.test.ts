/** The broker over a disk that fails or is slow: deleting topics, and closing. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { Broker } from '../../src/broker/broker.js'
import { buildBatch } from '../../src/records/builder.js'
import { until } from '../support/until.js'

const commit = {
  groupId: 'billing',
  memberId: '',
  groupInstanceId: null,
  generationId: -1,
  offsets: [{ topic: 'orders', partition: 0, offset: 5, leaderEpoch: -1, metadata: '' }],
}
const batch = () => buildBatch([{ value: Buffer.from('x'), timestamp: 1 }]).bytes

test('a topic whose offsets cannot be deleted stays, and they go with it in the end', async () => {
  const disk = new FaultDisk(new MemoryDisk())
  const broker = await Broker.open('/d', { disk })
  await broker.createTopic({ name: 'orders', partitions: 1 })
  await broker.commitOffsets(commit)
  disk.judge = ({ operation, path }) =>
    operation === 'write' && path.includes('__consumer_offsets') ? 'ENOSPC' : undefined
  await assert.rejects(broker.deleteTopic('orders'), { code: 'COORDINATOR_NOT_AVAILABLE' })
  assert.equal((await broker.describeTopics(['orders'])).length, 1)
  assert.equal((await broker.fetchOffsets('billing', null)).length, 1)
  disk.judge = () => undefined
  await until('the log of the groups is well again', () =>
    broker.deleteTopic('orders').then(
      () => true,
      () => false,
    ),
  )
  await broker.createTopic({ name: 'orders', partitions: 1 })
  await broker.produce({ topic: 'orders', partition: 0, batch: batch() })
  assert.deepEqual(await broker.fetchOffsets('billing', null), [])
  await broker.close()
})

test('an offset that was committed while its topic was deleted is gone at once and after the next start', async () => {
  const disk = new FaultDisk(new MemoryDisk())
  let broker = await Broker.open('/d', { disk })
  await broker.createTopic({ name: 'orders', partitions: 1 })
  await broker.commitOffsets({ ...commit, groupId: 'other' })
  let committed: Promise<unknown> | undefined
  let isBroken = false
  disk.judge = async ({ operation, path }) => {
    if (operation === 'replaceFile' && path.includes('topics.json') && committed === undefined) {
      committed = broker.commitOffsets(commit)
      await committed
      isBroken = true
    }
    return isBroken && operation === 'write' && path.includes('__consumer_offsets') ? 'ENOSPC' : undefined
  }
  await broker.deleteTopic('orders')
  assert.deepEqual(await broker.fetchOffsets('billing', null), [])
  disk.judge = () => undefined
  await broker.close().catch(() => {})
  broker = await Broker.open('/d', { disk })
  assert.deepEqual(await broker.fetchOffsets('billing', null), [])
  await broker.createTopic({ name: 'orders', partitions: 1 })
  await broker.close()
  broker = await Broker.open('/d', { disk })
  assert.deepEqual(await broker.fetchOffsets('billing', null), [])
  await broker.close()
})

test('every close() ends when the broker is closed', async () => {
  const disk = new FaultDisk(new MemoryDisk())
  const broker = await Broker.open('/d', { disk })
  await broker.createTopic({ name: 'orders', partitions: 1 })
  let letGo = (): void => {}
  const held = new Promise<undefined>((resolve) => {
    letGo = () => resolve(undefined)
  })
  disk.judge = ({ path }) => (path.includes('cleanshutdown') ? held : undefined)
  const ended: string[] = []
  const first = broker.close().then(() => ended.push('first'))
  const second = broker.close().then(() => ended.push('second'))
  await until('it is about to leave its mark', () => disk.calls.some(({ path }) => path.includes('cleanshutdown')))
  assert.deepEqual(ended, [])
  letGo()
  await Promise.all([first, second])
})
