/** Which producer ids a directory's own node gives away, and which came with the messages of other nodes. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../../sim/manual-clock.js'
import { diskWith } from '../../../sim/stored-files.js'
import { ProducerIds } from '../../../src/broker/producer-ids.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import { GreatestIds, idRangeOf } from '../../../src/storage/producer-id-ranges.js'
import { repair } from '../../../src/storage/repair/repair.js'
import { appendAll, batchOf, logOf } from '../support.js'
import { check, codes, dataPath, storeFiles, storeTools } from './world.js'

const configPath = join(dataPath, 'config')
const nodeId = 1

/** A closed directory of node 1 with what two nodes' producers wrote. */
async function directory({ isReplica, ids }: { isReplica: boolean; ids: readonly number[] }) {
  const disk = await diskWith(await storeFiles())
  const store = await MessageStore.open(dataPath, storeTools(disk))
  const batches = ids.map((producerId) => batchOf(['x'], { producerId, producerEpoch: 0, baseSequence: 0 }))
  await appendAll(logOf(store), batches)
  if (isReplica) await disk.replaceFile(join(configPath, 'replication.json'), Buffer.from('{}'))
  await store.close()
  return disk
}

const [own, others] = [idRangeOf(nodeId).first, idRangeOf(2).first]

test('ids of other nodes are no fault of a directory with replicas, its own are, and of one that is alone any is', async () => {
  const found = async (options: Parameters<typeof directory>[0]) =>
    codes(await check(await directory(options))).filter((code) => code === 'producer-ids-wrong').length
  assert.equal(await found({ isReplica: true, ids: [others + 7] }), 0)
  assert.equal(await found({ isReplica: true, ids: [own + 2000] }), 1)
  assert.equal(await found({ isReplica: false, ids: [others + 7] }), 1)
})

test('what repair leaves gives away ids of its own node that nobody has written with', async () => {
  const disk = await directory({ isReplica: true, ids: [own + 2000, others + 7] })
  const report = await repair(dataPath, {
    disk,
    clock: new ManualClock(),
    apply: true,
    settings: storeTools(disk).settings,
  })
  assert.deepEqual(report.findings.filter(({ severity }) => severity === 'error').length, 0)
  const id = await (await ProducerIds.load(disk, configPath, nodeId)).take()
  assert.ok(id > own + 2000 && id < idRangeOf(nodeId).end, String(id))
})

test('the greatest ids are those of each range, and of all where a node is alone', () => {
  const ids = new GreatestIds()
  assert.equal(ids.within(idRangeOf(undefined)), -1)
  for (const id of [5, own + 3, own + 1, others + 9]) ids.note(id)
  const all = new GreatestIds()
  all.add(ids)
  assert.deepEqual(
    [0, 1, 2, 3, undefined].map((node) => all.within(idRangeOf(node))),
    [5, own + 3, others + 9, -1, others + 9],
  )
})
