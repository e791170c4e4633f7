/** Files of a commit log that are missing, short or flipped: refused or mended, told, and nothing lost by it. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { HoldfastError } from '../../../src/core/errors.js'
import type { CommitLogStore } from '../../../src/storage/commitlog/commit-log-store.js'
import { positionFileName } from '../../../src/storage/commitlog/format.js'
import { batchOf } from '../support.js'
import {
  assertSame,
  type Content,
  contentOf,
  type DamageWorld,
  damageWorld,
  fileBytes,
  fill,
  flip,
  overwrite,
  setLength,
} from './damage-world.js'
import { append } from './store-world.js'

interface Filled {
  readonly world: DamageWorld
  readonly content: Content
  readonly end: number
}

/** A log of four files, closed or killed. */
async function filled({ closed = true } = {}): Promise<Filled> {
  const world = damageWorld()
  const store = await world.open()
  await fill(store, 4)
  const content = await contentOf(store)
  const end = store.endPosition
  if (closed) assert.equal(await store.close(), true)
  return { world, content, end }
}

const fileAt = (world: DamageWorld, number: number): string =>
  join(world.commitLog, positionFileName(number * fileBytes))

async function assertDamaged(store: CommitLogStore, pattern: RegExp): Promise<void> {
  assert.match(store.report.damage ?? '', pattern)
  assert.equal(store.failure?.code, 'LOG_DAMAGED')
  assert.throws(() => store.ensureQueue('orders', 0).append(batchOf(['no'])), { code: 'LOG_DAMAGED' })
}

async function assertGoesOn(store: CommitLogStore, world: DamageWorld): Promise<void> {
  assert.equal(store.report.damage, undefined)
  for (const queue of store.queues()) await append(queue, batchOf(['more']))
  const content = await contentOf(store)
  assert.equal(await store.close(), true)
  const again = await world.open()
  assertSame(await contentOf(again), content)
  await again.close()
}

/** Takes the file away, opens, puts it back, and opens again. */
async function without({ world, content }: Filled, path: string, look: (store: CommitLogStore) => Promise<void>) {
  const bytes = await world.memory.readFile(path)
  assert.ok(bytes)
  const before = await world.pathsIn(world.commitLog)
  await world.memory.remove(path)
  const store = await world.open()
  await look(store)
  assert.equal(await store.close(), false)
  assert.deepEqual(
    await world.pathsIn(world.commitLog),
    before.filter((one) => one !== path),
    'nothing was removed',
  )
  await overwrite(world.memory, path, bytes)
  const again = await world.open()
  assertSame(await contentOf(again), content)
  await assertGoesOn(again, world)
}

