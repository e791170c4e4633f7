/** What comes by itself: live figures, advice, and the tail of a topic. */

import assert from 'node:assert/strict'
import { get } from 'node:http'
import { test } from 'node:test'
import type { BrowsedMessage, History, LiveTick } from '../../src/console/api-types.js'
import { until } from '../support/until.js'
import { openConsole } from './world.js'

interface Event {
  readonly event: string
  readonly data: unknown
}

/** Gathers events until `close`. */
function follow(port: number, path: string): { readonly events: Event[]; close(): void } {
  const events: Event[] = []
  let text = ''
  const asking = get({ host: '127.0.0.1', port, path, agent: false }, (answer) => {
    answer.setEncoding('utf8')
    answer.on('data', (piece: string) => {
      text += piece
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? []
        if (event !== undefined) events.push({ event, data: JSON.parse(data) })
      }
    })
    answer.on('error', () => {})
  })
  asking.on('error', () => {})
  return { events, close: () => asking.destroy() }
}

test('each second a tick tells what went in and out, and the history keeps it', async () => {
  await using world = await openConsole()
  const live = follow(world.server.port, '/api/live')
  const ticks = () => live.events.filter(({ event }) => event === 'tick').map(({ data }) => data as LiveTick)
  let isSending = true
  const sending = (async () => {
    while (isSending) await world.queue.send('orders', { value: 'x' })
  })()
  await until('messages are seen', () =>
    ticks().some((tick) => tick.messagesInPerSecond > 0 && tick.flushesPerSecond > 0),
  )
  isSending = false
  live.close()
  await sending
  assert.ok(live.events.some(({ event }) => event === 'advice'))
  const { ticks: kept } = (await world.ask('/api/history?seconds=60')).json as History
  assert.ok(kept.some((tick) => tick.timeMs === ticks()[0].timeMs))
})

for (const layout of ['segments', 'commitlog']) {
  test(`${layout}: the tail shows what comes from now on, of one tag where that is asked for`, async () => {
    await using world = await openConsole()
    await world.queue.topics.create('orders', { partitions: 2, config: { 'storage.layout': layout } })
    await world.queue.send('orders', { value: 'before' })
    const tail = follow(world.server.port, '/api/topics/orders/tail')
    const tagged = follow(world.server.port, '/api/topics/orders/tail?tags=a')
    await until('both are there', async () => world.server.streamCount === 2)
    await world.queue.send('orders', { value: 'one', tags: 'a', partition: 0 })
    await world.queue.send('orders', { value: 'two', tags: 'b', partition: 1 })
    const values = ({ events }: typeof tail) => events.map(({ data }) => (data as BrowsedMessage).value?.text)
    await until('both messages', () => tail.events.length === 2)
    await until('the tagged one', () => tagged.events.length === 1)
    assert.deepEqual(values(tail).sort(), ['one', 'two'])
    assert.deepEqual(values(tagged), ['one'])
    tail.close()
    tagged.close()
  })
}

test('a tail ends with its topic', async () => {
  await using world = await openConsole()
  await world.queue.topics.create('orders', {})
  const tail = follow(world.server.port, '/api/topics/orders/tail')
  await until('it is there', () => world.server.streamCount === 1)
  await world.queue.topics.delete('orders')
  await until('it has ended', () => world.server.streamCount === 0)
  tail.close()
})
