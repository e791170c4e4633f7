/** `startBroker()` as others use it: several at once, on ports of their own, gone without a trace. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import { HoldfastError } from '../../src/core/errors.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { startBroker } from '../../src/testing/index.js'

const refuses = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => resolve(true))
    socket.on('connect', () => {
      socket.destroy()
      resolve(false)
    })
  })

test('several brokers live side by side, and each goes with its block', async () => {
  let gone: { port: number; dataDir: string }
  {
    await using one = await startBroker()
    await using two = await startBroker({ settings: { 'num.partitions': 3 } })
    assert.notEqual(one.port, two.port)
    assert.equal(two.address, `127.0.0.1:${two.port}`)
    const [topic] = await two.service.describeTopics(['t'], { create: true })
    assert.equal(topic.partitions.length, 3)
    assert.deepEqual(await one.service.describeTopics(null), [])
    assert.equal(await refuses(one.port), false)
    gone = { port: one.port, dataDir: one.dataDir }
  }
  assert.equal(await refuses(gone.port), true)
  assert.equal(existsSync(gone.dataDir), false)
})

test('a data directory of its own is kept, and found again', async () => {
  const directory = await makeTemporaryDirectory('holdfast-keep-')
  try {
    {
      await using broker = await startBroker({ dataDir: directory.path })
      await broker.service.createTopic({ name: 'kept' })
    }
    await using broker = await startBroker({ dataDir: directory.path })
    assert.equal((await broker.service.describeTopics(['kept'])).length, 1)
  } finally {
    await directory.remove()
  }
})

test('what cannot start leaves nothing behind', async () => {
  await using taken = await startBroker()
  const isTaken = (error: unknown) => error instanceof HoldfastError && error.code === 'ADDRESS_IN_USE'
  await assert.rejects(startBroker({ port: taken.port }), isTaken)
  const isLocked = (error: unknown) => error instanceof HoldfastError && error.code === 'DATA_DIR_LOCKED'
  await assert.rejects(startBroker({ dataDir: taken.dataDir }), isLocked)
  await assert.rejects(startBroker({ settings: { 'num.partitions': 0 } }), HoldfastError)
  assert.deepEqual(await taken.service.describeTopics(null), [])
})

test('the environment of the developer does not reach it', async () => {
  process.env['HOLDFAST_NUM_PARTITIONS'] = '7'
  process.env['HOLDFAST_NO_SUCH_SETTING'] = '1'
  try {
    await using broker = await startBroker()
    const [topic] = await broker.service.describeTopics(['t'], { create: true })
    assert.equal(topic.partitions.length, 1)
  } finally {
    delete process.env['HOLDFAST_NUM_PARTITIONS']
    delete process.env['HOLDFAST_NO_SUCH_SETTING']
  }
})