describe('a commit log whose files are damaged', () => {
  for (const hasSnapshot of [true, false]) {
    for (const closed of [true, false]) {
      const how = `${closed ? 'closed' : 'killed'}${hasSnapshot ? '' : ', without a snapshot'}`
      test(`without a file in its middle it takes nothing, and what is behind stays: ${how}`, async () => {
        const found = await filled({ closed })
        if (!hasSnapshot) await found.world.memory.remove(found.world.snapshotPath)
        await without(found, fileAt(found.world, 1), (store) => assertDamaged(store, /no file for the positions 65536/))
      })
    }
  }

  test('without its last file it takes nothing: there were messages in it', async () => {
    const found = await filled()
    await without(found, fileAt(found.world, 3), (store) => assertDamaged(store, /durable up to/))
  })

  test('without any file it takes nothing, and offsets do not begin anew', async () => {
    const { world, content, end } = await filled()
    for (const path of await world.pathsIn(world.commitLog)) await world.memory.remove(path)
    const store = await world.open()
    await assertDamaged(store, new RegExp(`durable up to ${end}`))
    for (const [name, batches] of content) {
      const [topic, partition] = name.split('-')
      const last = batches.at(-1)
      assert.equal(store.queue(topic, Number(partition))?.highWatermark, Number(last?.baseOffset) + 2)
    }
    assert.equal(await store.close(), false)
  })

  test('without its snapshot, a log that ends before its queues do takes nothing', async () => {
    const { world } = await filled()
    await world.memory.remove(world.snapshotPath)
    await world.memory.remove(fileAt(world, 3))
    const store = await world.open()
    await assertDamaged(store, /queues lead to messages up to/)
    await store.close()
  })

  test('a file of a wrong size is refused, and a last one that is short after a kill lacks what was durable', async () => {
    const { world, content } = await filled()
    const [path, middle] = [fileAt(world, 3), fileAt(world, 1)]
    const bytes = await world.memory.readFile(path)
    assert.ok(bytes)
    for (const [one, length] of [
      [path, 1000],
      [middle, 1000],
      [middle, 0],
      [path, fileBytes + 1],
    ] as const) {
      const whole = await world.memory.readFile(one)
      assert.ok(whole)
      await setLength(world.memory, one, length)
      await assert.rejects(world.open(), { code: 'DATA_DIR_DAMAGED' })
      await setLength(world.memory, one, 0)
      await overwrite(world.memory, one, whole)
    }
    await overwrite(world.memory, join(world.directory, 'abort'), Buffer.from('1'))
    await setLength(world.memory, path, 1000)
    const store = await world.open()
    await assertDamaged(store, /durable up to/)
    await store.close()
    await overwrite(world.memory, path, bytes)
    const again = await world.open()
    assertSame(await contentOf(again), content)
    await assertGoesOn(again, world)
  })

  test('a stray file is refused by its name, and nothing is touched', async () => {
    for (const name of ['.DS_Store', positionFileName(7), positionFileName(fileBytes * 4 + 1)]) {
      const { world } = await filled()
      const before = await world.pathsIn('/data')
      await overwrite(world.memory, join(world.commitLog, name), Buffer.alloc(fileBytes))
      await assert.rejects(world.open(), (error: unknown) => {
        assert.ok(error instanceof HoldfastError)
        assert.equal(error.code, 'DATA_DIR_DAMAGED')
        assert.ok(error.message.includes(name))
        return true
      })
      await world.memory.remove(join(world.commitLog, name))
      assert.deepEqual(await world.pathsIn('/data'), before)
    }
  })

  test('a start that is refused does not leave a store that was closed as one in use', async () => {
    const { world } = await filled()
    const before = await world.pathsIn('/data')
    const stray = join(world.directory, 'consumequeue/orders/0/stray')
    await overwrite(world.memory, stray, Buffer.alloc(10))
    await assert.rejects(world.open(), { code: 'DATA_DIR_DAMAGED' })
    await world.memory.remove(stray)
    assert.deepEqual(await world.pathsIn('/data'), before)
    const store = await world.open()
    assert.deepEqual([store.report.clean, store.report.scannedBytes], [true, 0])
    await assertGoesOn(store, world)
  })

  test('a start that is refused leaves the store of a killed process as one in use', async () => {
    const { world } = await filled()
    await overwrite(world.memory, join(world.directory, 'abort'), Buffer.from('1'))
    const stray = join(world.directory, 'consumequeue/orders/0/stray')
    await overwrite(world.memory, stray, Buffer.alloc(10))
    await assert.rejects(world.open(), { code: 'DATA_DIR_DAMAGED' })
    await world.memory.remove(stray)
    const store = await world.open()
    assert.equal(store.report.clean, false)
    await assertGoesOn(store, world)
  })

  test('a flipped bit is told to whoever reads that message, and to nobody else', async () => {
    const { world, content } = await filled()
    const [victim] = content.get('orders-1') ?? []
    const store = await world.open()
    const position = await store.queue('orders', 1)?.positionOf(victim.baseOffset)
    assert.ok(position !== undefined)
    await flip(world.memory, fileAt(world, 0), position + 100)
    await assert.rejects(store.ensureQueue('orders', 1).read(0, 100), { code: 'LOG_DAMAGED' })
    assert.deepEqual(
      [0, 1, 2].map((queue) => store.ensureQueue('orders', queue).damage?.code),
      [undefined, 'LOG_DAMAGED', undefined],
      'who looks after the store can see it',
    )
    assert.equal(store.failure, undefined)
    const slice = await store.ensureQueue('orders', 1).read(victim.baseOffset + 2, 100)
    assert.deepEqual(slice.records[0], content.get('orders-1')?.[1].bytes)
    for (const queue of [0, 2]) await append(store.ensureQueue('orders', queue), batchOf(['others go on']))
    assert.equal(await store.close(), true)
    const again = await world.open()
    assert.equal(again.report.damage, undefined, 'it is not looked for')
    await again.close()
    const searched = await world.open({ fullScan: true })
    assert.match(searched.report.damage ?? '', /damaged at position .*CRC.*durable up to/)
    await searched.close()
    await flip(world.memory, fileAt(world, 0), position + 100)
    await assertGoesOn(await world.open(), world)
  })

  test('a flipped bit in a file that others follow is damage without any snapshot, and nothing is cut', async () => {
    for (const settings of [{}, { 'flush.disk.type': 'ASYNC_FLUSH' }] as const) {
      const { world, content } = await filled({ closed: false })
      await world.memory.remove(world.snapshotPath)
      await flip(world.memory, fileAt(world, 1), 5000)
      const store = await world.open({ settings: { ...world.settings, ...settings } })
      await assertDamaged(store, /damaged at position .*messages follow behind it/)
      await store.close()
      await flip(world.memory, fileAt(world, 1), 5000)
      const again = await world.open()
      assertSame(await contentOf(again), content)
      await again.close()
    }
  })

  test('the last message flipped after a clean end is not cut away', async () => {
    const { world, content, end } = await filled()
    await flip(world.memory, fileAt(world, 3), (end % fileBytes) - 30)
    const store = await world.open()
    await assertDamaged(store, /CRC.*durable up to/)
    await store.close()
    await flip(world.memory, fileAt(world, 3), (end % fileBytes) - 30)
    const again = await world.open()
    assertSame(await contentOf(again), content)
    await assertGoesOn(again, world)
  })

  /** One queue whose entries fill three files. */
  async function longQueue({
    closed,
  }: {
    closed: boolean
  }): Promise<Omit<Filled, 'end'> & { paths: readonly string[] }> {
    const world = damageWorld()
    const store = await world.open()
    for (let i = 0; i < 130; i++) await append(store.ensureQueue('orders', 0), batchOf([`${i}`, 'second']))
    await store.checkpoint()
    const content = await contentOf(store)
    if (closed) await store.close()
    const paths = await world.pathsIn(join(world.directory, 'consumequeue/orders/0'))
    assert.equal(paths.length, 3)
    return { world, content, paths }
  }

  test('whatever is gone of the consume queues is made anew', async () => {
    const damages: Record<string, (world: DamageWorld, paths: readonly string[]) => Promise<void>> = {
      'the first file is gone': ({ memory }, [first]) => memory.remove(first),
      'the last file is gone': ({ memory }, paths) => memory.remove(paths[paths.length - 1]),
      'a file in the middle is gone': ({ memory }, paths) => memory.remove(paths[1]),
      'all are gone': ({ memory, directory }) => memory.remove(join(directory, 'consumequeue')),
      'one leads behind the log': ({ memory }, paths) =>
        overwrite(memory, paths[paths.length - 1], Buffer.from([0, 0, 0, 0, 0x7f]), 20),
    }
    for (const [what, damage] of Object.entries(damages)) {
      for (const closed of [true, false]) {
        const { world, content, paths } = await longQueue({ closed })
        await damage(world, paths)
        const again = await world.open()
        assert.equal(again.report.isRebuilt, true, what)
        assertSame(await contentOf(again), content, what)
        await assertGoesOn(again, world)
      }
    }
  })

  test('a flipped entry is told to its reader, and mended by an opening that reads everything', async () => {
    const { world, content, paths } = await longQueue({ closed: true })
    // Of position and of size.
    for (const at of [3, 6, 10]) {
      await flip(world.memory, paths[0], at)
      const store = await world.open()
      await assert.rejects(store.ensureQueue('orders', 0).read(0, 100), { code: 'LOG_DAMAGED' })
      await store.ensureQueue('orders', 0).read(10, 100)
      await store.close()
      const mended = await world.open({ fullScan: true })
      assertSame(await contentOf(mended), content)
      assert.equal(await mended.close(), true)
    }
  })
})
