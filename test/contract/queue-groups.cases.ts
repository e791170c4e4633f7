/** Groups, wherever the queue is: what was acknowledged is not read again, and members share the partitions. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Message } from '../../src/index.js'
import { until } from '../support/until.js'
import { newTopic, type QueueWorld, textOf } from './queue.cases.js'

const quick = { heartbeatIntervalMs: 100 }
let groups = 0
const newGroup = (): string => `group-${groups++}`

export function groupCases(world: () => QueueWorld): void {
  test('a group goes on behind what it has acknowledged', async () => {
    const { mq, another } = world()
    const topic = await newTopic(mq)
    const group = newGroup()
    await mq.sendMany(
      topic,
      Array.from({ length: 10 }, (_, n) => ({ value: `${n}` })),
    )
    const seen: string[] = []
    for await (const message of mq.consume(topic, { group, ...quick })) {
      seen.push(message.text())
      if (seen.length < 4) continue
      await message.ack()
      break
    }
    assert.deepEqual(seen, ['0', '1', '2', '3'])
    const again = (await another()).consume(topic, { group, ...quick })
    assert.equal(textOf((await again.next()).value), '4')
    await again.close()
  })

  test('two members share the partitions, and one takes over what the other leaves', async () => {
    const { mq, another } = world()
    const other = await another()
    const topic = await newTopic(mq, 4)
    const group = newGroup()
    const seen: { by: number; message: Message }[] = []
    const streams = [mq, other].map((queue) => queue.consume(topic, { group, ...quick }))
    const running = streams.map(async (stream, by) => {
      for await (const message of stream) {
        seen.push({ by, message })
        await message.ack().catch(() => {})
      }
    })
    const members = async (): Promise<number[]> => {
      const { state, members } = await mq.groups.describe(group)
      return state === 'Stable' ? members.map(({ partitions }) => partitions.length) : []
    }
    await until('both have two partitions', async () => (await members()).join() === '2,2')
    const send = (round: string) =>
      Promise.all([0, 1, 2, 3].map((partition) => mq.send(topic, { partition, value: `${round} ${partition}` })))
    await send('shared')
    await until('all four are seen', () => seen.length >= 4)
    assert.deepEqual(seen.map(({ by }) => by).sort(), [0, 0, 1, 1])
    await streams[0].close()
    await until('one has all', async () => (await members()).join() === '4')
    await send('alone')
    const alone = () => seen.filter(({ message }) => message.text().startsWith('alone'))
    await until('all four are seen by the other', () => alone().length >= 4)
    assert.ok(alone().every(({ by }) => by === 1))
    await streams[1].close()
    await Promise.all(running)
    assert.deepEqual(
      (await mq.groups.offsets(group)).map(({ offset, lag }) => [offset, lag]),
      Array(4).fill([2, 0]),
    )
  })

  test('groups are listed, described, moved and deleted', async () => {
    const { mq } = world()
    const topic = await newTopic(mq, 2)
    const group = newGroup()
    assert.equal((await mq.groups.describe(group)).state, 'Dead')
    await mq.sendMany(
      topic,
      Array.from({ length: 20 }, (_, n) => ({ value: `${n}`, partition: n % 2 })),
    )
    const stream = mq.consume(topic, { group, ...quick })
    await (await stream.next()).value?.ack()
    const described = await mq.groups.describe(group)
    assert.deepEqual(
      [described.state, described.members.length, described.members[0].partitions.length],
      ['Stable', 1, 2],
    )
    await assert.rejects(mq.groups.delete(group), { code: 'NON_EMPTY_GROUP' })
    await assert.rejects(mq.groups.resetOffsets(group, { topic, to: 'latest' }), { code: 'NON_EMPTY_GROUP' })
    await stream.close()
    assert.ok((await mq.groups.list()).some(({ groupId, state }) => groupId === group && state === 'Empty'))
    await mq.groups.resetOffsets(group, { topic, to: { offset: 7 } })
    const offsets = await mq.groups.offsets(group)
    assert.deepEqual(
      offsets.map(({ offset, lag }) => [offset, lag]),
      [
        [7, 3],
        [7, 3],
      ],
    )
    const on = mq.consume(topic, { group, ...quick })
    const two = [textOf((await on.next()).value), textOf((await on.next()).value)]
    assert.ok(two.every((text) => Number(text) >= 14))
    await on.close()
    await mq.groups.delete(group)
    await assert.rejects(mq.groups.delete(group), { code: 'GROUP_ID_NOT_FOUND' })
  })
}
