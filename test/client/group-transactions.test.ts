/** A group whose offsets a transaction holds: its next member waits for the outcome, and begins there. */

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { take, texts, world } from './world.js'

for (const commit of [true, false]) {
  it(`a member begins behind what is ${commit ? 'committed' : 'aborted'}, once that is decided`, async (t) => {
    const { broker, mq } = await world(t)
    await mq.sendMany('in', [{ value: 'a' }, { value: 'b' }, { value: 'c' }])
    const transactionalId = 't'
    const none = { producerId: -1, producerEpoch: -1 }
    const producer = { transactionalId, ...(await broker.initProducer({ transactionalId, ...none })) }
    await broker.addOffsetsToTransaction(producer, 'g')
    const member = { groupId: 'g', memberId: '', groupInstanceId: null, generationId: -1 }
    const offset = { topic: 'in', partition: 0, offset: 2, leaderEpoch: -1, metadata: '' }
    await broker.commitTransactionalOffsets({ ...member, ...producer, offsets: [offset] })
    const stream = mq.consume('in', { group: 'g', from: 'earliest' })
    const first = take(stream, 1)
    let isDecided = false
    const asked = t.mock.method(broker, 'fetchOffsets')
    first.then(
      () => assert.ok(isDecided, 'a message came before the outcome'),
      () => {},
    )
    while (asked.mock.callCount() < 2) await new Promise((resolve) => setImmediate(resolve))
    isDecided = true
    await broker.endTransaction(producer, commit)
    assert.deepEqual(texts(await first), [commit ? 'c' : 'a'])
  })
}
