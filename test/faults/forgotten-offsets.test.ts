/** What groups committed for a topic goes with it for good: the next topic of that name begins anew, also after a loss of power. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { Broker } from '../../src/broker/broker.js'
import { resolveSettings } from '../../src/core/settings.js'

const settings = resolveSettings({ 'flush.disk.type': 'ASYNC_FLUSH', 'offsets.topic.num.partitions': 1 })
const place = { topic: 'orders', partition: 0 }
const member = { groupId: 'readers', memberId: '', groupInstanceId: null, generationId: -1 }

async function committed(broker: Broker): Promise<number | undefined> {
  return (await broker.fetchOffsets('readers', [place]))[0]?.offset
}

test('a topic that is deleted and made again has no offset of before, whatever the flush policy', async () => {
  for (let seed = 1; seed <= 6; seed++) {
    const disk = new MemoryDisk()
    const open = (on: MemoryDisk) => Broker.open('/data', { disk: on, settings, clock: new ManualClock() })
    const first = await open(disk)
    await first.createTopic({ name: 'orders', partitions: 1 })
    await first.commitOffsets({ ...member, offsets: [{ ...place, offset: 7, leaderEpoch: -1, metadata: '' }] })
    await first.close()
    const broker = await open(disk)
    assert.equal(await committed(broker), 7)
    await broker.deleteTopic('orders')
    await broker.createTopic({ name: 'orders', partitions: 1 })
    const found = await open(disk.afterCrash(new SeededRandomness(seed)))
    assert.ok(((await committed(found)) ?? -1) < 0, `seed ${seed}: the new topic begins at an offset of the old one`)
    await found.close()
  }
})
