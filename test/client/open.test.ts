/** The library's door: what it takes, what it refuses, and that it lets go of everything. */

import assert from 'node:assert/strict'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
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
  for (const location of ['', 5, 'kafka://', 'kafka://user:secret@host', 'http://example.org', 'memory:']) {
    await assert.rejects(holdfast.open(location as string), { code: 'INVALID_ARGUMENT' })
  }
  for (const [options, why] of [
    [{ settings: {} }, /settings is refused for a cluster: a cluster has its own settings/],
    [{ flush: 'sync' }, /flush is refused for a cluster: .*acks=all/],
    [{ metrics: true }, /metrics is refused for a cluster/],
    [{ sasl: { mechanism: 'GSSAPI' } }, /sasl must be/],
    [{ sasl: { mechanism: 'GSSAPI', username: 'u', password: 'p' } }, /GSSAPI; it must be one of PLAIN/],
    [{ tls: 'yes' }, /tls must be true/],
    [{ retryMs: -1 }, /retryMs/],
  ] as const) {
    const refused = holdfast.open('kafka://127.0.0.1:1', options as never)
    await assert.rejects(refused, { code: 'INVALID_ARGUMENT', message: why })
  }
  await assert.rejects(holdfast.open('kafka://127.0.0.1:1'), { code: 'CONNECTION_FAILED', message: /127\.0\.0\.1:1/ })
  await assert.rejects(holdfast.open(path, { tls: true }), { code: 'INVALID_ARGUMENT', message: /kafka: URLs/ })
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
  assert.deepEqual(Object.keys(holdfast).sort(), ['HoldfastError', 'SendManyError', 'errorTable', 'open', 'restore'])
})

/** The values that hold in an open queue, and where the broker says they come from. */
async function inForce(mq: holdfast.Queue, ...names: string[]) {
  const { config } = await mq.topics.describe('t').catch(() => mq.topics.create('t'))
  return names.map((name) => {
    const entry = config.find((each) => each.name === name)
    return [entry?.value, entry?.origin]
  })
}

/** Runs `work` with these variables; the environment is the process's, so tests that set it run one after the other. */
async function withEnvironment(variables: Readonly<Record<string, string>>, work: () => Promise<void>): Promise<void> {
  try {
    Object.assign(process.env, variables)
    await work()
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name]
  }
}

it('takes a profile, and values over it', async (t) => {
  await using mq = await holdfast.open(await folder(t), { profile: 'fast', settings: { 'flush.interval.ms': 7 } })
  assert.deepEqual(await inForce(mq, 'flush.disk.type', 'flush.interval.ms', 'flush.batch.size'), [
    ['ASYNC_FLUSH', 'broker'],
    ['7', 'broker'],
    ['100', 'default'],
  ])
})

for (const [flush, type] of [
  ['sync', 'SYNC_FLUSH'],
  ['batch', 'BATCH_FLUSH'],
  ['async', 'ASYNC_FLUSH'],
] as const) {
  it(`takes flush: '${flush}', for the store and for a topic`, async (t) => {
    await using mq = await holdfast.open(await folder(t), { flush })
    assert.deepEqual(await inForce(mq, 'flush.disk.type'), [[type, 'broker']])
    const other = flush === 'sync' ? 'async' : 'sync'
    const config = { 'segment.bytes': '2000000' }
    const topic = await mq.topics.create('other', { flush: other, config })
    const entry = (name: string) => topic.config.find((each) => each.name === name)
    assert.equal(entry('flush.disk.type')?.value, other === 'sync' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH')
    assert.equal(entry('flush.disk.type')?.origin, 'topic')
    assert.equal(entry('segment.bytes')?.value, '2000000')
  })
}

it('refuses options that contradict each other, and makes nothing', async (t) => {
  const path = join(await folder(t), 'data')
  const refused: [holdfast.OpenOptions, string, RegExp][] = [
    [
      { flush: 'sync', settings: { 'flush.disk.type': 'ASYNC_FLUSH' } },
      'INVALID_ARGUMENT',
      /flush: 'sync' and flush\./,
    ],
    [{ profile: 'fast', settings: { profile: 'hybrid' } }, 'INVALID_ARGUMENT', /profile: 'fast' and profile = /],
    [{ flush: 'never' as never }, 'INVALID_ARGUMENT', /flush is .*never; it must be one of sync, batch, async/],
    [{ profile: 'quick' as never }, 'INVALID_SETTING', /profile = quick \(code\)/],
    [{ flush: 'batch', settings: { 'flush.commitlog.timeout': 100 } }, 'INVALID_SETTING', /FLUSH_DISK_TIMEOUT/],
    [{ config: 5 as never }, 'INVALID_ARGUMENT', /config is .*5; it must be the path/],
    [{ settings: null as never }, 'INVALID_ARGUMENT', /settings is null/],
    [{ config: join(path, 'none.json') }, 'INVALID_SETTING', /none\.json" is not there/],
  ]
  for (const [options, code, message] of refused) await assert.rejects(holdfast.open(path, options), { code, message })
  await assert.rejects(access(path))
  // What says the same twice is no contradiction.
  const twice = {
    flush: 'async',
    settings: { 'flush.disk.type': 'ASYNC_FLUSH', profile: 'fast' },
    profile: 'fast',
  } as const
  await using mq = await holdfast.open(path, twice)
  const create = mq.topics.create('t', { flush: 'sync', config: { 'flush.disk.type': 'ASYNC_FLUSH' } })
  await assert.rejects(create, { code: 'INVALID_ARGUMENT', message: /topics\.create: flush: 'sync' and flush/ })
})

it('reads the environment and a file, under what the program says', async (t) => {
  const path = await folder(t)
  const file = join(path, 'a.json')
  const covered = { 'flush.batch.size': 9, 'message.max.bytes': 6000 }
  await writeFile(file, JSON.stringify({ 'log.segment.bytes': 3_000_000, 'log.index.interval.bytes': 5, ...covered }))
  const variables = { HOLDFAST_MESSAGE_MAX_BYTES: '7000', HOLDFAST_FLUSH_BATCH_SIZE: '8' }
  const names = ['segment.bytes', 'index.interval.bytes', 'max.message.bytes', 'flush.batch.size']
  const expected = [
    ['3000000', 'broker'],
    ['5', 'broker'],
    ['7000', 'broker'],
    ['4', 'broker'],
  ]
  await withEnvironment(variables, async () => {
    const options = { settings: { 'flush.batch.size': 4 } }
    {
      await using mq = await holdfast.open(join(path, 'one'), { ...options, config: file })
      assert.deepEqual(await inForce(mq, ...names), expected)
    }
    await withEnvironment({ HOLDFAST_CONFIG: file }, async () => {
      await using mq = await holdfast.open(join(path, 'two'), options)
      assert.deepEqual(await inForce(mq, ...names), expected)
    })
  })
  await withEnvironment({ HOLDFAST_FLUSH_DISK_TIPE: 'SYNC_FLUSH' }, async () => {
    await assert.rejects(holdfast.open(path), { code: 'INVALID_SETTING', message: /mean HOLDFAST_FLUSH_DISK_TYPE\?/ })
  })
})
