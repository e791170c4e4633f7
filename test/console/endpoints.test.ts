/** Each endpoint of the console against a real broker, in both layouts. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type {
  GroupDetail,
  GroupRow,
  MessagePage,
  OffsetResetRow,
  Overview,
  Page,
  Reports,
  SettingRow,
  StorageOverview,
  StoredLog,
  TopicDetail,
  TopicRow,
  Trail,
} from '../../src/console/api-types.js'
import { until } from '../support/until.js'
import { openConsole } from './world.js'

const layouts = ['segments', 'commitlog'] as const

test('the overview says what is served', async () => {
  await using world = await openConsole()
  await world.queue.topics.create('orders', { partitions: 3 })
  const overview = (await world.ask('/api/overview')).json as Overview
  assert.deepEqual(
    [overview.topics, overview.partitions, overview.groups, overview.flushPolicy, overview.failedPartitions],
    [1, 3, 0, 'SYNC_FLUSH', []],
  )
  assert.equal(overview.clusterId, world.broker.clusterId)
})

test('topics are made, listed, changed, grown and deleted', async () => {
  await using world = await openConsole()
  const made = await world.change('POST', '/api/topics', {
    name: 'orders',
    partitions: 2,
    config: { 'retention.ms': '1000' },
  })
  assert.equal(made.status, 201)
  const detail = made.json as TopicDetail
  assert.deepEqual(
    [detail.name, detail.layout, detail.partitionRows.length, detail.cleanupPolicy],
    ['orders', 'segments', 2, 'delete'],
  )
  const retention = detail.config.find(({ name }) => name === 'retention.ms')
  assert.deepEqual([retention?.value, retention?.origin, retention?.readOnly], ['1000', 'topic', false])
  assert.ok(typeof retention?.max === 'number')

  const preview = { config: { 'retention.ms': '2000' }, preview: true }
  assert.equal(
    ((await world.change('PATCH', '/api/topics/orders/config', preview)).json as TopicDetail).config.find(
      ({ name }) => name === 'retention.ms',
    )?.value,
    '1000',
  )
  const changed = (await world.change('PATCH', '/api/topics/orders/config', { config: { 'retention.ms': null } }))
    .json as TopicDetail
  assert.notEqual(changed.config.find(({ name }) => name === 'retention.ms')?.origin, 'topic')
  const wrong = await world.change('PATCH', '/api/topics/orders/config', { config: { 'retention.ms': 'soon' } })
  assert.deepEqual([wrong.status, (wrong.json as { code: string }).code], [400, 'INVALID_CONFIG'])

  assert.equal(
    ((await world.change('POST', '/api/topics/orders/partitions', { partitions: 4 })).json as TopicDetail).partitions,
    4,
  )
  assert.equal((await world.change('POST', '/api/topics', { name: 'orders' })).status, 409)
  const listed = (await world.ask('/api/topics?search=ORD')).json as Page<TopicRow>
  assert.deepEqual([listed.total, listed.rows[0].name, listed.rows[0].partitions], [1, 'orders', 4])
  assert.equal((await world.change('DELETE', '/api/topics/orders')).status, 204)
  assert.equal((await world.ask('/api/topics/orders')).status, 404)
})

for (const layout of layouts) {
  test(`${layout}: a message is sent, browsed and traced to its place`, async () => {
    await using world = await openConsole()
    await world.queue.topics.create('orders', {
      config: { 'storage.layout': layout, ...(layout === 'segments' && { 'key.index.enable': 'true' }) },
    })
    const sent = await world.change('POST', '/api/topics/orders/messages', {
      key: 'o-1',
      value: 'zwei Äpfel',
      headers: [{ key: 'trace', value: 'abc' }],
      id: 'id-1',
      tags: 'fruit',
    })
    assert.equal(sent.status, 201)
    assert.deepEqual((sent.json as { partition: number; offset: number }).offset, 0)
    await world.change('POST', '/api/topics/orders/messages', { value: '//4=', encoding: 'base64' })

    const page = (await world.ask('/api/topics/orders/messages')).json as MessagePage
    const [first, second] = page.messages
    assert.deepEqual([first.key?.text, first.value?.text, first.id, first.tags], ['o-1', 'zwei Äpfel', 'id-1', 'fruit'])
    assert.ok(first.headers.some(({ key, value }) => key === 'trace' && value?.text === 'abc'))
    assert.deepEqual([second.key, second.value?.text, second.value?.base64], [null, null, '//4='])
    assert.deepEqual(page.positions, [{ partition: 0, first: 0, next: 2, end: 2 }])
    const found = (await world.ask('/api/topics/orders/messages?key=o-1')).json as MessagePage
    assert.deepEqual(
      found.messages.map(({ offset }) => offset),
      [0],
    )
    const tagged = (await world.ask('/api/topics/orders/messages?offset=0&tags=fruit')).json as MessagePage
    assert.deepEqual(
      tagged.messages.map(({ offset }) => offset),
      [0],
    )
    const late = (await world.ask(`/api/topics/orders/messages?time=${first.timestamp + 3_600_000}`))
      .json as MessagePage
    assert.deepEqual(late.messages, [])

    const trail = (await world.ask('/api/trace?topic=orders&offset=1&partition=0')).json as Trail
    assert.deepEqual(
      [trail.offset, trail.durable, trail.committedState, trail.place.layout],
      [1, true, 'committed', layout],
    )
    assert.ok(trail.place.position > 0)
    const byId = (await world.ask('/api/trace?topic=orders&id=id-1')).json as Trail
    assert.deepEqual([byId.offset, byId.place.position], [0, 0])
    assert.equal(byId.messageId === null, layout === 'segments')
    assert.equal((await world.ask('/api/trace?topic=orders&offset=99')).status, 400)
  })

  test(`${layout}: the files of a log are told with what of them is durable`, async () => {
    await using world = await openConsole({ settings: { 'mapped.file.size.commitlog': 1024 * 1024 } })
    await world.queue.topics.create('orders', {
      config: { 'storage.layout': layout, ...(layout === 'segments' && { 'segment.bytes': String(1024 * 1024) }) },
    })
    for (let i = 0; i < 25; i++) await world.queue.send('orders', { value: randomBytes(100_000) })
    const overview = (await world.ask('/api/storage')).json as StorageOverview
    const where = layout === 'segments' ? '/api/storage/orders/0' : '/api/storage/commitlog'
    assert.ok(overview.logs.some((log) => log.layout === layout && log.sizeInBytes > 2_400_000))
    const log = (await world.ask(where)).json as StoredLog
    assert.equal(log.layout, layout)
    const active = log.files.filter(({ state }) => state === 'active')
    assert.equal(active.length, 1)
    const written = log.files.reduce((sum, file) => sum + file.writtenBytes, 0)
    assert.ok(written > 2_400_000)
    for (const file of log.files) assert.equal(file.durableBytes, file.writtenBytes)
    if (layout === 'segments') assert.ok(log.files.filter(({ state }) => state === 'sealed').length > 1)
    assert.equal((await world.ask('/api/storage/nowhere/0')).status, 404)
  })
}

test('the newest messages of all partitions come in the order of their times, and pages go on without a gap', async () => {
  await using world = await openConsole()
  await world.queue.topics.create('orders', { partitions: 3 })
  for (let i = 0; i < 30; i++) {
    await world.queue.send('orders', { value: String(i), partition: i % 3, timestamp: 1_700_000_000_000 + i })
  }
  const newest = (await world.ask('/api/topics/orders/messages?limit=7')).json as MessagePage
  assert.deepEqual(
    newest.messages.map(({ value }) => Number(value?.text)),
    [23, 24, 25, 26, 27, 28, 29],
  )
  const seen: number[] = []
  let page = (await world.ask('/api/topics/orders/messages?offset=0&limit=7')).json as MessagePage
  for (const { value } of page.messages) seen.push(Number(value?.text))
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6])
  for (const { partition, next } of page.positions) {
    page = (await world.ask(`/api/topics/orders/messages?partition=${partition}&offset=${next}`)).json as MessagePage
    for (const { value } of page.messages) seen.push(Number(value?.text))
  }
  assert.deepEqual(
    seen.sort((a, b) => a - b),
    Array.from({ length: 30 }, (_, i) => i),
  )
})

test('groups are listed with their lag, moved after a preview, and deleted', async () => {
  await using world = await openConsole()
  const { queue, ask, change } = world
  await queue.topics.create('orders', {})
  for (let i = 0; i < 10; i++) await queue.send('orders', { value: String(i) })
  const stream = queue.consume('orders', { group: 'billing', from: 'earliest' })
  for await (const message of stream) {
    await message.ack()
    if (message.offset === 3) break
  }
  const listed = (await ask('/api/groups')).json as Page<GroupRow>
  assert.deepEqual(listed.rows, [{ id: 'billing', state: 'Empty', members: 0, topics: ['orders'], lag: 6 }])
  const detail = (await ask('/api/groups/billing')).json as GroupDetail
  assert.deepEqual(detail.offsets, [{ topic: 'orders', partition: 0, committed: 4, highWatermark: 10, lag: 6 }])
  const reset = { topic: 'orders', to: { offset: 2 } }
  const previewed = (await change('POST', '/api/groups/billing/reset', { ...reset, preview: true }))
    .json as OffsetResetRow[]
  assert.deepEqual(previewed, [{ topic: 'orders', partition: 0, from: 4, to: 2 }])
  assert.equal(((await ask('/api/groups/billing')).json as GroupDetail).lag, 6)
  await change('POST', '/api/groups/billing/reset', { ...reset, preview: false })
  assert.equal(((await ask('/api/groups/billing')).json as GroupDetail).lag, 8)
  const trail = (await ask('/api/trace?topic=orders&offset=1')).json as Trail
  assert.deepEqual(trail.groups, [{ id: 'billing', committed: 2, hasPassed: true }])
  assert.equal((await change('DELETE', '/api/groups/billing')).status, 204)
  assert.equal((await ask('/api/groups/billing')).status, 404)
})

test('a group with members is not moved', async () => {
  await using world = await openConsole()
  await world.queue.send('orders', { value: 'a' })
  const stream = world.queue.consume('orders', { group: 'billing', from: 'earliest' })
  await (await stream.next()).value?.ack()
  const refused = await world.change('POST', '/api/groups/billing/reset', {
    topic: 'orders',
    to: 'earliest',
    preview: false,
  })
  assert.deepEqual([refused.status, (refused.json as { code: string }).code], [409, 'NON_EMPTY_GROUP'])
  await stream.close()
})

test('settings come with their origin; a verification reads every message', async () => {
  await using world = await openConsole({ settings: { 'num.partitions': 2 } })
  const rows = (await world.ask('/api/settings')).json as SettingRow[]
  const row = rows.find(({ name }) => name === 'num.partitions')
  assert.deepEqual([row?.value, row?.origin, row?.default], ['2', 'code', '1'])
  await world.queue.send('orders', { value: 'a' })
  assert.equal((await world.change('POST', '/api/verify')).status, 202)
  await until(
    'the verification ends',
    async () => ((await world.ask('/api/reports')).json as Reports).verification?.sound === true,
  )
  const { recovery } = (await world.ask('/api/reports')).json as Reports
  assert.equal(recovery['damagedLogs'], 0)
})

test('health and readiness answer without a token', async () => {
  await using world = await openConsole({ token: 'a-token-of-some-length' })
  assert.deepEqual([(await world.ask('/health')).status, (await world.ask('/health/ready')).status], [200, 200])
  assert.equal((await world.ask('/api/overview')).status, 401)
})
