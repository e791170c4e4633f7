/** What a consumer does when the messages in front of it are deleted before it gets there. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ConsumeOptions } from '../../src/client/consume-options.js'
import { instead, take, texts, world } from './world.js'

/** A queue whose messages 0 to 2 of six go while a consumer asks for them the first time. */
async function overtaken(t: Parameters<typeof world>[0]) {
  let isDeleted = false
  const { mq } = await world(t, {
    between: (broker) =>
      instead(broker, {
        async fetch(request) {
          if (!isDeleted) await broker.deleteRecords({ topic: 'orders', partition: 0 }, 3)
          isDeleted = true
          return broker.fetch(request)
        },
      }),
  })
  for (const value of ['0', '1', '2', '3', '4', '5']) await mq.send('orders', { value })
  return mq
}

describe('goes on at the first message that is kept', () => {
  const ways: Record<string, ConsumeOptions> = {
    'by offset, from the earliest': {},
    'in a group': { group: 'billing' },
    'in a group, from a time': { group: 'billing', from: { time: 0 } },
  }
  for (const [name, options] of Object.entries(ways)) {
    test(name, async (t) => {
      const mq = await overtaken(t)
      const stream = mq.consume('orders', options)
      assert.deepEqual(texts(await take(stream, 3)), ['3', '4', '5'])
      await stream.return?.()
    })
  }
})

describe('ends where the caller named the place', () => {
  for (const from of [{ offset: 1 }, { time: 0 }]) {
    test(JSON.stringify(from), async (t) => {
      const mq = await overtaken(t)
      await assert.rejects(take(mq.consume('orders', { from }), 1), { code: 'OFFSET_OUT_OF_RANGE' })
    })
  }
})
