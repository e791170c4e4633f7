/** A broker that runs out of descriptors, under connections and under topics, and one that has little memory. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { portOf } from '../support/connecting.js'
import { type ServedBroker, type ServeOptions, serve } from '../support/served-broker.js'
import { until } from '../support/until.js'
import { leaveDescriptors, MemoryGroup, withoutMemoryGroups, withoutPrlimit } from './limits.js'
import { foreseen, Sender } from './sender.js'

const mib = 1024 * 1024

interface Limited {
  readonly dataDir: string
  readonly broker: ServedBroker
  readonly sender: Sender
}

async function limited(t: TestContext, options: ServeOptions): Promise<Limited> {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-limited-'))
  const broker = await serve(dataDir, options)
  const sender = await Sender.to(broker.address)
  t.after(async () => {
    await sender.service.close().catch(() => {})
    await broker.end('SIGKILL')
    rmSync(dataDir, { recursive: true, force: true })
  })
  return { dataDir, broker, sender }
}

/** Stops it in order, and looks for everything with a broker that has no such limit. */
async function assertNothingLost({ dataDir, broker, sender }: Limited): Promise<void> {
  await sender.service.close()
  assert.equal(await broker.end('SIGTERM'), 0, broker.stderr())
  const again = await serve(dataDir)
  try {
    await sender.assertAllAt(again.address)
  } finally {
    await again.end('SIGTERM')
  }
}

test('connections that take the last descriptor stop nobody who is there, and all is well when they leave', {
  skip: withoutPrlimit(),
}, async (t) => {
  // Segments that are soon full, so that it needs descriptors meanwhile.
  const settings = { 'log.index.interval.bytes': 100, 'log.index.size.max.bytes': 96 }
  const world = await limited(t, { settings })
  await world.sender.service.createTopic({ name: 'orders', partitions: 1 })
  assert.ok(await world.sender.send('orders'))
  leaveDescriptors(world.broker.pid, 60)
  const sockets: Socket[] = []
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  let turnedAway = 0
  for (let count = 0; count < 120; count++) {
    const socket = connect(portOf(world.broker), '127.0.0.1')
    socket.on('error', () => {})
    socket.once('close', () => turnedAway++)
    socket.resume()
    sockets.push(socket)
    await once(socket, 'connect').catch(() => {})
  }
  await until('one that is turned away', () => turnedAway > 0)
  let refused = 0
  for (let count = 0; count < 60; count++) if (!(await world.sender.send('orders'))) refused++
  const shutOut = turnedAway
  for (const socket of sockets) socket.destroy()
  await until('a message that is taken', () => world.sender.send('orders'))
  const another = await RemoteBroker.connect(world.broker.address)
  await another.close()
  t.diagnostic(`${shutOut} of 120 connections were turned away, ${refused} of 60 messages refused`)
  await assertNothingLost(world)
})

for (const layout of ['segments', 'commitlog']) {
  test(`topics that want more descriptors than there are, ${layout}: each is answered, and nothing is lost`, {
    skip: withoutPrlimit(),
  }, async (t) => {
    const world = await limited(t, { settings: { 'storage.layout': layout } })
    leaveDescriptors(world.broker.pid, 30)
    let refused = 0
    for (let count = 0; count < 12; count++) {
      const name = `topic-${count}`
      const created = await world.sender.service
        .createTopic({ name, partitions: 6 })
        .catch((error) => void foreseen(error))
      if (created === undefined) {
        refused++
        continue
      }
      const taken = await Promise.all(Array.from({ length: 6 }, (_, partition) => world.sender.send(name, partition)))
      refused += taken.filter((one) => !one).length
    }
    t.diagnostic(`${refused} refusals; ${world.sender.acknowledged.size} partitions took a message`)
    assert.ok(world.sender.acknowledged.size > 0)
    await until('a message that is taken', () => world.sender.send('topic-0'))
    await assertNothingLost(world)
  })
}

test('with less memory than what goes through it, it goes on', { skip: withoutMemoryGroups() }, async (t) => {
  const group = new MemoryGroup(160 * mib)
  t.after(() => until('its processes have ended', () => removed(group)))
  const world = await limited(t, { wrapper: group.wrapper })
  await world.sender.service.createTopic({ name: 'orders', partitions: 4 })
  for (let round = 0; round < 45; round++) {
    const taken = await Promise.all([0, 1, 2, 3].map((partition) => world.sender.send('orders', partition, 900_000)))
    assert.deepEqual(taken, [true, true, true, true])
  }
  assert.ok(world.broker.isRunning(), world.broker.stderr())
  await assertNothingLost(world)
})

function removed(group: MemoryGroup): boolean {
  try {
    group.remove()
    return true
  } catch {
    return false
  }
}
