/** What the store knows of the commit log's topics beside RocketMQ's directory: kept over a restart, and never half. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { CommitLogState } from '../../src/storage/commit-log-state.js'

const path = '/config/commit-log.json'

async function world() {
  const disk = new MemoryDisk()
  await disk.makeDirectory('/config')
  return { disk, load: () => CommitLogState.load(disk, '/config') }
}

const start = (topic: string, partition: number, logStartOffset: number) => ({ topic, partition, logStartOffset })

test('where queues begin is there after a restart, and replaced as a whole', async () => {
  const { load } = await world()
  const state = await load()
  assert.equal(state.startOf('orders', 3), 0)
  await state.writeStarts(() => [start('orders', 3, 7), start('orders', 0, 0), start('__proto__', 1, 9)])
  for (const one of [state, await load()]) {
    assert.deepEqual([one.startOf('orders', 3), one.startOf('orders', 0), one.startOf('__proto__', 1)], [7, 0, 9])
  }
  await state.writeStarts(() => [start('orders', 3, 8)])
  assert.deepEqual([(await load()).startOf('orders', 3), (await load()).startOf('__proto__', 1)], [8, 0])
})

test('those who ask at the same time share one write, and it holds what all of them changed', async () => {
  const { disk, load } = await world()
  const state = await load()
  let writes = 0
  const replace = disk.replaceFile.bind(disk)
  disk.replaceFile = (...given) => {
    writes++
    return replace(...given)
  }
  const offsets = [0, 0, 0]
  await Promise.all(
    offsets.map((_, queue) => {
      offsets[queue] = queue + 5
      return state.writeStarts(() => offsets.map((offset, partition) => start('orders', partition, offset)))
    }),
  )
  assert.equal(writes, 1)
  const again = await load()
  assert.deepEqual(
    [0, 1, 2].map((queue) => again.startOf('orders', queue)),
    [5, 6, 7],
  )
})

test('an epoch that begins in every queue is one write, and all of them are there after a restart', async () => {
  const { disk, load } = await world()
  const state = await load()
  let writes = 0
  const replace = disk.replaceFile.bind(disk)
  disk.replaceFile = (...given) => {
    writes++
    return replace(...given)
  }
  const queues = Array.from({ length: 100 }, (_, queue) => queue)
  for (const [i, epoch] of [1000, 1001].entries()) {
    await Promise.all(queues.map((queue) => state.epochsOf('orders', queue).note(epoch, 10 * i + queue)))
    assert.equal(writes, i + 1)
  }
  await state.writeStarts(() => [])
  const again = await load()
  for (const one of [state, again]) {
    assert.deepEqual(
      queues.map((queue) => one.epochsOf('orders', queue).endOf(1000, 500)),
      queues.map((queue) => ({ epoch: 1000, endOffset: 10 + queue })),
    )
  }
})

test('of a deleted topic it is known where its messages end, as long as the log may hold some', async () => {
  const { load } = await world()
  const state = await load()
  await state.writeStarts(() => [start('gone', 0, 4), start('there', 0, 4)])
  await state.setDeleted('gone', 1000)
  await state.setDeleted('empty', 0)
  for (const one of [state, await load()]) {
    assert.deepEqual([one.deletedUpTo('gone'), one.deletedUpTo('empty'), one.deletedUpTo('there')], [1000, 0, 0])
    assert.deepEqual([one.startOf('gone', 0), one.startOf('there', 0)], [0, 4])
  }
  await state.keepWithin(999, 5000)
  assert.equal((await load()).deletedUpTo('gone'), 1000)
  // A log that lost its end goes on before the place where the topic was deleted.
  await state.keepWithin(0, 900)
  assert.equal((await load()).deletedUpTo('gone'), 900)
  await state.keepWithin(900, 5000)
  assert.equal((await load()).deletedUpTo('gone'), 0)
})

test('a write that fails is told, and the next one holds everything', async () => {
  const { disk, load } = await world()
  const state = await load()
  const replace = disk.replaceFile.bind(disk)
  disk.replaceFile = () => Promise.reject(new Error('full'))
  await assert.rejects(
    state.writeStarts(() => [start('orders', 0, 5)]),
    /full/,
  )
  disk.replaceFile = replace
  await state.setDeleted('gone', 10)
  await state.writeStarts(() => [start('orders', 0, 5)])
  assert.deepEqual([(await load()).startOf('orders', 0), (await load()).deletedUpTo('gone')], [5, 10])
})

test('a queue that was emptied is as new, and of what it held is known until the commit log holds none of it', async () => {
  const { load } = await world()
  const state = await load()
  await state.writeStarts(() => [start('orders', 0, 5), start('orders', 1, 6)])
  await state.epochsOf('orders', 0).note(3, 4)
  await state.setEmptied([{ topic: 'orders', partition: 0 }], 100)
  const again = await load()
  assert.deepEqual([again.startOf('orders', 0), again.startOf('orders', 1)], [0, 6])
  assert.equal(again.epochsOf('orders', 0).current, 0)
  const emptied = async () => [0, 1].map((partition) => again.emptiedUpTo('orders', partition))
  assert.deepEqual(await emptied(), [100, 0])
  await again.keepWithin(0, 80)
  assert.deepEqual([(await load()).emptiedUpTo('orders', 0), await emptied()], [80, [80, 0]])
  await again.keepWithin(80, 90)
  assert.deepEqual([(await load()).emptiedUpTo('orders', 0), await emptied()], [0, [0, 0]])
  await again.setEmptied([{ topic: 'orders', partition: 0 }], 100)
  await again.setDeleted('orders', 0)
  assert.equal((await load()).emptiedUpTo('orders', 0), 0)
})

test('a file that cannot be understood is refused: what was deleted would be shown again', async () => {
  const { disk, load } = await world()
  for (const text of [
    '',
    '{',
    '[]',
    '{"version":2,"starts":[],"deleted":[]}',
    '{"version":1,"starts":{},"deleted":[]}',
    '{"version":1,"starts":[],"deleted":[{"topic":"a","position":-1}]}',
    '{"version":1,"starts":[{"topic":"a","queueId":0.5,"offset":1}],"deleted":[]}',
    '{"version":1,"starts":[null],"deleted":[]}',
    '{"version":1,"starts":[],"deleted":[],"emptied":[{"topic":"a","queueId":0}]}',
  ]) {
    await disk.replaceFile(path, Buffer.from(text))
    await assert.rejects(load(), { code: 'DATA_DIR_DAMAGED' }, text)
  }
})
