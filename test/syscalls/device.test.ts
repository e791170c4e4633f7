/** Errors of the disk itself, below a real file system: `holdfast serve` refuses what it could not keep, and keeps the rest. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { libc } from '../../src/files/libc.js'
import { holdfast, type ServedBroker, serve } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'
import { until } from '../support/until.js'
import { FaultyDisk, withoutFaultyDisk } from './faulty-disk.js'
import { foreseen, offsetsOf, Sender } from './sender.js'
import { ThinDisk } from './thin-disk.js'

const skip = withoutFaultyDisk()
const settings = {
  'log.segment.bytes': 1 << 20,
  'disk.watermark.delete.ratio': 100,
  'disk.watermark.refuse.ratio': 100,
}

interface World {
  readonly disk: FaultyDisk
  readonly dataDir: string
  broker: ServedBroker
  readonly sender: Sender
}

async function onFaultyDisk(t: TestContext, more: Readonly<Record<string, string | number>> = {}): Promise<World> {
  const disk = await FaultyDisk.make()
  const dataDir = join(disk.path, 'data')
  const broker = await serve(dataDir, { settings: { ...settings, ...more } })
  const sender = await Sender.to(broker.address)
  const world: World = { disk, dataDir, broker, sender }
  t.after(async () => {
    await sender.service.close().catch(() => {})
    await disk.resume()
    await world.broker.end('SIGKILL')
    await disk.end()
  })
  await sender.service.createTopic({ name: 'orders', partitions: 1 })
  for (let count = 0; count < 10; count++) assert.ok(await sender.send('orders'))
  return world
}

/** Whatever only memory knew is gone; the rest is what the disk holds. */
async function startAnew(world: World, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  await world.broker.end(signal)
  await world.disk.unmount()
  await world.disk.mount()
  world.broker = await serve(world.dataDir, { settings })
}

async function assertWhole({ broker, dataDir, sender }: Pick<World, 'broker' | 'dataDir' | 'sender'>): Promise<void> {
  await sender.assertAllAt(broker.address)
  await broker.end('SIGTERM')
  const { code, stdout, stderr } = await runProgram(process.execPath, [holdfast, 'verify', dataDir])
  assert.equal(code, 0, `${stdout}${stderr}`)
}

// Space that is written over: the file system's journal has no part in it, so that it outlives what happens to the data.
const prepared = { 'file.preallocate': 'zero' }

for (const engine of ['disk', 'mmap']) {
  test(`a sync that fails once, and then claims success, is not believed: ${engine}`, {
    skip: engine === 'mmap' && libc() === undefined ? 'files cannot be mapped here' : skip,
  }, async (t) => {
    const world = await onFaultyDisk(t, { ...prepared, 'file.engine': engine })
    const { disk, sender } = world
    disk.fail('pwrite', true)
    assert.equal(await sender.send('orders'), false, 'the disk took nothing')
    assert.equal(sender.refusal?.code, 'KAFKA_STORAGE_ERROR')
    disk.fail('pwrite', false)
    // The kernel has told its error, and would say that all is well.
    assert.equal(await sender.send('orders'), false, 'a log whose sync failed takes nothing more')
    assert.equal(sender.refusal?.code, 'KAFKA_STORAGE_ERROR')
    await sender.assertAllAt(world.broker.address)
    await startAnew(world, 'SIGKILL')
    await assertWhole(world)
  })
}

test('a disk that cannot be read is an error of the reader, and of nobody else', { skip }, async (t) => {
  const world = await onFaultyDisk(t)
  for (let count = 0; count < 4; count++) assert.ok(await world.sender.send('orders', 0, 900_000))
  await startAnew(world, 'SIGTERM')
  const { disk, broker } = world
  const reader = await Sender.to(broker.address)
  t.after(() => reader.service.close().catch(() => {}))
  disk.fail('pread', true)
  const refusal = await offsetsOf(reader.service, 'orders', 0).then(() => undefined, foreseen)
  disk.fail('pread', false)
  t.diagnostic(`the reader was told: ${refusal?.code}`)
  assert.ok(refusal !== undefined, 'the disk was not asked')
  assert.ok(broker.isRunning(), broker.stderr())
  await assertWhole(world)
})

test('a disk that hangs is told of in time, and goes on when it does', { skip }, async (t) => {
  const world = await onFaultyDisk(t, { ...prepared, 'flush.commitlog.timeout': 500 })
  const { disk, sender, broker } = world
  await disk.pause()
  assert.equal(await sender.send('orders'), false)
  assert.equal(sender.refusal?.code, 'FLUSH_DISK_TIMEOUT')
  // Whoever needs no disk is answered.
  assert.equal((await sender.service.describeTopics(['orders'])).length, 1)
  await disk.resume()
  await until('a message that is taken', () => sender.send('orders'))
  assert.ok(broker.isRunning())
  await startAnew(world, 'SIGKILL')
  await assertWhole(world)
})

for (const engine of ['disk', 'mmap']) {
  test(`space that is missing only when it is synced is a refusal, and nothing is lost: ${engine}`, {
    skip: engine === 'mmap' && libc() === undefined ? 'files cannot be mapped here' : skip,
  }, async (t) => {
    const disk = await ThinDisk.make()
    t.after(() => disk.end())
    const dataDir = join(disk.path, 'data')
    const broker = await serve(dataDir, { settings: { ...settings, 'file.engine': engine } })
    const sender = await Sender.to(broker.address)
    t.after(() => Promise.allSettled([sender.service.close(), broker.end('SIGKILL')]))
    await sender.service.createTopic({ name: 'orders', partitions: 1 })
    assert.ok(await sender.send('orders'))
    disk.fill(1 << 20)
    let taken = 0
    while (await sender.send('orders', 0, 100_000)) assert.ok(++taken < 300, 'the device never fills')
    assert.equal(sender.refusal?.code, 'KAFKA_STORAGE_ERROR')
    t.diagnostic(`${taken} messages were taken; then: ${sender.refusal?.message}`)
    await sender.assertAllAt(broker.address)
    await broker.end('SIGKILL')
    disk.free()
    disk.unmount()
    disk.mount()
    await assertWhole({ broker: await serve(dataDir, { settings }), dataDir, sender })
  })
}
