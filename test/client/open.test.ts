/** The library's door: what it takes, what it refuses, and that it lets go of everything. */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import * as holdfast from '../../src/index.js'

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-open-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

it('opens a folder by path and by URL, and keeps what was sent', async (t) => {
  const path = await folder(t)
  {
    await using mq = await holdfast.open(path)
    await mq.send('orders', { value: 'a' })
    await assert.rejects(holdfast.open(path), { code: 'DATA_DIR_LOCKED' })
  }
  {
    await using mq = await holdfast.open(pathToFileURL(path), { settings: { 'num.partitions': 3 } })
    assert.deepEqual(
      (await mq.read('orders')).map((message) => message.text()),
      ['a'],
    )
    await mq.send('users', { value: 'b' })
    assert.deepEqual(await mq.topics.list(), [
      { name: 'orders', partitions: 1, isInternal: false },
      { name: 'users', partitions: 3, isInternal: false },
    ])
  }
  await using mq = await holdfast.open(pathToFileURL(path).href)
  assert.equal((await mq.topics.describe('users')).partitions.length, 3)
})

it('refuses what it cannot open', async (t) => {
  const path = await folder(t)
  for (const location of ['', 5, 'kafka://broker:9092', 'http://example.org', 'memory:']) {
    await assert.rejects(holdfast.open(location as string), { code: 'INVALID_ARGUMENT' })
  }
  await assert.rejects(holdfast.open('kafka://broker:9092'), /Kafka cluster cannot be opened yet/)
  await assert.rejects(holdfast.open(path, { setings: {} } as never), { code: 'INVALID_ARGUMENT' })
  await assert.rejects(holdfast.open(path, { settings: { 'no.such': 1 } as never }), { code: 'INVALID_SETTING' })
  await assert.rejects(holdfast.open(path, { compression: 'brotli' as never }), { code: 'INVALID_ARGUMENT' })
  const reason = new Error('enough')
  await assert.rejects(holdfast.open(path, { signal: AbortSignal.abort(reason) }), reason)
  const controller = new AbortController()
  const opening = holdfast.open(path, { signal: controller.signal })
  controller.abort(reason)
  await assert.rejects(opening, reason)
  // Nothing of all that holds the folder.
  await (await holdfast.open(path)).close()
})

it('manages topics', async (t) => {
  await using mq = await holdfast.open(await folder(t))
  const created = await mq.topics.create('orders', { partitions: 2, config: { 'max.message.bytes': '5000' } })
  assert.equal(created.partitions.length, 2)
  assert.match(created.id, /^[A-Za-z0-9_-]{22}$/)
  const limit = created.config.find(({ name }) => name === 'max.message.bytes')
  assert.deepEqual([limit?.value, limit?.origin], ['5000', 'topic'])
  await assert.rejects(mq.topics.create('orders'), { code: 'TOPIC_ALREADY_EXISTS' })
  await assert.rejects(mq.topics.create('other', { config: { nonsense: '1' } }), { code: 'INVALID_CONFIG' })
  await mq.topics.delete('orders')
  await assert.rejects(mq.topics.describe('orders'), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await assert.rejects(mq.topics.delete('orders'), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
})

it('exports the door, the errors, and types', () => {
  assert.deepEqual(Object.keys(holdfast).sort(), ['HoldfastError', 'SendManyError', 'errorTable', 'open'])
})
