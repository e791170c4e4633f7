/** All queues of a store: which directories are taken for one, and what is done to many at a time. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import type { Disk } from '../../../src/files/disk.js'
import { nodeDisk } from '../../../src/files/node-disk.js'
import { OpenFiles } from '../../../src/files/open-files.js'
import { positionFileName } from '../../../src/storage/commitlog/format.js'
import { ConsumeQueues, type ConsumeQueuesOptions } from '../../../src/storage/commitlog/queue-set.js'
import { temporaryDirectory } from '../support.js'

const directory = '/store/consumequeue'
const everything = Number.MAX_SAFE_INTEGER

function openSet(disk: Disk, options: Partial<ConsumeQueuesOptions> = {}): Promise<ConsumeQueues> {
  const files = new OpenFiles(disk, 10, { mode: 'write' })
  return ConsumeQueues.open({ disk, files, directory, fileBytes: 100, wasClosedCleanly: true, ...options })
}

/** One message of 10 bytes for each queue in turn, `rounds` times. Returns the end of the commit log. */
function fill(queues: ConsumeQueues, topics: readonly string[], perTopic: number, rounds: number): number {
  let position = 0
  for (let round = 0; round < rounds; round++) {
    for (const topic of topics) {
      for (let queueId = 0; queueId < perTopic; queueId++, position += 10) {
        const queue = queues.ensure(topic, queueId)
        queue.append(queue.maxOffset, position, 10, queueId)
      }
    }
  }
  return position
}

test('a store without queues has none, and makes no directory for one that holds nothing', async () => {
  const disk = new MemoryDisk()
  const queues = await openSet(disk)
  assert.deepEqual(queues.findings, { queues: 0, mended: [], skipped: [] })
  const queue = queues.ensure('orders', 1)
  assert.equal(queues.ensure('orders', 1), queue)
  assert.equal(queues.get('orders', 0), undefined)
  assert.equal(await queues.flush(everything), 0)
  await queues.sync()
  assert.equal(await disk.list(directory), undefined)
})

test('queues are found again by topic and id, and what is no queue is left alone', async () => {
  const disk = new MemoryDisk()
  const queues = await openSet(disk)
  const end = fill(queues, ['orders', '%RETRY%billing'], 3, 7)
  assert.equal(queues.unflushedEntries, 42)
  assert.equal(await queues.flush(end - 1), 41)
  assert.equal(queues.unflushedEntries, 1)
  assert.equal(await queues.flush(end), 1)
  await queues.sync()
  await queues.close()
  for (const name of ['lost+found', '01', '-1', '2147483648']) await disk.makeDirectory(join(directory, 'orders', name))
  await disk.replaceFile(join(directory, 'readme'), Buffer.alloc(1))
  const again = await openSet(disk.afterCrash(new SeededRandomness(3)))
  assert.deepEqual(again.topics.sort(), ['%RETRY%billing', 'orders'])
  assert.deepEqual([...again.of('orders').keys()].sort(), [0, 1, 2])
  assert.deepEqual([...again.of('none').keys()], [])
  assert.equal(again.findings.queues, 6)
  assert.equal(again.findings.skipped.length, 4)
  assert.equal(again.maxPosition, end)
  for (const queue of again.all()) assert.equal(queue.maxOffset, 7)
})

test('what was mended is told by directory', async () => {
  const disk = new MemoryDisk()
  const queues = await openSet(disk)
  await queues.flush(fill(queues, ['orders'], 3, 2))
  await queues.sync()
  const empty = join(directory, 'orders', '1', positionFileName(100))
  await disk.replaceFile(empty, Buffer.alloc(0))
  const again = await openSet(disk)
  assert.deepEqual(again.findings.mended, [
    { directory: join(directory, 'orders/1'), findings: { removedEmpty: empty, holes: [], removed: [] } },
  ])
})

test('one stray file in one queue is refused', async () => {
  const disk = new MemoryDisk()
  await disk.makeDirectory(join(directory, 'orders', '0'))
  await disk.replaceFile(join(directory, 'orders', '0', 'x.tmp'), Buffer.alloc(0))
  await assert.rejects(openSet(disk), { code: 'DATA_DIR_DAMAGED', message: /orders\/0\/x\.tmp does not belong/ })
})

test('queues ahead of their commit log are cut and named', async () => {
  const disk = new MemoryDisk()
  const queues = await openSet(disk)
  await queues.flush(fill(queues, ['a', 'b'], 2, 6))
  assert.deepEqual(await queues.truncateFrom(240), { entries: 0, queues: [] })
  assert.deepEqual(await queues.truncateFrom(210), {
    entries: 3,
    queues: [join(directory, 'a/1'), join(directory, 'b/0'), join(directory, 'b/1')],
  })
  assert.equal(queues.maxPosition, 210)
  assert.equal((await openSet(disk)).maxPosition, 210)
})

test('files go with the front of the commit log', async () => {
  const disk = new MemoryDisk()
  const queues = await openSet(disk)
  await queues.flush(fill(queues, ['a'], 2, 12))
  assert.equal(await queues.removeBefore(105), 2)
  assert.deepEqual(
    queues.all().map(({ minOffset }) => minOffset),
    [6, 5],
  )
})

test('a topic goes whole, or from a queue on', async () => {
  const disk = new MemoryDisk()
  const queues = await openSet(disk)
  await queues.flush(fill(queues, ['a', 'b', 'c'], 4, 2))
  await queues.removeTopic('a')
  await queues.removeTopic('b', 2)
  await queues.removeTopic('unknown')
  assert.deepEqual(queues.topics.sort(), ['b', 'c'])
  const again = await openSet(disk.afterCrash(new SeededRandomness(5)))
  assert.deepEqual(again.topics.sort(), ['b', 'c'])
  assert.deepEqual([...again.of('b').keys()].sort(), [0, 1])
  assert.equal(again.of('c').size, 4)
})

test('many queues share few descriptors', async (t) => {
  const disk = new FaultDisk(nodeDisk)
  const path = join(await temporaryDirectory(t), 'consumequeue')
  let most = 0
  disk.judge = () => {
    most = Math.max(most, disk.openFiles)
    return undefined
  }
  const queues = await openSet(disk, { directory: path, fileBytes: 6000 })
  const topics = Array.from({ length: 20 }, (_, i) => `topic-${i}`)
  for (let round = 0; round < 3; round++) await queues.flush(fill(queues, topics, 10, round + 1))
  await queues.sync()
  await queues.close()
  const again = await openSet(disk, { directory: path, fileBytes: 6000 })
  assert.equal(again.findings.queues, 200)
  // Ten of the table, those at work beside them, and those that are just being made.
  assert.ok(most <= 10 + 2 * 32, `${most} files were open`)
})
